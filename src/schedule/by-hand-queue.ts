/**
 * The queue of what people ask for on the dashboard: repairs of single claims, markers or ranges, plans that were
 * reviewed, undo. A queue of its own, so that a person never waits behind passes, nor passes behind a person.
 * Invariant kept: a job is begun once. What it changed may have been undone since, and a second run would outweigh that.
 * Keeps no state that matters: what was changed stands in the journal.
 */
import { randomUUID } from 'node:crypto';
import { OperatingError } from '../domain/operating-error.ts';
import { withDeadline } from '../redis/connect.ts';
import { describeRedisError } from '../redis/redis-trouble.ts';
import { nameByHand, readByHandPayload, type ByHandPayload } from './by-hand-payload.ts';
import { openQueue, type OpenQueue, type QueueOptions } from './open-queue.ts';
import type { PayloadReading } from './read-payload.ts';
import { begunBefore, startQueueWorker, type QueueWorker, type WorkerOptions } from './queue-worker.ts';

export const byHandQueueName = 'by-hand';

/** A job as it is in the queue. Whoever has access to the queue's Redis could have written any of it. */
export interface ByHandJob {
  readonly id: string;
  readonly payload: PayloadReading<ByHandPayload>;
  /** Unix milliseconds; null where the job says no time. */
  readonly askedAtMs: number | null;
  readonly state: 'waiting' | 'running' | 'done' | 'failed';
  readonly lines: readonly string[];
  /** Null until it is done. */
  readonly result: unknown;
  /** Null unless it failed. */
  readonly error: string | null;
}

export interface ByHandQueue extends Pick<OpenQueue, 'queue' | 'close'> {
  /** The id of the job. Throws OperatingError `redis_unreachable` or `timed_out`; then the job may have been added. */
  ask(payload: ByHandPayload): Promise<string>;
  /** Null when there is no such job (any more). Throws OperatingError `redis_unreachable` or `timed_out`. */
  read(id: string): Promise<ByHandJob | null>;
}

const readTimeoutMs = 3_000;
const linesMax = 200;

export function openByHandQueue(options: QueueOptions): ByHandQueue {
  const { queue, add, close } = openQueue(byHandQueueName, options);
  return {
    queue,
    close,
    ask: async (payload) => {
      const jobId = randomUUID();
      try {
        await add({ title: nameByHand(payload), payload, jobId, onlyOne: jobId });
      } catch (error) {
        if (!(error instanceof OperatingError) || error.code !== 'timed_out') throw error;
        const advice = 'It may have been asked for all the same: look at the queue before you ask again.';
        throw new OperatingError('timed_out', `${error.message} ${advice}`, { cause: error });
      }
      return jobId;
    },
    read: async (id) => {
      try {
        return await withDeadline(readJob(queue, id), readTimeoutMs, `reading job ${id}`);
      } catch (error) {
        throw describeRedisError(error);
      }
    },
  };
}

/** The queue has other keys that begin like those of its jobs. */
const idPattern = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

async function readJob(queue: OpenQueue['queue'], id: string): Promise<ByHandJob | null> {
  if (!idPattern.test(id)) return null;
  // The state first: one that has ended by then says in the job what came of it.
  const [state, { logs }] = await Promise.all([queue.getJobState(id), queue.getJobLogs(id, 0, linesMax - 1)]);
  const job = await queue.getJob(id);
  if (job === undefined) return null;
  return {
    id,
    payload: readByHandPayload(job.data),
    askedAtMs: Number.isNaN(new Date(job.timestamp).getTime()) ? null : job.timestamp,
    state: stateOf(state),
    lines: logs,
    result: job.returnvalue ?? null,
    error: state === 'failed' ? describeFailure(job.failedReason) : null,
  };
}

function describeFailure(reason: string): string {
  if (reason !== begunBefore) return reason;
  return (
    'Nothing more was heard of the process that ran it. It is not run again by itself: what it changed is in the journal, ' +
    'and a repair that it began is completed or closed by the next pass. Look first, then ask for it anew.'
  );
}

function stateOf(state: string): ByHandJob['state'] {
  if (state === 'completed') return 'done';
  if (state === 'failed') return 'failed';
  return state === 'active' ? 'running' : 'waiting';
}

export function startByHandWorker(options: WorkerOptions<ByHandPayload>): QueueWorker {
  return startQueueWorker(
    { queueName: byHandQueueName, read: readByHandPayload, nameOf: nameByHand, isRunAgain: false },
    options,
  );
}
