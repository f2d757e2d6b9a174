/**
 * Metrics for Prometheus. Counters count what this process did; gauges tell the state in Postgres at the time of the
 * scrape, the same from every process.
 * Invariant kept: a state that cannot be read is absent and `claim_reconciler_state_up` is 0; it never reads as zero.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { repairKinds, repairOutcomes } from '../domain/repair-action.ts';
import { badVerdicts } from '../domain/verdict.ts';
import type { Overview } from '../postgres/overview.ts';
import type { PassReport } from '../reconcile/pass-report.ts';
import { shareReading } from './shared-reading.ts';
import { createStateGauges } from './state-gauges.ts';

export interface MetricsOptions {
  /** Names of the sources: their counters start at 0, so that the first increase is seen. */
  readonly sources: readonly string[];
  overview(): Promise<Overview>;
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
  /** Counts a slot in which nothing was enqueued because the pass before was still running. */
  slotSkipped(source: string): void;
  /** Says whether this process holds the scheduler's lease. */
  leaseHeld(held: boolean): void;
}

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counters = createCounters(registry);
  startAtZero(counters, options.sources);
  const state = createStateGauges(registry);
  const readState = shareReading(() => options.overview(), {
    freshMs: 0,
    deadlineMs: options.stateDeadlineMs ?? 5_000,
    what: 'the state in Postgres',
  });
  return {
    registry,
    async scrape() {
      try {
        state.show(await readState());
      } catch {
        state.showUnknown();
      }
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
    passEnded(report) {
      countPass(counters, report);
    },
    passFailed(source, outcome) {
      counters.passes.inc({ source, outcome });
    },
    slotSkipped(source) {
      counters.slotsSkipped.inc({ source });
    },
    leaseHeld(held) {
      counters.leaseHeld.set(held ? 1 : 0);
    },
  };
}

type Counters = ReturnType<typeof createCounters>;

function createCounters(registry: Registry) {
  const registers = [registry];
  return {
    judged: new Counter({
      name: 'claim_reconciler_claims_judged_total',
      help: 'Claims compared with their markers by this process.',
      labelNames: ['source'] as const,
      registers,
    }),
    found: new Counter({
      name: 'claim_reconciler_discrepancies_found_total',
      help: 'Bad verdicts given by this process; a claim found bad again counts again.',
      labelNames: ['source', 'verdict'] as const,
      registers,
    }),
    repairs: new Counter({
      name: 'claim_reconciler_repairs_total',
      help: 'Repairs planned by passes of this process, by what they change and what came of them.',
      labelNames: ['source', 'action', 'outcome'] as const,
      registers,
    }),
    passes: new Counter({
      name: 'claim_reconciler_passes_total',
      help: 'Passes that ended in this process, by outcome.',
      labelNames: ['source', 'outcome'] as const,
      registers,
    }),
    duration: new Histogram({
      name: 'claim_reconciler_pass_duration_seconds',
      help: 'How long passes of this process took.',
      labelNames: ['source'] as const,
      // From an empty window (milliseconds) to a first pass over a large table (minutes).
      buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1_000],
      registers,
    }),
    slotsSkipped: new Counter({
      name: 'claim_reconciler_slots_skipped_total',
      help: 'Slots skipped because the pass of an earlier slot was still waiting or running.',
      labelNames: ['source'] as const,
      registers,
    }),
    leaseHeld: new Gauge({
      name: 'claim_reconciler_lease_held',
      help: '1 while this process holds the lease of the scheduler. The sum over all processes should be 1.',
      registers,
    }),
  };
}

const passOutcomes = ['completed', 'stopped', 'aborted', 'braked', 'refused', 'failed'] as const;

function startAtZero(counters: Counters, sources: readonly string[]): void {
  for (const source of sources) {
    counters.judged.inc({ source }, 0);
    counters.slotsSkipped.inc({ source }, 0);
    counters.duration.zero({ source });
    for (const verdict of badVerdicts) counters.found.inc({ source, verdict }, 0);
    for (const action of repairKinds) {
      for (const outcome of repairOutcomes) counters.repairs.inc({ source, action, outcome }, 0);
    }
    for (const outcome of passOutcomes) counters.passes.inc({ source, outcome }, 0);
  }
}

function countPass(counters: Counters, report: PassReport): void {
  const { source } = report;
  counters.judged.inc({ source }, report.checked);
  for (const verdict of badVerdicts) counters.found.inc({ source, verdict }, report.verdicts[verdict]);
  for (const action of repairKinds) {
    for (const outcome of repairOutcomes) {
      counters.repairs.inc({ source, action, outcome }, report.actions[action][outcome]);
    }
  }
  counters.passes.inc({ source, outcome: report.outcome });
  counters.duration.observe({ source }, report.durationMs / 1000);
}
