/**
 * What is counted, and that an unknown state never reads as zero.
 */
import { expect, test } from 'vitest';
import { verdicts } from '../../src/domain/verdict.ts';
import type { IndexSizes } from '../../src/http/index-gauges.ts';
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

const emptyIndex: IndexSizes = new Map([['gifts', { entries: 0, oldestMs: null }]]);

function metricsOf(overview: () => Promise<Overview>, openClaims = async () => emptyIndex): Metrics {
  return createMetrics({ sources: ['gifts'], overview, openClaims, stateDeadlineMs: 20 });
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
  expect(samples).toContain('claim_reconciler_reports_stored_total{source="gifts"} 0');
  expect(samples).toContain('claim_reconciler_detection_latency_seconds_count{source="gifts"} 0');
  expect(samples).toContain(
    'claim_reconciler_distributor_questions_total{source="gifts",question="grant",answer="unknown"} 0',
  );
  for (const action of repairKinds) {
    const labels = `source="gifts",action="${action}",outcome="applied"`;
    expect(samples).toContain(`claim_reconciler_repairs_total{${labels}} 0`);
  }
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

test('detections, questions to the distributor and reports are counted as they come', async () => {
  const metrics = metricsOf(async () => overviewOf({}));
  metrics.detected('gifts', [61_000, 200_000]);
  metrics.detected('gifts', []);
  metrics.distributorAsked('gifts', { question: 'lookup', answer: 'not_granted', durationMs: 20 });
  metrics.distributorAsked('gifts', { question: 'lookup', answer: 'unknown', durationMs: 3_000 });
  metrics.reportStored('gifts');
  expect(await samplesOf(metrics)).toEqual(
    expect.arrayContaining([
      'claim_reconciler_detection_latency_seconds_bucket{le="60",source="gifts"} 0',
      'claim_reconciler_detection_latency_seconds_bucket{le="75",source="gifts"} 1',
      'claim_reconciler_detection_latency_seconds_sum{source="gifts"} 261',
      'claim_reconciler_detection_latency_seconds_count{source="gifts"} 2',
      'claim_reconciler_distributor_questions_total{source="gifts",question="lookup",answer="not_granted"} 1',
      'claim_reconciler_distributor_questions_total{source="gifts",question="lookup",answer="unknown"} 1',
      'claim_reconciler_distributor_question_duration_seconds_count{source="gifts",question="lookup"} 2',
      'claim_reconciler_distributor_question_duration_seconds_count{source="gifts",question="grant"} 0',
      'claim_reconciler_reports_stored_total{source="gifts"} 1',
    ]),
  );
});

test('gauges tell the state at the time of the scrape', async () => {
  const overview = overviewOf(
    {
      openByVerdict: { missing_marker: 4 },
      brake: { state: 'tripped', reason: null, changedAt: null, changedBy: null, liftedUntil: null },
      horizon: { ageMs: 61_000, stalledBy: 'pid 7' },
      unfinishedCount: 2,
      oldestOpenMs: 90_000,
      reports: { unjudged: 3, oldestMs: 12_500 },
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
      'claim_reconciler_oldest_open_discrepancy_age_seconds{source="gifts"} 90',
      'claim_reconciler_claims_consistent_ratio{source="gifts",within="1m"} 0.9988',
      'claim_reconciler_claims_consistent_ratio{source="gifts",within="15m"} 1',
      'claim_reconciler_reports_unjudged{source="gifts"} 3',
      'claim_reconciler_oldest_unjudged_report_age_seconds{source="gifts"} 12.5',
    ]),
  );
});

test('ages and shares are absent before the first pass, not zero', async () => {
  const bare = overviewOf({ checkpoint: null, horizon: null, consistency: null });
  const samples = await samplesOf(metricsOf(async () => bare));
  expect(samples.filter((line) => /_age_seconds|stalled|_ratio/.test(line))).toEqual([]);
});

test('the open-claims index is told with its size and the age of its oldest entry', async () => {
  const sizes: IndexSizes = new Map([['gifts', { entries: 7, oldestMs: 4_000 }]]);
  const samples = await samplesOf(
    metricsOf(
      async () => overviewOf({}),
      async () => sizes,
    ),
  );
  expect(samples).toContain('claim_reconciler_open_claims_up{source="gifts"} 1');
  expect(samples).toContain('claim_reconciler_open_claims{source="gifts"} 7');
  expect(samples).toContain('claim_reconciler_open_claims_oldest_age_seconds{source="gifts"} 4');
});

test.each([
  ['is said to be unreadable', async () => new Map([['gifts', null]])],
  ['fails', async () => Promise.reject(new Error('connect ECONNREFUSED'))],
  ['does not come in time', () => new Promise<IndexSizes>(() => undefined)],
])(
  'an index whose size %s is absent, and the state in Postgres is told all the same',
  async (_, openClaims) => {
    const samples = await samplesOf(metricsOf(async () => overviewOf({}), openClaims));
    expect(samples.filter((line) => line.startsWith('claim_reconciler_open_claims'))).toEqual([
      'claim_reconciler_open_claims_up{source="gifts"} 0',
    ]);
    expect(samples).toContain('claim_reconciler_state_up 1');
    expect(samples).toContain('claim_reconciler_checkpoint_age_seconds{source="gifts"} 7');
  },
);

const gauges =
  /open_discrepancies|age_seconds|stalled|brake_state|open_alerts|unfinished|_ratio|reports_unjudged/;

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
