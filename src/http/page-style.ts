/**
 * The style sheet of the pages: light and dark, from a phone to a wall. Loads nothing from elsewhere.
 */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --back: #f5f6f8; --card: #fff; --text: #1b2430; --soft: #5b6675; --line: #dde2e8; --link: #1a5fb4;
  --good: #19713f; --good-back: #e2f3e8; --warning: #8a5300; --warning-back: #fdf0d8;
  --critical: #b3261e; --critical-back: #fde7e5; --plain: #44505e; --plain-back: #e9edf1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #12161c; --card: #1a2029; --text: #e4e9ef; --soft: #97a3b2; --line: #2c3541; --link: #8ab8ff;
    --good: #7fd6a0; --good-back: #16301f; --warning: #f2be6b; --warning-back: #33270f;
    --critical: #ff9a91; --critical-back: #3d1a18; --plain: #b9c4d0; --plain-back: #28313c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
}
a { color: var(--link); }
a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
code { font: 0.88em/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
small { font-size: 0.82em; font-weight: 400; color: var(--soft); }
header { display: flex; flex-wrap: wrap; gap: 0.3rem 1.5rem; align-items: baseline; padding: 0.8rem 1.5rem;
  background: var(--card); border-bottom: 1px solid var(--line); }
header .name { font-weight: 700; color: inherit; text-decoration: none; }
nav { display: flex; gap: 1.2rem; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: 0.5rem; padding: 0.3rem 0.6rem; background: var(--card); z-index: 1; }
.read { display: flex; flex-wrap: wrap; gap: 0.6rem 2rem; align-items: center; justify-content: space-between; margin-bottom: 1rem; }
.read p, .trail { margin: 0; color: var(--soft); }
.trail { margin-bottom: 1rem; }
button, select, input { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 0.2rem 0.6rem; }
button { cursor: pointer; font-weight: 600; color: var(--link); }
button:hover { background: var(--plain-back); }
button:focus-visible, select:focus-visible, input:focus-visible, summary:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.lookup { display: flex; flex-wrap: wrap; gap: 0.4rem 0.9rem; align-items: center; }
.actions { display: flex; flex-wrap: wrap; gap: 0.5rem 1.5rem; align-items: center; margin: 0.9rem 0; }
form.action { display: inline-block; margin: 0.2rem 0; }
.details { margin: 0; }
.details > div { display: grid; grid-template-columns: 6rem minmax(0, 1fr); gap: 0.8rem; padding: 0.4rem 0; border-top: 1px solid var(--line); }
.details dt { color: var(--soft); }
.details dd { margin: 0; overflow-wrap: anywhere; }
.details p { margin: 0; }
.case { border-top: 4px solid var(--tone); }
.case h1 { margin: 0; font-size: 1.25rem; overflow-wrap: anywhere; }
.case > p, .records li { overflow-wrap: anywhere; }
.case .error { color: var(--critical); }
.records { margin: 0; padding-left: 1.2rem; }
.records li { margin-bottom: 0.4rem; }
.records small { display: block; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem 2rem; }
figure { margin: 0; }
figcaption { font-weight: 600; font-size: 0.9em; }
svg { display: block; width: 100%; height: auto; }
svg text { font-size: 10px; fill: var(--soft); }
svg .grid { stroke: var(--line); }
svg .judged { fill: var(--link); } svg .found { fill: var(--warning); } svg .repaired { fill: var(--good); }
.key::before { content: ""; display: inline-block; width: 0.7em; height: 0.7em; margin: 0 0.3em 0 0.6em; border-radius: 2px; background: currentcolor; }
.key.found { color: var(--warning); } .key.repaired { color: var(--good); }
details { margin: 0.4rem 0 0; font-size: 0.9em; } summary { color: var(--link); cursor: pointer; }
main { max-width: 84rem; margin: 0 auto; padding: 1rem 1.5rem 3rem; }
h1 { margin: 0; font-size: 1.25rem; }
h2 { margin: 0 0 0.8rem; font-size: 1.15rem; display: flex; flex-wrap: wrap; gap: 0.2rem 0.6rem; align-items: center; }
h3 { margin: 1.4rem 0 0.4rem; font-size: 0.95rem; }
section, .summary { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1rem 1.2rem 1.2rem; margin-bottom: 1rem; overflow-wrap: anywhere; }
.summary { border-left: 6px solid var(--tone); }
.summary h1 { color: var(--tone); }
.summary ul { margin: 0.5rem 0 0; padding-left: 1.2rem; }
.good { --tone: var(--good); --tone-back: var(--good-back); }
.warning { --tone: var(--warning); --tone-back: var(--warning-back); }
.critical { --tone: var(--critical); --tone-back: var(--critical-back); }
.plain { --tone: var(--plain); --tone-back: var(--plain-back); }
.badge { display: inline-block; padding: 0 0.5em; border-radius: 1em; font-size: 0.82em; font-weight: 600;
  white-space: nowrap; color: var(--tone); background: var(--tone-back); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: 0.7rem; margin: 0; }
.facts > div { border: 1px solid var(--line); border-top: 3px solid var(--tone); border-radius: 8px; padding: 0.5rem 0.8rem; }
.facts .plain { border-top-color: var(--line); }
.facts dt { color: var(--soft); font-size: 0.85em; }
.facts dd { margin: 0; }
.facts strong { display: block; font-size: 1.15rem; color: var(--tone); }
.facts .plain strong { color: inherit; }
.facts span { display: block; font-size: 0.85em; color: var(--soft); }
.alerts { list-style: none; margin: 0; padding: 0; }
.alerts li { padding: 0.5rem 0.8rem; border-left: 4px solid var(--tone); margin-bottom: 0.5rem; background: var(--back); border-radius: 0 8px 8px 0; }
.alerts small { display: block; }
.nothing { margin: 0 0 0.4rem; color: var(--soft); }
table { width: 100%; border-collapse: collapse; font-size: 0.9em; }
th { text-align: left; font-weight: 600; color: var(--soft); padding: 0.25rem 0.8rem 0.25rem 0; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
td { vertical-align: top; overflow-wrap: break-word; padding: 0.35rem 0.8rem 0.35rem 0; border-bottom: 1px solid var(--line);
  font-variant-numeric: tabular-nums; min-width: 4.5rem; }
tr:last-child td { border-bottom: 0; }
@media (max-width: 760px) {
  header { padding: 0.7rem 0.9rem; }
  main { padding: 0.8rem 0.6rem 2rem; }
  section, .summary { padding: 0.8rem 0.9rem 1rem; }
  .facts { grid-template-columns: 1fr; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, td { display: block; }
  tr { border: 1px solid var(--line); border-radius: 8px; padding: 0.4rem 0.7rem; margin-bottom: 0.6rem; }
  td { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); gap: 0.6rem; padding: 0.15rem 0; border: 0; }
  td::before { content: attr(data-label); color: var(--soft); }
}
`;
