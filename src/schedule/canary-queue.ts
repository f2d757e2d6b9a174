/**
 * The queue of the canary: a job injects one fault.
 * Invariant kept: a slot makes one job, and one waits or runs at a time. Keeps no state that matters: rounds are in Postgres,
 * and a slot whose job was lost is made good by the next.
 */
import { readCanaryPayload, type CanaryPayload } from './canary-payload.ts';
import type { Enqueued } from './enqueue-in-time.ts';
import { idOf, openQueue, type OpenQueue, type QueueOptions } from './open-queue.ts';
import { startQueueWorker, type QueueWorker, type WorkerOptions } from './queue-worker.ts';

const queueName = 'canary';

/** The task in the ledger of slots. No source can have this name: the passes over the canary's source have slots too. */
export const canaryTask = 'canary:round';

export interface CanaryQueue extends Pick<OpenQueue, 'queue' | 'close'> {
  /** Throws OperatingError `redis_unreachable` or `timed_out`; then the job may have been added. Repeating is safe. */
  enqueueRound(slot: Date): Promise<Enqueued>;
}

export function openCanaryQueue(options: QueueOptions): CanaryQueue {
  const { queue, add, close } = openQueue(queueName, options);
  return {
    queue,
    close,
    enqueueRound: async (slot) => {
      const payload: CanaryPayload = { slot: slot.toISOString() };
      return add({
        title: 'inject a fault into the canary',
        payload,
        jobId: `round-${idOf(slot)}`,
        onlyOne: 'round',
      });
    },
  };
}

export function startCanaryWorker(options: WorkerOptions<CanaryPayload>): QueueWorker {
  return startQueueWorker(
    { queueName, read: readCanaryPayload, nameOf: ({ slot }) => `the round of ${slot}`, isRunAgain: true },
    options,
  );
}
