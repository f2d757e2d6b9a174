/**
 * The worker of passes. See `queue-worker.ts` for what it keeps.
 */
import { readPassPayload, type PassPayload } from './pass-payload.ts';
import { passQueueName } from './pass-queue.ts';
import { startQueueWorker, type QueueWorker, type RunJob, type WorkerOptions } from './queue-worker.ts';

/** Runs one pass and returns what the dashboard shows as its result. Stops soon after `signal` aborts. */
export type RunPass = RunJob<PassPayload>;

export type PassWorker = QueueWorker;

export function startPassWorker(options: WorkerOptions<PassPayload>): PassWorker {
  return startQueueWorker(
    {
      queueName: passQueueName,
      read: readPassPayload,
      nameOf: ({ source }) => `the pass over ${source}`,
      isRunAgain: true,
    },
    options,
  );
}
