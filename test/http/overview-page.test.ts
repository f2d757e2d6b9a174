/**
 * What the overview page says for which state, and that nothing hostile gets out of its cell.
 */
import { expect, test } from 'vitest';
import { renderFailurePage, renderOverviewPage } from '../../src/http/overview-page.ts';
import type { Activity } from '../../src/postgres/activity.ts';
import type { Overview } from '../../src/postgres/overview.ts';
import { alert, discrepancy, overviewOf, pass, quiet, repair, secondsBefore } from './states.ts';

const nothing: Activity = { bucketMs: 1, endsAtMs: 0, bySource: new Map() };
const read = { refresh: true, writable: false, runbook: 'docs/runbook.md' };

function render(overview: Overview, options = {}, activity = nothing): string {
  return renderOverviewPage(overview, activity, { ...read, ...options });
}

/** The text of a page, without markup, with its spaces folded. */
function textOf(overview: Overview): string {
  const page = render(overview);
  return page.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
}

test('says first that all is well when it is', () => {
  expect(textOf(overviewOf({}))).toContain('All judged claims agree with their markers');
});

test('claims nothing about a source that never ran', () => {
  const text = textOf(overviewOf({ passes: [], repairs: [], checkpoint: null, horizon: null }));
  expect(text).toContain('No pass over gifts has run yet.');
  expect(text).toContain('Nothing was judged yet.');
  expect(text).not.toMatch(/agree/);
});

test('a tripped brake calls for a person and names the reason and the command', () => {
  const text = textOf(
    overviewOf({ brake: { ...quiet.brake, state: 'tripped', reason: '812 repairs planned' } }),
  );
  expect(text).toContain('A person is needed');
  expect(text).toContain('812 repairs planned');
  expect(text).toContain('claim-reconciler resume --source gifts');
});

test('a critical alert calls for a person, an open discrepancy for a look', () => {
  const counts = [{ source: 'gifts', severity: 'critical' as const, count: 1 }];
  expect(textOf(overviewOf({}, { alerts: [alert], alertCounts: counts }))).toContain('A person is needed');
  const some = { open: 1, openByVerdict: { missing_marker: 1 }, discrepancies: [discrepancy] };
  expect(textOf(overviewOf(some))).toContain('Some things need a look gifts has 1 open discrepancy.');
});

test('tells the last ended pass that failed, also while the next one runs', () => {
  const running = {
    ...pass,
    id: '8',
    endedAt: null,
    outcome: null,
    verdicts: null,
    repairs: null,
    checked: null,
  };
  const aborted = { ...pass, outcome: 'aborted', reason: 'the marker Redis did not answer' };
  expect(textOf(overviewOf({ passes: [running, aborted] }))).toContain(
    'The last pass over gifts ended aborted: the marker Redis did not answer',
  );
});

test('names whoever holds the horizon still', () => {
  const text = textOf(overviewOf({ horizon: { ageMs: 3_600_000, stalledBy: 'pid 4711 (billing)' } }));
  expect(text).toContain('Reading gifts stands still');
  expect(text).toContain('held still by pid 4711 (billing)');
});

test('a repair that was begun is normal for a moment and worth a look after a minute', () => {
  const begun = (secondsAgo: number) =>
    textOf(
      overviewOf({ unfinished: [{ ...repair, intendedAt: secondsBefore(secondsAgo) }], unfinishedCount: 1 }),
    );
  expect(begun(2)).toContain('All judged claims agree');
  expect(begun(61)).toContain('A repair of gifts was begun and not finished.');
});

test('shows for each repair the marker before and after', () => {
  expect(textOf(overviewOf({}))).toMatch(
    /reissue marker applied gift:42 absent &quot;a-17&quot;, 1 min left/,
  );
});

test('tells the share of claims that were consistent in time, and no number where nothing was judged', () => {
  expect(textOf(overviewOf({}))).toContain(
    'Consistent in 5 min 99.96 % 99.88 % within 1 min, 100 % within 15, of 5,000 judged in an hour',
  );
  expect(textOf(overviewOf({ consistency: null }))).toContain(
    'Consistent in 5 min – no claim was judged in the last hour',
  );
});

test('tells how long a claim was wrong before it was found, where that is known', () => {
  const shown = (committedAfter: string | null) =>
    textOf(overviewOf({ discrepancies: [{ ...discrepancy, committedAfter }], open: 1 }));
  expect(shown(secondsBefore(150))).toMatch(/1 min 30 s ago\s*, within 1 min of its commit/);
  expect(shown(null)).not.toContain('of its commit');
});

test('says when a count is only a lower bound', () => {
  const many = { open: 50_000, openIsCapped: true, openByVerdict: { missing_marker: 50_001 } };
  expect(textOf(overviewOf(many))).toContain('gifts has over 50,000 open discrepancies.');
});

test('hostile texts come out as text, wherever they stand', () => {
  const hostile = '<script>alert(1)</script>" onmouseover="x\u0007\u202E';
  const page = render(
    overviewOf(
      {
        discrepancies: [{ ...discrepancy, claimId: hostile, markerKey: hostile, verdict: hostile }],
        openByVerdict: { [hostile]: 1 },
        open: 1,
        passes: [
          { ...pass, reason: hostile, askedBy: hostile, verdicts: { [hostile]: 3 }, outcome: hostile },
        ],
        repairs: [{ ...repair, markerKey: hostile, note: hostile, doneBy: hostile, action: hostile }],
        horizon: { ageMs: 1, stalledBy: hostile },
        checkpoint: { changeXid: '1', id: hostile, value: hostile, movedAt: hostile, ageMs: 1 },
      },
      { alerts: [{ ...alert, summary: hostile, source: hostile }] },
    ),
  );
  expect(page).not.toContain('<script');
  expect(page).not.toContain('" onmouseover="');
  expect(page).not.toContain('\u0007');
  expect(page).not.toContain('\u202E');
  expect(page).toContain('&lt;script&gt;');
});

test('cells keep long keys short and hold the rest in the tooltip', () => {
  const page = render(overviewOf({ repairs: [{ ...repair, markerKey: 'k'.repeat(500) }] }));
  expect(page).toContain(`<code title="${'k'.repeat(500)}">${'k'.repeat(120)}…</code>`);
});

test('reloads itself unless asked not to, and needs no script', () => {
  const overview = overviewOf({});
  expect(render(overview)).toContain('http-equiv="refresh" content="10;url=/"');
  expect(render(overview, { refresh: false })).not.toContain('http-equiv="refresh"');
  expect(render(overview)).not.toMatch(/<script|\sstyle=|\son[a-z]+=/);
});

test('a state that cannot be read is shown as such, without numbers', () => {
  const page = renderFailurePage('Postgres did not answer <b>');
  expect(page).toContain('The state cannot be read');
  expect(page).toContain('Postgres did not answer &lt;b&gt;');
  expect(page).not.toContain('Open discrepancies');
});
