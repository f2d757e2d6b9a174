/**
 * A queue as whoever enqueues sees it.
 * Invariants kept: of jobs with the same `onlyOne`, one is waiting or running, and a further one is skipped; no call hangs on
 * a dead Redis; nothing waits in this process for Redis to come back.
 * Keeps no state that matters: what is lost with the Redis is enqueued again by those who know what is to be done.
 */
import { Queue } from 'bullmq';
import { OperatingError } from '../domain/operating-error.ts';
import { connectPatient, endRedis, withDeadline } from '../redis/connect.ts';
import { describeRedisError } from '../redis/redis-trouble.ts';
import type { Enqueued } from './enqueue-in-time.ts';
import type { ScheduleEvent } from './schedule-event.ts';

export interface QueueOptions {
  readonly url: string;
  /** Comes before the name of every key of the queue. */
  readonly prefix: string;
  readonly onEvent: (event: ScheduleEvent) => void;
}

export interface NewJob {
  /** What the dashboard calls it. */
  readonly title: string;
  readonly payload: object;
  /** A job of the same id is the same job. Without `:`. */
  readonly jobId: string;
  readonly onlyOne: string;
  /** It is not begun before so many milliseconds are over; at once unless given. */
  readonly delayMs?: number;
}

export interface OpenQueue {
  /** For the dashboard. */
  readonly queue: Queue;
  /** Throws OperatingError `redis_unreachable` or `timed_out`; then the job may have been added. Repeating is safe. */
  readonly add: (job: NewJob) => Promise<Enqueued>;
  /** Ends within `deadlineMs`. Never throws. */
  readonly close: (deadlineMs: number) => Promise<void>;
}

const enqueueTimeoutMs = 5_000;
/** How much history the dashboard shows; older jobs are removed, reports stay in Postgres. */
const keptJobs = {
  removeOnComplete: { count: 200, age: 24 * 3600 },
  removeOnFail: { count: 500, age: 7 * 24 * 3600 },
  keepLogs: 500,
} as const;

export function openQueue(name: string, { url, prefix, onEvent }: QueueOptions): OpenQueue {
  const tell = (reason: string): void => onEvent({ kind: 'queue_trouble', reason });
  const redis = connectPatient(url, { onError: ({ message }) => tell(message) });
  const queue = new Queue(name, {
    connection: redis,
    prefix,
    defaultJobOptions: { attempts: 1, ...keptJobs },
  });
  // Trouble of the connection arrives here a second time; it was told above.
  queue.on('error', () => {});
  return {
    queue,
    add: async ({ title, payload, jobId, onlyOne, delayMs = 0 }) => {
      // Not left to the client's own queue: what waits there would all be added when Redis comes back.
      if (redis.status !== 'ready') {
        throw new OperatingError(
          'redis_unreachable',
          'The queue Redis is not connected; nothing was enqueued.',
        );
      }
      const work = queue.add(title, payload, { jobId, deduplication: { id: onlyOne }, delay: delayMs });
      try {
        const job = await withDeadline(work, enqueueTimeoutMs, `enqueuing: ${title}`);
        return job.id === jobId ? 'enqueued' : 'skipped';
      } catch (error) {
        throw describeRedisError(error);
      }
    },
    close: async (deadlineMs) => {
      await Promise.allSettled([withDeadline(queue.close(), deadlineMs, 'closing the queue')]);
      await endRedis(redis, deadlineMs);
    },
  };
}

/** A time as part of a job's id, which must not hold `:`. */
export function idOf(time: Date): string {
  return time.toISOString().replaceAll(/[-:]|\.000/g, '');
}
