/**
 * The gauges and the counter that tell of the canary; made only where there is one.
 * Invariant kept: what could not be read is absent.
 */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { CanaryRound } from '../domain/canary.ts';

export interface CanaryReading {
  readonly everyMs: number;
  /** The newest round that passed; null before the first. */
  readonly passed: CanaryRound | null;
}

export interface CanaryGauges {
  /** Null: it could not be read. */
  show(reading: CanaryReading | null): void;
  count(ended: { readonly passed: number; readonly failed: number }): void;
}

export function createCanaryGauges(registry: Registry): CanaryGauges {
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `claim_reconciler_canary_${name}`, help, registers: [registry] });
  const rounds = new Counter({
    name: 'claim_reconciler_canary_rounds_total',
    help: 'Rounds of the canary that this process saw the end of, by whether the fault was repaired in time.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const interval = gauge('interval_seconds', 'From one injected fault to the next, as configured.');
  const age = gauge(
    'age_seconds',
    'Time since the newest fault was injected that was found and repaired in time. Absent before the first.',
  );
  const found = gauge(
    'found_seconds',
    'How long it took until that fault was found. Absent before the first.',
  );
  const repaired = gauge(
    'repaired_seconds',
    'How long it took until that fault was found, repaired and looked at again. Absent before the first.',
  );
  for (const outcome of ['passed', 'failed']) rounds.inc({ outcome }, 0);
  return {
    show(reading) {
      // Gauges without labels: a reset would read as zero.
      for (const one of [interval, age, found, repaired]) one.remove();
      if (reading === null) return;
      interval.set(reading.everyMs / 1000);
      const { passed } = reading;
      if (passed === null) return;
      age.set(passed.ageMs / 1000);
      if (passed.foundMs !== null) found.set(passed.foundMs / 1000);
      if (passed.repairedMs !== null) repaired.set(passed.repairedMs / 1000);
    },
    count({ passed, failed }) {
      rounds.inc({ outcome: 'passed' }, passed);
      rounds.inc({ outcome: 'failed' }, failed);
    },
  };
}
