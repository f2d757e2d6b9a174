/**
 * The page of a claim, a marker or a discrepancy: what `explain` prints, with what can be done about it.
 * Pure. The sentences are those of `reconcile/explain-facts.ts`.
 */
import { historyMax } from '../postgres/history.ts';
import type { ExplainTarget } from '../reconcile/explain-claim.ts';
import {
  factsAround,
  factsOfCase,
  isFullRecord,
  mayBeRepaired,
  nameOfCase,
  nameOfTarget,
  recordsOf,
  whyOf,
  type Fact,
  type RecordEntry,
  type ToldCase,
} from '../reconcile/explain-facts.ts';
import type { Told } from '../reconcile/explain-words.ts';
import { button, renderDocument } from './document.ts';
import { html, type Html } from './html.ts';
import { badge, type Tone } from './page-parts.ts';

export interface ExplainPageOptions {
  /** Whether what is offered to be done can be done. */
  readonly writable: boolean;
  /** Whether the distributor was asked. */
  readonly asked: boolean;
}

export function renderExplainPage(told: Told, target: ExplainTarget, options: ExplainPageOptions): string {
  const name = `${nameOfTarget(target)} of ${told.source}`;
  return renderDocument({
    title: name,
    next: null,
    main: html`<p class="trail">
        <a href="/#source-${told.source}">${told.source}</a> › ${nameOfTarget(target)}
      </p>
      ${told.cases.length === 0 ? renderNothing(name) : told.cases.map((found, at) => renderCase(told, found, at))}
      <section>
        <h2>Around it</h2>
        ${renderFacts(factsAround(told))} ${renderByHand(told, target, options)}
      </section>
      ${renderRecords(told, options)}`,
  });
}

function renderNothing(name: string): Html {
  return html`<div class="summary plain">
    <h1>${name}</h1>
    <p>There is nothing there now. What was, is on record below.</p>
  </div>`;
}

function renderCase(told: Told, found: ToldCase, at: number): Html {
  const tone = toneOf(found);
  const heading = html`${nameOfCase(found)} of ${told.source} ${badge(found.verdict, tone)}`;
  return html`<section class="case ${tone}">
    ${at === 0 ? html`<h1>${heading}</h1>` : html`<h2>${heading}</h2>`}
    <p>${whyOf(found)}</p>
    ${renderFacts(factsOfCase(told, found))}
  </section>`;
}

function toneOf({ verdict }: ToldCase): Tone {
  if (verdict === 'consistent') return 'good';
  return verdict === 'unknown' ? 'plain' : 'warning';
}

function renderFacts(facts: readonly Fact[]): Html {
  const items = facts.map(
    ({ name, texts }) =>
      html`<div>
        <dt>${name}</dt>
        <dd>${texts.map((text) => html`<p>${text}</p>`)}</dd>
      </div>`,
  );
  return html`<dl class="details">${items}</dl>`;
}

function renderByHand(
  told: Told,
  target: ExplainTarget,
  { writable, asked }: ExplainPageOptions,
): Html | null {
  const canAsk = !asked && told.cases.some(({ distributor }) => distributor.kind === 'not_asked');
  const ask = canAsk
    ? html`<form class="action" method="get" action="/explain">
        ${hiddenFields(told.source, target)}<input type="hidden" name="ask" value="yes" />
        <button type="submit">Ask the distributor</button>
        <small>changes nothing</small>
      </form>`
    : null;
  if (!mayBeRepaired(told)) return ask;
  const plan = writable
    ? html`<form class="action" method="post" action="/by-hand/plan">
        ${hiddenFields(told.source, target)}
        <button type="submit">Plan a repair</button>
        <small>changes nothing; what would be done is shown first</small>
      </form>`
    : html`<p class="nothing">A repair by hand needs credentials here, or the command line.</p>`;
  return html`<div class="actions">${plan} ${ask}</div>`;
}

/** Encoded, since what is shown in a page has its control characters replaced; decoded in `pages.ts`. */
function hiddenFields(source: string, target: ExplainTarget): Html {
  const text = target.kind === 'claim' ? target.id : target.key;
  return html`<input type="hidden" name="source" value="${source}" /><input
      type="hidden"
      name="encoded-${target.kind}"
      value="${encodeURIComponent(text)}"
    />`;
}

function renderRecords(told: Told, { writable }: ExplainPageOptions): Html {
  const records = recordsOf(told);
  const items = records.map(
    (record) =>
      html`<li id="${record.kind}-${record.id}">
        ${record.text} ${record.notes.map((note) => html`<small>${note}</small>`)}
        ${writable ? renderAction(record) : null}
      </li>`,
  );
  return html`<section>
    <h2>On record <small>the newest first</small></h2>
    ${
      items.length === 0
        ? html`<p class="nothing">Nothing is on record of it.</p>`
        : html`<ul class="records">
            ${items}
          </ul>`
    }
    ${isFullRecord(told) ? html`<p class="nothing">The newest ${historyMax} of each are shown.</p>` : null}
  </section>`;
}

function renderAction({ kind, id, isActionable }: RecordEntry): Html | null {
  if (!isActionable) return null;
  return kind === 'repair'
    ? button('/by-hand/undo', `Undo repair ${id}`, { repair: id })
    : button(`/alerts/${id}/acknowledge`, `Acknowledge alert ${id}`);
}
