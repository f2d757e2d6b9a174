/**
 * The queue of rechecks: looks at what waits in a source, before its next pass comes by.
 * Invariant kept: of a source there is one at any second, however often it is enqueued.
 * Keeps no state that matters: what is lost with it the next pass looks at.
 */
import { z } from 'zod';
import type { Enqueued } from './enqueue-in-time.ts';
import { idOf, openQueue, type OpenQueue, type QueueOptions } from './open-queue.ts';
import { readPayload, sourceNameSchema } from './read-payload.ts';
import { startQueueWorker, type QueueWorker, type WorkerOptions } from './queue-worker.ts';

export const recheckQueueName = 'rechecks';

export const recheckPayloadSchema = z.strictObject({
  source: sourceNameSchema,
});

export type RecheckPayload = z.infer<typeof recheckPayloadSchema>;

export interface RecheckQueue extends Pick<OpenQueue, 'queue' | 'close'> {
  /** Throws OperatingError `redis_unreachable` or `timed_out`; then the job may have been added. Repeating is safe. */
  enqueueRecheck(source: string, delayMs: number): Promise<Enqueued>;
}

export function openRecheckQueue(options: QueueOptions): RecheckQueue {
  const { queue, add, close } = openQueue(recheckQueueName, options);
  return {
    queue,
    close,
    enqueueRecheck: async (source, delayMs) => {
      const second = Math.ceil((Date.now() + delayMs) / 1_000) * 1_000;
      const jobId = `${source}-${idOf(new Date(second))}`;
      return add({ title: nameOf({ source }), payload: { source }, jobId, onlyOne: jobId, delayMs });
    },
  };
}

export function startRecheckWorker(options: WorkerOptions<RecheckPayload>): QueueWorker {
  const read = (data: unknown) => readPayload(recheckPayloadSchema, 'a recheck', data);
  return startQueueWorker({ queueName: recheckQueueName, read, nameOf, isRunAgain: true }, options);
}

function nameOf({ source }: RecheckPayload): string {
  return `recheck of ${source}`;
}
