/**
 * Metrics for Prometheus. Counters count what this process did; gauges tell the state in Postgres, and the open-claims
 * indexes, at the time of the scrape, the same from every process. docs/metrics.md lists them.
 * Invariant kept: a state that cannot be read is absent, and `claim_reconciler_state_up` or
 * `claim_reconciler_open_claims_up` is 0; it never reads as zero.
 */
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Asked } from '../distributor/watch-distributor.ts';
import type { Overview } from '../postgres/overview.ts';
import type { PassReport } from '../reconcile/pass-report.ts';
import { createCanaryGauges, type CanaryGauges, type CanaryReading } from './canary-gauges.ts';
import { countPass, createCounters, startAtZero } from './counters.ts';
import { createIndexGauges, type IndexSizes } from './index-gauges.ts';
import { shareReading } from './shared-reading.ts';
import { createStateGauges } from './state-gauges.ts';

export interface MetricsOptions {
  /** Names of the sources: their counters start at 0, so that the first increase is seen. */
  readonly sources: readonly string[];
  overview(): Promise<Overview>;
  /** By source; null for one whose index cannot be read. */
  openClaims(): Promise<IndexSizes>;
  /** Without one nothing is told of it. */
  readonly canary?: (() => Promise<CanaryReading>) | null;
  /** The longest a scrape waits for the state, in milliseconds. Prometheus itself gives up after 10 s. */
  readonly stateDeadlineMs?: number;
}

export interface Metrics {
  readonly registry: Registry;
  /** The whole exposition, with the state read afresh. Never throws for a state that cannot be read. */
  scrape(): Promise<{ readonly contentType: string; readonly body: string }>;
  /** Counts a pass that ended with a report. */
  passEnded(report: PassReport): void;
  /** Counts a pass that ended without one: it was refused or failed. */
  passFailed(source: string, outcome: 'refused' | 'failed'): void;
  /** Notes for how long claims had been bad when they were found. */
  detected(source: string, latenciesMs: readonly number[]): void;
  /** Counts a question to the distributor of a source. */
  distributorAsked(source: string, asked: Asked): void;
  /** Counts a report that was stored. */
  reportStored(source: string): void;
  /** Counts a slot in which nothing was enqueued because the pass before was still running. */
  slotSkipped(source: string): void;
  /** Counts rounds of the canary that ended. */
  canaryRoundsEnded(ended: { readonly passed: number; readonly failed: number }): void;
  /** Says whether this process holds the scheduler's lease. */
  leaseHeld(held: boolean): void;
}

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counters = createCounters(registry);
  startAtZero(counters, options.sources);
  const canary = (options.canary ?? null) === null ? null : createCanaryGauges(registry);
  const refresh = keepGauges(registry, options, canary);
  return {
    registry,
    async scrape() {
      await refresh();
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
    passEnded(report) {
      countPass(counters, report);
    },
    passFailed(source, outcome) {
      counters.passes.inc({ source, outcome });
    },
    detected(source, latenciesMs) {
      for (const latencyMs of latenciesMs) counters.detection.observe({ source }, latencyMs / 1000);
    },
    distributorAsked(source, { question, answer, durationMs }) {
      counters.questions.inc({ source, question, answer });
      counters.questionDuration.observe({ source, question }, durationMs / 1000);
    },
    reportStored(source) {
      counters.reportsStored.inc({ source });
    },
    slotSkipped(source) {
      counters.slotsSkipped.inc({ source });
    },
    canaryRoundsEnded(ended) {
      canary?.count(ended);
    },
    leaseHeld(held) {
      counters.leaseHeld.set(held ? 1 : 0);
    },
  };
}

/** Returns what brings the gauges up to date: both stores at the same time, and neither for the other. */
function keepGauges(
  registry: Registry,
  options: MetricsOptions,
  canary: CanaryGauges | null,
): () => Promise<void> {
  const { sources, stateDeadlineMs: deadlineMs = 5_000 } = options;
  const state = createStateGauges(registry);
  const index = createIndexGauges(registry);
  const readState = shareReading(() => options.overview(), {
    freshMs: 0,
    deadlineMs,
    what: 'the state in Postgres',
  });
  const readIndexes = shareReading(() => options.openClaims(), {
    freshMs: 0,
    deadlineMs,
    what: 'the open-claims indexes',
  });
  const readCanary = shareReading(async () => (await options.canary?.()) ?? null, {
    freshMs: 0,
    deadlineMs,
    what: 'the rounds of the canary',
  });
  return async () => {
    const [overview, sizes, rounds] = await Promise.allSettled([readState(), readIndexes(), readCanary()]);
    if (overview.status === 'fulfilled') state.show(overview.value);
    else state.showUnknown();
    canary?.show(rounds.status === 'fulfilled' ? rounds.value : null);
    index.show(sources, sizes.status === 'fulfilled' ? sizes.value : new Map());
  };
}
