/**
 * The canary of a daemon: its queue and worker, its slots, and the look at what became of its rounds.
 * Invariants kept: without one in the configuration nothing of it is there; every replica looks, and a round is ended by one;
 * a look that fails is tried again by the upkeep.
 */
import { run as injectFault } from '../../jobs/inject-fault.ts';
import { canaryName, type CanaryRules } from '../domain/canary.ts';
import type { Metrics } from '../http/metrics.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import { endCanaryAlert, judgeRounds } from '../reconcile/canary-round.ts';
import {
  canaryTask,
  openCanaryQueue,
  startCanaryWorker,
  type CanaryQueue,
} from '../schedule/canary-queue.ts';
import type { Enqueue } from '../schedule/enqueue-in-time.ts';
import type { QueueOptions } from '../schedule/open-queue.ts';
import type { QueueWorker } from '../schedule/queue-worker.ts';
import type { ScheduledTask } from '../schedule/scheduler.ts';
import type { AlertTeller } from './alert-teller.ts';
import type { OpenDeps } from './open-deps.ts';

export interface CanaryOptions extends QueueOptions {
  readonly rules: CanaryRules | null;
  readonly deps: OpenDeps;
  readonly metrics: Pick<Metrics, 'canaryRoundsEnded'>;
  readonly teller: AlertTeller;
}

export interface Canary {
  /** For the dashboard. */
  readonly queues: readonly CanaryQueue['queue'][];
  /** What the scheduler hands out for it, beside the slots of its source. */
  readonly tasks: readonly ScheduledTask[];
  /** Enqueues a slot of such a task, and leaves those of others to `otherwise`. */
  enqueueOr(otherwise: Enqueue): Enqueue;
  /** Begins to take jobs. */
  start(): void;
  /** Looks what became of the rounds. To be called again and again; throws when Postgres does not answer. */
  judge(): Promise<void>;
  /** Ends within about `deadlineMs`. Never throws. */
  close(deadlineMs: number): Promise<void>;
}

export function openCanary(options: CanaryOptions): Canary {
  const { rules, deps, metrics, teller } = options;
  if (rules === null) return noCanary(deps);
  const { pool, markers, limits } = deps;
  const stores = { pool, markers, callTimeoutMs: limits.callTimeoutMs };
  const queue = openCanaryQueue(options);
  const startedAtMs = performance.now();
  let worker: QueueWorker | null = null;
  return {
    queues: [queue.queue],
    // Offered a slot as often as its source has one; it takes one when the last is as old as an interval.
    tasks: deps.sources
      .filter(({ name }) => name === canaryName)
      .map(({ schedule }) => ({ name: canaryTask, schedule, everyMs: rules.everyMs })),
    enqueueOr: (otherwise) => async (pass) =>
      pass.source === canaryTask ? queue.enqueueRound(pass.slot) : otherwise(pass),
    start: () => {
      worker = startCanaryWorker({
        ...options,
        concurrency: 1,
        run: async (payload, view, signal) =>
          injectFault(payload, { ...stores, rules }, view, signal).catch((error: unknown) => {
            throw asOperatingError(error);
          }),
      });
    },
    judge: async () => {
      metrics.canaryRoundsEnded(await judgeRounds(stores, rules, performance.now() - startedAtMs));
      // Its passes would tell; but that they do not run is what this may be about.
      await teller.tell(canaryName);
    },
    close: async (deadlineMs) => {
      await worker?.close(deadlineMs);
      await queue.close(deadlineMs);
    },
  };
}

/** One that was there before may have left an alert. */
function noCanary({ pool }: OpenDeps): Canary {
  let isOver = false;
  return {
    queues: [],
    tasks: [],
    enqueueOr: (otherwise) => otherwise,
    start: () => undefined,
    judge: async () => {
      if (!isOver) await endCanaryAlert(pool);
      isOver = true;
    },
    close: async () => undefined,
  };
}
