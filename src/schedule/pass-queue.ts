/**
 * The queue of passes, as whoever enqueues sees it.
 * Invariants kept: a slot makes one job, however often it is enqueued; a source has one pass waiting or running, and a
 * further one is skipped, so that a pass longer than its interval builds nothing up; no call hangs on a dead Redis.
 * Keeps no state that matters: after FLUSHALL the next slot simply makes a new job.
 */
import type { Enqueued, PassRequest } from './enqueue-in-time.ts';
import { idOf, openQueue, type OpenQueue, type QueueOptions } from './open-queue.ts';
import type { PassPayload } from './pass-payload.ts';

export const passQueueName = 'passes';

export interface PassQueue extends Pick<OpenQueue, 'queue' | 'close'> {
  /** Throws OperatingError `redis_unreachable` or `timed_out`; then the job may have been added. Repeating is safe. */
  enqueuePass(pass: PassRequest): Promise<Enqueued>;
  /** A pass that a person asked for, skipped like any other while one is waiting or running. */
  enqueueByHand(source: string, by: string): Promise<Enqueued>;
}

export function openPassQueue(options: QueueOptions): PassQueue {
  const { queue, add, close } = openQueue(passQueueName, options);
  const addPass = async (payload: PassPayload, jobId: string): Promise<Enqueued> =>
    add({ title: `pass over ${payload.source}`, payload, jobId, onlyOne: payload.source });
  return {
    queue,
    close,
    enqueuePass: async ({ source, slot }) =>
      addPass({ source, slot: slot.toISOString() }, `${source}-${idOf(slot)}`),
    enqueueByHand: async (source, by) =>
      addPass({ source, slot: null, by }, `${source}-by-hand-${idOf(new Date())}`),
  };
}
