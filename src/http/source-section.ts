/**
 * The part of the overview page that shows one source: facts, open discrepancies, passes, repairs.
 * Pure, and made of one small function per table.
 */
import type { DiscrepancyView, PassView, RepairView, SourceOverview } from '../postgres/overview.ts';
import { html, type Fill, type Html } from './html.ts';
import { ago, badge, block, code, table, type Tone } from './page-parts.ts';
import {
  describeMarker,
  explainVerdict,
  formatCount,
  formatDuration,
  formatShare,
  formatTime,
  spell,
} from './words.ts';

/** @param nowIso the moment the state was read */
export function renderSource(source: SourceOverview, nowIso: string): Html {
  return html`<section id="source-${source.name}">
    <h2>
      ${source.name} ${badge(source.mode, 'plain')}
      <small>${source.table}, schedule <code>${source.schedule}</code></small>
    </h2>
    ${renderFacts(source, nowIso)} ${renderUnfinished(source, nowIso)} ${renderVerdicts(source)}
    ${renderDiscrepancies(source, nowIso)} ${renderPasses(source, nowIso)} ${renderRepairs(source, nowIso)}
  </section>`;
}

function renderFacts(source: SourceOverview, nowIso: string): Html {
  const { checkpoint, horizon, brake } = source;
  const last = source.passes[0];
  return html`<dl class="facts">
    ${fact('Open discrepancies', openTone(source), formatOpen(source), null)}
    ${fact('Brake', brakeTones[brake.state], brake.state, describeBrake(source, nowIso))}
    ${renderConsistency(source)}
    ${
      last === undefined
        ? fact('Last pass', 'plain', 'none yet', null)
        : fact('Last pass', passTone(last), passWord(last), html`began ${ago(last.startedAt, nowIso)}`)
    }
    ${
      checkpoint === null
        ? fact('Checkpoint', 'plain', 'none yet', 'nothing is judged so far')
        : fact(
            'Checkpoint',
            'plain',
            `${formatDuration(checkpoint.ageMs)} old`,
            html`at
            ${code(checkpoint.changeXid)}${checkpoint.id === null ? null : html`, ${code(checkpoint.id)}`},
            last moved ${ago(checkpoint.movedAt, nowIso)}`,
          )
    }
    ${
      horizon === null
        ? fact('Horizon', 'plain', 'none yet', null)
        : fact(
            'Horizon',
            horizon.stalledBy === null ? 'plain' : 'warning',
            `${formatDuration(horizon.ageMs)} old`,
            horizon.stalledBy === null
              ? 'rows committed before it can be judged'
              : `held still by ${horizon.stalledBy}`,
          )
    }
  </dl>`;
}

function renderConsistency({ consistency }: SourceOverview): Html {
  if (consistency === null) {
    return fact('Consistent in 5 min', 'plain', '–', 'no claim was judged in the last hour');
  }
  const { judged, within } = consistency;
  const { '1m': soon, '5m': later, '15m': late } = within;
  return fact(
    'Consistent in 5 min',
    late < 1 ? 'warning' : 'good',
    formatShare(later),
    `${formatShare(soon)} within 1 min, ${formatShare(late)} within 15, of ${formatCount(judged)} judged in an hour`,
  );
}

function fact(name: string, tone: Tone, value: string, detail: Fill): Html {
  return html`<div class="${tone}">
    <dt>${name}</dt>
    <dd>
      <strong>${value}</strong>
      ${detail === null ? null : html`<span>${detail}</span>`}
    </dd>
  </div>`;
}

const brakeTones = { armed: 'good', tripped: 'critical', lifted: 'warning' } as const;

function describeBrake({ name, brake }: SourceOverview, nowIso: string): Fill {
  const since = brake.changedAt === null ? null : html` (${ago(brake.changedAt, nowIso)})`;
  switch (brake.state) {
    case 'armed':
      return 'repairs are made within the limits';
    case 'lifted':
      return html`no limits until ${formatTime(brake.liftedUntil ?? '')} UTC, by ${brake.changedBy}`;
    case 'tripped':
      return html`${brake.reason}${since}. No repair is made. When it is right to go on:
        <code>claim-reconciler resume --source ${name}</code>`;
  }
}

function renderUnfinished({ unfinished, unfinishedCount }: SourceOverview, nowIso: string): Html | null {
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

function renderVerdicts(source: SourceOverview): Html {
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

function renderDiscrepancies({ discrepancies, open }: SourceOverview, nowIso: string): Html | null {
  if (discrepancies.length === 0) return null;
  const rows = discrepancies.map((found) => [
    code(found.claimId ?? found.subject),
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

function renderPasses({ passes }: SourceOverview, nowIso: string): Html {
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

function renderRepairs({ repairs }: SourceOverview, nowIso: string): Html {
  const rows = repairs.map((repair) => [
    `#${repair.id}`,
    ago(repair.intendedAt, nowIso),
    html`${spell(repair.action)}${repair.undoOf === null ? null : html` (undo of #${repair.undoOf})`}`,
    html`${badge(repair.outcome, repairTone(repair))} ${repair.note}`,
    code(repair.markerKey),
    code(describeMarker(repair.before)),
    repair.after === null ? '–' : code(describeMarker(repair.after)),
    html`${repair.doneBy}${repair.passId === null ? null : html`, pass #${repair.passId}`}`,
  ]);
  return block('Last repairs', 'No repair was made so far.', repairs, () =>
    table(['Repair', 'When', 'Action', 'Outcome', 'Marker', 'Before', 'After', 'By'], rows),
  );
}

function passWord({ outcome }: PassView): string {
  return outcome ?? 'running';
}

export function passTone({ outcome }: PassView): Tone {
  if (outcome === 'completed') return 'good';
  if (outcome === null || outcome === 'stopped') return 'plain';
  return outcome === 'aborted' ? 'warning' : 'critical';
}

function repairTone({ outcome }: RepairView): Tone {
  if (outcome === 'applied') return 'good';
  return outcome === 'failed' ? 'critical' : 'plain';
}

function openTone({ open, passes }: SourceOverview): Tone {
  if (open > 0) return 'warning';
  return passes.length === 0 ? 'plain' : 'good';
}

function formatOpen({ open, openIsCapped }: SourceOverview): string {
  return openIsCapped ? `over ${formatCount(open)}` : formatCount(open);
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
