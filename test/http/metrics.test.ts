/**
 * What is counted, and that an unknown state never reads as zero.
 */
import { expect, test } from 'vitest';
import { verdicts } from '../../src/domain/verdict.ts';
import { createMetrics, type Metrics } from '../../src/http/metrics.ts';
import type { Overview } from '../../src/postgres/overview.ts';
import { repairKinds } from '../../src/domain/repair-action.ts';
import type { PassReport } from '../../src/reconcile/pass-report.ts';
import { overviewOf } from './states.ts';

const nothing = { applied: 0, superseded: 0, withheld: 0, failed: 0 };
const report: PassReport = {
  passId: '1',
  source: 'gifts',
  mode: 'repair',
  outcome: 'completed',
  reason: null,
  checked: 100,
  verdicts: {
    ...(Object.fromEntries(verdicts.map((verdict) => [verdict, 0])) as Record<
      (typeof verdicts)[number],
      number
    >),
    consistent: 97,
    missing_marker: 3,
  },
  repairs: { applied: 2, superseded: 1, withheld: 0, failed: 0 },
  actions: {
    ...(Object.fromEntries(repairKinds.map((kind) => [kind, nothing])) as PassReport['actions']),
    reissue_marker: { ...nothing, applied: 2 },
    delete_marker: { ...nothing, superseded: 1 },
  },
  open: 0,
  checkpoint: { from: null, to: null },
  horizon: '7701',
  horizonAgeMs: 60_000,
  stalledBy: null,
  brake: 'armed',
  durationMs: 250,
};

function metricsOf(overview: () => Promise<Overview>): Metrics {
  return createMetrics({ sources: ['gifts'], overview, stateDeadlineMs: 20 });
}

async function samplesOf(metrics: Metrics): Promise<string[]> {
  const { body } = await metrics.scrape();
  return body.split('\n').filter((line) => line.startsWith('claim_reconciler_'));
}

test('counters start at zero for every source, so that the first increase is seen', async () => {
  const samples = await samplesOf(metricsOf(async () => overviewOf({})));
  expect(samples).toContain('claim_reconciler_claims_judged_total{source="gifts"} 0');
  expect(samples).toContain(
    'claim_reconciler_discrepancies_found_total{source="gifts",verdict="orphan_marker"} 0',
  );
  expect(samples).toContain('claim_reconciler_passes_total{source="gifts",outcome="refused"} 0');
  expect(samples).toContain('claim_reconciler_slots_skipped_total{source="gifts"} 0');
  expect(samples).toContain('claim_reconciler_lease_held 0');
});

test('a pass is counted with its verdicts, its repairs and its duration', async () => {
  const metrics = metricsOf(async () => overviewOf({}));
  metrics.passEnded(report);
  metrics.passEnded(report);
  metrics.passFailed('gifts', 'failed');
  metrics.slotSkipped('gifts');
  metrics.leaseHeld(true);
  const samples = await samplesOf(metrics);
  expect(samples).toContain('claim_reconciler_claims_judged_total{source="gifts"} 200');
  expect(samples).toContain(
    'claim_reconciler_discrepancies_found_total{source="gifts",verdict="missing_marker"} 6',
  );
  expect(samples).toContain(
    'claim_reconciler_repairs_total{source="gifts",action="reissue_marker",outcome="applied"} 4',
  );
  expect(samples).toContain('claim_reconciler_passes_total{source="gifts",outcome="completed"} 2');
  expect(samples).toContain('claim_reconciler_passes_total{source="gifts",outcome="failed"} 1');
  expect(samples).toContain('claim_reconciler_pass_duration_seconds_count{source="gifts"} 2');
  expect(samples).toContain('claim_reconciler_pass_duration_seconds_bucket{le="0.3",source="gifts"} 2');
  expect(samples).toContain('claim_reconciler_slots_skipped_total{source="gifts"} 1');
  expect(samples).toContain('claim_reconciler_lease_held 1');
});

test('gauges tell the state at the time of the scrape', async () => {
  const overview = overviewOf(
    {
      openByVerdict: { missing_marker: 4 },
      brake: { state: 'tripped', reason: null, changedAt: null, changedBy: null, liftedUntil: null },
      horizon: { ageMs: 61_000, stalledBy: 'pid 7' },
      unfinishedCount: 2,
    },
    { alertCounts: [{ source: 'gifts', severity: 'critical', count: 1 }] },
  );
  const samples = await samplesOf(metricsOf(async () => overview));
  expect(samples).toEqual(
    expect.arrayContaining([
      'claim_reconciler_state_up 1',
      'claim_reconciler_open_discrepancies{source="gifts",verdict="missing_marker"} 4',
      'claim_reconciler_open_discrepancies{source="gifts",verdict="orphan_marker"} 0',
      'claim_reconciler_checkpoint_age_seconds{source="gifts"} 7',
      'claim_reconciler_horizon_age_seconds{source="gifts"} 61',
      'claim_reconciler_horizon_stalled{source="gifts"} 1',
      'claim_reconciler_brake_state{source="gifts",state="tripped"} 1',
      'claim_reconciler_brake_state{source="gifts",state="armed"} 0',
      'claim_reconciler_open_alerts{source="gifts",severity="critical"} 1',
      'claim_reconciler_open_alerts{source="gifts",severity="warning"} 0',
      'claim_reconciler_unfinished_repairs{source="gifts"} 2',
    ]),
  );
});

test('ages are absent before the first pass, not zero', async () => {
  const samples = await samplesOf(metricsOf(async () => overviewOf({ checkpoint: null, horizon: null })));
  expect(samples.filter((line) => /_age_seconds|stalled/.test(line))).toEqual([]);
});

const gauges = /open_discrepancies|age_seconds|stalled|brake_state|open_alerts|unfinished/;

test('a state that can no longer be read is absent and said to be so; it never reads as zero', async () => {
  let isDown = false;
  const metrics = metricsOf(async () => {
    if (isDown) throw new Error('connect ECONNREFUSED');
    return overviewOf({ open: 3, openByVerdict: { missing_marker: 3 } });
  });
  metrics.passEnded(report);
  expect((await samplesOf(metrics)).some((line) => gauges.test(line))).toBe(true);
  isDown = true;
  const samples = await samplesOf(metrics);
  expect(samples.filter((line) => gauges.test(line))).toEqual([]);
  expect(samples).toContain('claim_reconciler_state_up 0');
  expect(samples).toContain('claim_reconciler_claims_judged_total{source="gifts"} 100');
});

test('a state that does not come in time is treated alike', async () => {
  const samples = await samplesOf(metricsOf(() => new Promise(() => undefined)));
  expect(samples.filter((line) => gauges.test(line))).toEqual([]);
  expect(samples).toContain('claim_reconciler_state_up 0');
});

test('process metrics are there under their usual names', async () => {
  const { body, contentType } = await metricsOf(async () => overviewOf({})).scrape();
  expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(body).toContain('nodejs_eventloop_lag_p99_seconds');
});
