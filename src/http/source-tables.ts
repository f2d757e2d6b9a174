/**
 * The tables of a source on the overview page: open discrepancies, passes, repairs.
 * Pure, and made of one small function per table.
 */
import { mayBeUndone } from '../domain/undo-action.ts';
import type { DiscrepancyView, PassView, RepairView, SourceOverview } from '../postgres/overview.ts';
import { button } from './document.ts';
import { html, type Html } from './html.ts';
import { ago, badge, block, code, table, type Tone } from './page-parts.ts';
import { describeMarker, explainVerdict, formatCount, formatDuration, spell } from './words.ts';

export interface TableOptions {
  /** The moment the state was read. */
  readonly nowIso: string;
  /** Whether what is offered to be done can be done. */
  readonly writable: boolean;
}

export function renderUnfinished(
  { unfinished, unfinishedCount }: SourceOverview,
  nowIso: string,
): Html | null {
  if (unfinished.length === 0) return null;
  const rows = unfinished.map((repair) => [
    `#${repair.id}`,
    spell(repair.action),
    code(repair.markerKey),
    repair.doneBy,
    ago(repair.intendedAt, nowIso),
  ]);
  return html`<h3>Repairs begun and not finished: ${formatCount(unfinishedCount)}</h3>
    <p class="nothing">
      Normal while a pass runs. Those left by a crash are looked at again by the next pass.
    </p>
    ${table(['Repair', 'Action', 'Marker', 'By', 'Begun'], rows)}`;
}

export function renderVerdicts(source: SourceOverview): Html {
  const found = Object.entries(source.openByVerdict).sort(([, a], [, b]) => b - a);
  const rows = found.map(([verdict, open]) => [
    badge(verdict, 'warning'),
    explainVerdict(verdict),
    formatCount(open),
  ]);
  const nothing =
    source.passes.length === 0
      ? 'Nothing was judged yet.'
      : 'Nothing is open: every judged claim agrees with its marker.';
  return block('Open by verdict', nothing, found, () => table(['Verdict', 'What it means', 'Open'], rows));
}

export function renderDiscrepancies({ discrepancies, open }: SourceOverview, nowIso: string): Html | null {
  if (discrepancies.length === 0) return null;
  const rows = discrepancies.map((found) => [
    html`<a href="/discrepancies/${found.id}">${code(found.claimId ?? found.subject)}</a>`,
    spell(found.verdict),
    found.markerKey === null ? 'none' : code(found.markerKey),
    html`${ago(found.firstSeenAt, nowIso)}${describeLatency(found)}`,
    formatCount(found.checks),
    found.held ? 'held: its repair was undone' : describeNextCheck(found.nextCheckAt, nowIso),
  ]);
  const title = open > discrepancies.length ? `Open discrepancies: ${discrepancies.length} of them` : null;
  return html`<h3>${title ?? 'Open discrepancies'}</h3>
    ${table(['Claim', 'Verdict', 'Marker', 'First seen', 'Checks', 'Next check'], rows)}`;
}

function describeLatency({ committedAfter, firstSeenAt }: DiscrepancyView): string {
  if (committedAfter === null) return '';
  return `, within ${formatDuration(Date.parse(firstSeenAt) - Date.parse(committedAfter))} of its commit`;
}

function describeNextCheck(nextCheckAt: string | null, nowIso: string): string {
  const waitMs = nextCheckAt === null ? 0 : Date.parse(nextCheckAt) - Date.parse(nowIso);
  return waitMs <= 0 ? 'with the next pass' : `in ${formatDuration(waitMs)}`;
}

export function renderPasses({ passes }: SourceOverview, nowIso: string): Html {
  const rows = passes.map((pass) => [
    `#${pass.id}`,
    ago(pass.startedAt, nowIso),
    html`${badge(passWord(pass), passTone(pass))} ${pass.reason}`,
    pass.checked === null ? '–' : formatCount(pass.checked),
    formatBad(pass),
    formatCounts(pass.repairs),
    pass.durationMs === null ? '–' : formatDuration(pass.durationMs),
    `${pass.askedBy}, ${pass.mode}`,
  ]);
  return block('Last passes', 'No pass has run yet.', passes, () =>
    table(['Pass', 'Began', 'Outcome', 'Judged', 'Bad', 'Repairs', 'Took', 'Asked by'], rows),
  );
}

export function renderRepairs({ repairs }: SourceOverview, { nowIso, writable }: TableOptions): Html {
  const rows = repairs.map((repair) => [
    html`<a href="/discrepancies/${repair.discrepancyId}#repair-${repair.id}">#${repair.id}</a>`,
    ago(repair.intendedAt, nowIso),
    html`${spell(repair.action)}${repair.undoOf === null ? null : html` (undo of #${repair.undoOf})`}${
      repair.undoneBy === null ? null : html` (taken back by #${repair.undoneBy})`
    }`,
    html`${badge(repair.outcome, repairTone(repair))} ${repair.note}`,
    code(repair.markerKey),
    code(describeMarker(repair.before)),
    repair.after === null ? '–' : code(describeMarker(repair.after)),
    html`${repair.doneBy}${repair.passId === null ? null : html`, pass #${repair.passId}`}
    ${writable && mayBeUndone(repair) ? button('/by-hand/undo', `Undo #${repair.id}`, { repair: repair.id }) : null}`,
  ]);
  return block('Last repairs', 'No repair was made so far.', repairs, () =>
    table(['Repair', 'When', 'Action', 'Outcome', 'Marker', 'Before', 'After', 'By'], rows),
  );
}

function repairTone({ outcome }: RepairView): Tone {
  if (outcome === 'applied') return 'good';
  return outcome === 'failed' ? 'critical' : 'plain';
}

function formatBad({ verdicts }: PassView): string {
  if (verdicts === null) return '–';
  return formatCounts({ ...verdicts, consistent: 0 });
}

/** `3 applied, 1 failed`; zeros are left out, and `0` is all there is when nothing else is. */
function formatCounts(counts: Readonly<Record<string, number>> | null): string {
  if (counts === null) return '–';
  const some = Object.entries(counts).filter(([, count]) => count > 0);
  return some.map(([word, count]) => `${formatCount(count)} ${spell(word)}`).join(', ') || '0';
}

export function passWord({ outcome }: PassView): string {
  return outcome ?? 'running';
}

export function passTone({ outcome }: PassView): Tone {
  if (outcome === 'completed') return 'good';
  if (outcome === null || outcome === 'stopped') return 'plain';
  return outcome === 'aborted' ? 'warning' : 'critical';
}
