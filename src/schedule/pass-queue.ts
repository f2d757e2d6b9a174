/**
 * The queue of passes, as whoever enqueues sees it.
 * Invariants kept: a slot makes one job, however often it is enqueued; a source has one pass waiting or running, and a
 * further one is skipped, so that a pass longer than its interval builds nothing up; no call hangs on a dead Redis.
 * Keeps no state that matters: after FLUSHALL the next slot simply makes a new job.
 */
import { Queue } from 'bullmq';
import { OperatingError } from '../domain/operating-error.ts';
import { connectPatient, describeRedisError, endRedis, withDeadline } from '../redis/connect.ts';
import type { Enqueued, PassRequest } from './enqueue-in-time.ts';
import type { PassPayload } from './pass-payload.ts';
import type { ScheduleEvent } from './schedule-event.ts';

export const passQueueName = 'passes';

export interface QueueOptions {
  readonly url: string;
  /** Comes before the name of every key of the queue. */
  readonly prefix: string;
  readonly onEvent: (event: ScheduleEvent) => void;
}

export interface PassQueue {
  /** For the dashboard. */
  readonly queue: Queue;
  /** Throws OperatingError `redis_unreachable` or `timed_out`; then the job may have been added. Repeating is safe. */
  enqueuePass(pass: PassRequest): Promise<Enqueued>;
  /** A pass that a person asked for, skipped like any other while one is waiting or running. */
  enqueueByHand(source: string): Promise<Enqueued>;
  /** Ends within `deadlineMs`. Never throws. */
  close(deadlineMs: number): Promise<void>;
}

const enqueueTimeoutMs = 5_000;
const removeTimeoutMs = 5_000;
const closeTimeoutMs = 1_000;
/** How much history the dashboard shows; older jobs are removed, reports stay in Postgres. */
const keptJobs = {
  removeOnComplete: { count: 200, age: 24 * 3600 },
  removeOnFail: { count: 500, age: 7 * 24 * 3600 },
  keepLogs: 500,
} as const;

export function openPassQueue({ url, prefix, onEvent }: QueueOptions): PassQueue {
  const tell = (reason: string): void => onEvent({ kind: 'queue_trouble', reason });
  const redis = connectPatient(url, { onError: ({ message }) => tell(message) });
  const queue = new Queue(passQueueName, {
    connection: redis,
    prefix,
    defaultJobOptions: { attempts: 1, ...keptJobs },
  });
  // Trouble of the connection arrives here a second time; it was told above.
  queue.on('error', () => {});

  async function add(payload: PassPayload, jobId: string): Promise<Enqueued> {
    // Not left to the client's own queue: what waits there would all be added when Redis comes back.
    if (redis.status !== 'ready') {
      throw new OperatingError(
        'redis_unreachable',
        'The queue Redis is not connected; nothing was enqueued.',
      );
    }
    const work = queue.add(`pass over ${payload.source}`, payload, {
      jobId,
      deduplication: { id: payload.source },
    });
    try {
      const job = await withDeadline(work, enqueueTimeoutMs, `enqueuing a pass over ${payload.source}`);
      return job.id === jobId ? 'enqueued' : 'skipped';
    } catch (error) {
      throw describeRedisError(error);
    }
  }

  return {
    queue,
    enqueuePass: async ({ source, slot }) =>
      add({ source, slot: slot.toISOString() }, `${source}-${nameOf(slot)}`),
    enqueueByHand: async (source) => add({ source, slot: null }, `${source}-by-hand-${nameOf(new Date())}`),
    close: async (deadlineMs) => {
      await Promise.allSettled([withDeadline(queue.close(), deadlineMs, 'closing the queue')]);
      await endRedis(redis, deadlineMs);
    },
  };
}

/**
 * Removes a queue with its jobs and its history, when nobody works on it any more. Throws OperatingError
 * `redis_unreachable` or `timed_out`; then some of it may be left.
 */
export async function removePassQueue(url: string, prefix: string): Promise<void> {
  const passes = openPassQueue({ url, prefix, onEvent: () => {} });
  try {
    await withDeadline(passes.queue.obliterate({ force: true }), removeTimeoutMs, 'removing the queue');
  } catch (error) {
    throw describeRedisError(error);
  } finally {
    await passes.close(closeTimeoutMs);
  }
}

/** Without `:`, which must not be part of a job's id. */
function nameOf(slot: Date): string {
  return slot.toISOString().replaceAll(/[-:]|\.000/g, '');
}
