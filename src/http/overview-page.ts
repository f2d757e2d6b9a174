/**
 * The overview page: what is wrong, what the worker did and why, in one look. Plain HTML, no script.
 * Pure: a page is made from a state that was read before. Everything that came from the stores is escaped by `html`.
 */
import { runbookLink } from '../domain/alert-message.ts';
import type { Activity } from '../postgres/activity.ts';
import type { AlertView, Overview, SourceOverview } from '../postgres/overview.ts';
import { button, renderDocument } from './document.ts';
import { html, type Html } from './html.ts';
import { ago, badge, type Tone } from './page-parts.ts';
import { renderSource } from './source-section.ts';
import { passTone } from './source-tables.ts';
import { formatCount, formatTime } from './words.ts';

/** How often the page reloads itself unless told not to, in seconds. */
const refreshSeconds = 10;
/** A repair takes milliseconds; one begun this long ago was left by a crash or hangs. */
const unfinishedAgeMaxMs = 60_000;

export interface PageOptions {
  /** False: the page stays as it is, for reading and copying. */
  readonly refresh: boolean;
  /** Whether what is offered to be done can be done. */
  readonly writable: boolean;
  /** Where the run-book is. */
  readonly runbook: string;
}

export function renderOverviewPage(overview: Overview, activity: Activity, options: PageOptions): string {
  const { sources, readAt } = overview;
  const { refresh } = options;
  const findings = sources.flatMap((source) => judgeSource(source, readAt));
  const toggle = refresh
    ? html`reloads every ${refreshSeconds} s, <a href="/?refresh=off">stop</a>`
    : html`<a href="/">reload every ${refreshSeconds} s</a>`;
  return renderDocument({
    title: 'Overview',
    next: refresh ? { inSeconds: refreshSeconds, path: '/' } : null,
    main: html`<div class="read">
        <p>State of <time datetime="${readAt}">${formatTime(readAt)}</time> UTC, ${toggle}</p>
        ${renderLookup(sources.map(({ name }) => name))}
      </div>
      ${renderSummary(overview, findings)} ${renderAlerts(overview, options)}
      ${sources.map((source) => renderSource(source, activity, { ...options, nowIso: readAt }))}`,
  });
}

/** The page for when the state cannot be read: it says so, and shows no numbers. */
export function renderFailurePage(message: string): string {
  return renderDocument({
    title: 'State unknown',
    next: { inSeconds: refreshSeconds, path: '/' },
    main: html`<div class="summary critical">
      <h1>The state cannot be read</h1>
      <p>${message}</p>
      <p>Nothing is known about claims, brake or alerts until it can be. The page tries again by itself.</p>
    </div>`,
  });
}

/** Whoever is asked about a claim has its id, or the marker's key. */
function renderLookup(sources: readonly string[]): Html {
  const options = sources.map((name) => html`<option>${name}</option>`);
  return html`<form class="lookup" method="get" action="/explain" role="search">
    <label
      >Source
      <select name="source">
        ${options}
      </select></label
    >
    <label>Claim <input name="claim" size="10" autocomplete="off" /></label>
    <label>or marker <input name="marker" size="18" autocomplete="off" /></label>
    <button type="submit">Explain</button>
  </form>`;
}

interface Finding {
  readonly tone: Tone;
  readonly text: string;
}

/** What a person should know first about a source, the gravest first; empty when there is nothing. */
function judgeSource(source: SourceOverview, nowIso: string): Finding[] {
  const { name, brake, horizon, passes, open, openIsCapped, unfinished } = source;
  const found: Finding[] = [];
  const say = (tone: Tone, text: string) => found.push({ tone, text });
  if (brake.state === 'tripped') say('critical', `The brake of ${name} is tripped: no repair is made.`);
  const ended = passes.find(({ endedAt }) => endedAt !== null);
  if (ended !== undefined && passTone(ended) !== 'good' && ended.outcome !== 'stopped') {
    const tone = passTone(ended);
    say(
      tone,
      `The last pass over ${name} ended ${ended.outcome ?? ''}: ${ended.reason ?? 'no reason given'}`,
    );
  }
  const oldest = unfinished[0];
  if (oldest !== undefined && Date.parse(nowIso) - Date.parse(oldest.intendedAt) > unfinishedAgeMaxMs) {
    say('warning', `A repair of ${name} was begun and not finished.`);
  }
  if (horizon !== null && horizon.stalledBy !== null) {
    say('warning', `Reading ${name} stands still: rows changed since are not judged. See its horizon.`);
  }
  if (open > 0) {
    const count = `${openIsCapped ? 'over ' : ''}${formatCount(open)}`;
    say('warning', `${name} has ${count} open ${open === 1 ? 'discrepancy' : 'discrepancies'}.`);
  }
  if (passes.length === 0) say('plain', `No pass over ${name} has run yet.`);
  return found;
}

function renderSummary({ alertCounts }: Overview, findings: readonly Finding[]): Html {
  const alarming = alertCounts.filter(({ severity }) => severity !== 'info');
  const tones = new Set<Tone>([
    ...findings.map(({ tone }) => tone),
    ...alarming.map(({ severity }) => (severity === 'critical' ? 'critical' : 'warning')),
  ]);
  const tone = (['critical', 'warning', 'plain'] as const).find((one) => tones.has(one)) ?? 'good';
  const headline = {
    good: 'All judged claims agree with their markers',
    plain: 'Nothing wrong was found so far',
    warning: 'Some things need a look',
    critical: 'A person is needed',
  }[tone];
  const list = findings.map(({ text }) => html`<li>${text}</li>`);
  return html`<div class="summary ${tone}">
    <h1>${headline}</h1>
    ${
      list.length === 0
        ? null
        : html`<ul>
            ${list}
          </ul>`
    }
  </div>`;
}

const severityTones = { critical: 'critical', warning: 'warning', info: 'plain' } as const;

function renderAlerts({ alerts, alertCounts, readAt }: Overview, options: PageOptions): Html | null {
  if (alerts.length === 0) return null;
  const total = alertCounts.reduce((sum, { count }) => sum + count, 0);
  const items = alerts.map(
    (alert) =>
      html`<li class="${severityTones[alert.severity]}">
        ${badge(alert.severity, severityTones[alert.severity])} ${alert.summary}
        <small>
          ${alert.source}, ${describeState(alert)}, since ${ago(alert.openedAt, readAt)}, seen
          ${formatCount(alert.seen)} ${alert.seen === 1 ? 'time' : 'times'}, last
          ${ago(alert.lastSeenAt, readAt)}; what to do: ${renderRunbook(alert.kind, options.runbook)}
        </small>
        ${
          options.writable && alert.state === 'open'
            ? button(`/alerts/${alert.id}/acknowledge`, `Acknowledge alert ${alert.id}`)
            : null
        }
      </li>`,
  );
  const more =
    total > alerts.length ? html`<p class="nothing">The gravest ${alerts.length} are shown.</p>` : null;
  return html`<section id="alerts">
    <h2>Open alerts <small>${formatCount(total)}</small></h2>
    <ul class="alerts">
      ${items}
    </ul>
    ${more}
  </section>`;
}

function describeState({ state, acknowledgedBy }: AlertView): string {
  return state === 'acknowledged' ? `taken in hand by ${acknowledgedBy ?? 'somebody'}` : state;
}

/** A link where the run-book is on the web, else the place in the documentation. */
function renderRunbook(kind: string, runbook: string): Html {
  const link = runbookLink(runbook, kind);
  return /^https?:/.test(link) ? html`<a href="${link}">run-book</a>` : html`<code>${link}</code>`;
}
