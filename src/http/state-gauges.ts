/**
 * The gauges that tell the state in Postgres.
 * Invariant kept: they show one reading or nothing; values of an earlier reading never stay beside newer ones.
 */
import { Gauge, type Registry } from 'prom-client';
import type { BrakeState } from '../domain/brake.ts';
import { badVerdicts } from '../domain/verdict.ts';
import { consistencyTimes, type Overview, type SourceOverview } from '../postgres/overview.ts';

export interface StateGauges {
  show(overview: Overview): void;
  /** The state could not be read. */
  showUnknown(): void;
}

const brakeStates: readonly BrakeState[] = ['armed', 'tripped', 'lifted'];
const severities = ['info', 'warning', 'critical'] as const;

export function createStateGauges(registry: Registry): StateGauges {
  const up = new Gauge({
    name: 'claim_reconciler_state_up',
    help: '1 when the state in Postgres could be read for this scrape; 0: gauges of the state are left out.',
    registers: [registry],
  });
  const gauges = createGauges(registry);
  const clear = () => Object.values(gauges).forEach((gauge) => gauge.reset());
  return {
    show(overview) {
      clear();
      up.set(1);
      for (const source of overview.sources) showSource(gauges, source);
      for (const { source, severity, count } of overview.alertCounts) {
        gauges.alerts.set({ source, severity }, count);
      }
    },
    showUnknown() {
      clear();
      up.set(0);
    },
  };
}

type Gauges = ReturnType<typeof createGauges>;

function createGauges(registry: Registry) {
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Gauge({ name: `claim_reconciler_${name}`, help, labelNames, registers: [registry] });
  return {
    open: gauge('open_discrepancies', 'Open discrepancies, counted up to 50,000 a source.', [
      'source',
      'verdict',
    ]),
    checkpointAge: gauge(
      'checkpoint_age_seconds',
      'Time since the checkpoint moved or a pass found nothing behind it. Absent before the first pass.',
      ['source'],
    ),
    horizonAge: gauge(
      'horizon_age_seconds',
      'Age of the horizon that was last read up to: claims committed since then may not be judged yet.',
      ['source'],
    ),
    horizonStalled: gauge('horizon_stalled', '1 while a transaction holds the horizon still.', ['source']),
    brake: gauge('brake_state', '1 for the state that the brake is in, 0 for the others.', [
      'source',
      'state',
    ]),
    oldestOpen: gauge(
      'oldest_open_discrepancy_age_seconds',
      'Time since the oldest open discrepancy was found. Absent while none is open.',
      ['source'],
    ),
    consistent: gauge(
      'claims_consistent_ratio',
      'Share of the claims judged in the last hour that were never wrong for longer than this. Absent when none was judged.',
      ['source', 'within'],
    ),
    unjudged: gauge('reports_unjudged', 'Reports that nobody has judged yet, counted up to 1000 a source.', [
      'source',
    ]),
    oldestUnjudged: gauge(
      'oldest_unjudged_report_age_seconds',
      'Time since the oldest report that nobody has judged yet was stored. Absent while there is none.',
      ['source'],
    ),
    alerts: gauge('open_alerts', 'Alerts that are not resolved.', ['source', 'severity']),
    unfinished: gauge('unfinished_repairs', 'Repairs begun and not ended, counted up to 1000 a source.', [
      'source',
    ]),
  };
}

function showSource(gauges: Gauges, overview: SourceOverview): void {
  const { name: source, checkpoint, horizon, brake, openByVerdict } = overview;
  for (const verdict of badVerdicts) gauges.open.set({ source, verdict }, openByVerdict[verdict] ?? 0);
  for (const severity of severities) gauges.alerts.set({ source, severity }, 0);
  for (const state of brakeStates) gauges.brake.set({ source, state }, state === brake.state ? 1 : 0);
  gauges.unfinished.set({ source }, overview.unfinishedCount);
  const { oldestOpenMs, consistency, reports } = overview;
  if (oldestOpenMs !== null) gauges.oldestOpen.set({ source }, oldestOpenMs / 1000);
  for (const within of consistencyTimes) {
    if (consistency !== null) gauges.consistent.set({ source, within }, consistency.within[within]);
  }
  gauges.unjudged.set({ source }, reports.unjudged);
  if (reports.oldestMs !== null) gauges.oldestUnjudged.set({ source }, reports.oldestMs / 1000);
  if (checkpoint !== null) gauges.checkpointAge.set({ source }, checkpoint.ageMs / 1000);
  if (horizon !== null) {
    gauges.horizonAge.set({ source }, horizon.ageMs / 1000);
    gauges.horizonStalled.set({ source }, horizon.stalledBy === null ? 0 : 1);
  }
}
