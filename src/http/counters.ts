/**
 * What this process counts and times: passes, verdicts, repairs, detections, questions to distributors.
 * Invariant kept: every counter of every source is there from the start, at 0, so that its first increase is seen.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { questions } from '../distributor/watch-distributor.ts';
import { repairKinds, repairOutcomes } from '../domain/repair-action.ts';
import { badVerdicts } from '../domain/verdict.ts';
import type { PassReport } from '../reconcile/pass-report.ts';

export type Counters = ReturnType<typeof createCounters>;

/** From an empty window (milliseconds) to a first pass over a large table (minutes). */
const passSeconds = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1_000];
/** Around the grace period, 60 s unless configured, before which nothing can be found; up to a day without a daemon. */
const detectionSeconds = [1, 5, 15, 30, 60, 75, 90, 120, 180, 300, 900, 3_600, 21_600, 86_400];
/** Up to the time-out, 3 s unless configured. */
const questionSeconds = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];

export function createCounters(registry: Registry) {
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter({ name: `claim_reconciler_${name}`, help, labelNames, registers: [registry] });
  const histogram = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    buckets: number[],
  ) => new Histogram({ name: `claim_reconciler_${name}`, help, labelNames, buckets, registers: [registry] });
  return {
    judged: counter('claims_judged_total', 'Claims compared with their markers by this process.', ['source']),
    found: counter(
      'discrepancies_found_total',
      'Bad verdicts given by this process; a claim found bad again counts again.',
      ['source', 'verdict'],
    ),
    repairs: counter(
      'repairs_total',
      'Repairs planned by passes of this process, by what they change and what came of them.',
      ['source', 'action', 'outcome'],
    ),
    passes: counter('passes_total', 'Passes that ended in this process, by outcome.', ['source', 'outcome']),
    duration: histogram(
      'pass_duration_seconds',
      'How long passes of this process took.',
      ['source'],
      passSeconds,
    ),
    detection: histogram(
      'detection_latency_seconds',
      'How long claims found bad had been so: from the commit of the row to its first verdict. Never understated; too ' +
        'long by a few seconds. Without rows that were read again, or are older than all that is known of commits.',
      ['source'],
      detectionSeconds,
    ),
    questions: counter(
      'distributor_questions_total',
      'Questions that passes of this process asked the distributor, by what it answered; unknown: it did not say.',
      ['source', 'question', 'answer'],
    ),
    questionDuration: histogram(
      'distributor_question_duration_seconds',
      'How long the distributor took to answer, time-outs included.',
      ['source', 'question'],
      questionSeconds,
    ),
    reportsStored: counter(
      'reports_stored_total',
      'Reports of applications that this process stored: those over HTTP.',
      ['source'],
    ),
    slotsSkipped: counter(
      'slots_skipped_total',
      'Slots skipped because the pass of an earlier slot was still waiting or running.',
      ['source'],
    ),
    leaseHeld: new Gauge({
      name: 'claim_reconciler_lease_held',
      help: '1 while this process holds the lease of the scheduler. The sum over all processes should be 1.',
      registers: [registry],
    }),
  };
}

const passOutcomes = ['completed', 'stopped', 'aborted', 'braked', 'refused', 'failed'] as const;
const answers = ['granted', 'refused', 'not_granted', 'unknown'] as const;

export function startAtZero(counters: Counters, sources: readonly string[]): void {
  for (const source of sources) {
    for (const counter of [counters.judged, counters.slotsSkipped, counters.reportsStored]) {
      counter.inc({ source }, 0);
    }
    counters.duration.zero({ source });
    counters.detection.zero({ source });
    for (const verdict of badVerdicts) counters.found.inc({ source, verdict }, 0);
    for (const action of repairKinds) {
      for (const outcome of repairOutcomes) counters.repairs.inc({ source, action, outcome }, 0);
    }
    for (const outcome of passOutcomes) counters.passes.inc({ source, outcome }, 0);
    for (const question of questions) {
      counters.questionDuration.zero({ source, question });
      for (const answer of answers) counters.questions.inc({ source, question, answer }, 0);
    }
  }
}

export function countPass(counters: Counters, report: PassReport): void {
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
