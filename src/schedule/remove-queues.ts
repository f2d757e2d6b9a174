/**
 * Removes the queues of a daemon, with their jobs and their history, when nobody works on them any more.
 * Only those that every daemon has: the demo, whose end this is, tells no receivers and has no canary.
 */
import { withDeadline } from '../redis/connect.ts';
import { describeRedisError } from '../redis/redis-trouble.ts';
import { byHandQueueName } from './by-hand-queue.ts';
import { chunkQueueName } from './chunk-queue.ts';
import { recheckQueueName } from './recheck-queue.ts';
import { openQueue } from './open-queue.ts';
import { passQueueName } from './pass-queue.ts';

const removeTimeoutMs = 5_000;
const closeTimeoutMs = 1_000;

/** Throws OperatingError `redis_unreachable` or `timed_out`; then some of it may be left. */
export async function removeQueues(url: string, prefix: string): Promise<void> {
  for (const name of [passQueueName, chunkQueueName, recheckQueueName, byHandQueueName]) {
    const { queue, close } = openQueue(name, { url, prefix, onEvent: () => {} });
    try {
      await withDeadline(queue.obliterate({ force: true }), removeTimeoutMs, `removing the queue ${name}`);
    } catch (error) {
      throw describeRedisError(error);
    } finally {
      await close(closeTimeoutMs);
    }
  }
}
