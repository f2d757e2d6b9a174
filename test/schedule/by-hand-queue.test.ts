/**
 * The queue of what people ask for: what was begun is not begun again, whoever takes it up.
 */
import { randomUUID } from 'node:crypto';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ByHandPayload } from '../../src/schedule/by-hand-payload.ts';
import { openByHandQueue, startByHandWorker, type ByHandQueue } from '../../src/schedule/by-hand-queue.ts';
import type { QueueWorker } from '../../src/schedule/queue-worker.ts';
import type { ScheduleEvent } from '../../src/schedule/schedule-event.ts';
import { createRedis, type TestRedis } from '../support/redis.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

const prefix = 'test';
const deadlineMs = 3_000;
const undo: ByHandPayload = { task: 'undo', which: { repairId: '7' }, by: 'ada' };
let redis: TestRedis;
let queue: ByHandQueue;
let worker: QueueWorker | undefined;
let ran: ByHandPayload[];
let events: ScheduleEvent[];
const onEvent = (event: ScheduleEvent): void => void events.push(event);

beforeEach(async () => {
  ran = [];
  events = [];
  redis = await createRedis();
  queue = openByHandQueue({ url: redis.url, prefix, onEvent });
  await queue.queue.waitUntilReady();
});

afterEach(async () => {
  await worker?.close(deadlineMs);
  worker = undefined;
  await queue.close(deadlineMs);
  await redis.release();
});

function work(): void {
  const run = async (payload: ByHandPayload): Promise<object> => {
    ran.push(payload);
    return {};
  };
  worker = startByHandWorker({ url: redis.url, prefix, onEvent, run, concurrency: 2, stallAfterMs: 500 });
}

async function untilEnded(id: string): Promise<{ state: string; error: string | null }> {
  return waitFor(
    async () => {
      const job = await queue.read(id);
      return job?.state === 'done' || job?.state === 'failed' ? job : null;
    },
    { what: 'the job to end' },
  );
}

it('what a process that was killed had begun is not run again, and says so', async () => {
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  const killed = new Worker('by-hand', undefined, { connection, prefix, lockDuration: 100 });
  const id = await queue.ask(undo);
  expect((await killed.getNextJob('of one that is killed'))?.id).toBe(id);
  await killed.close(true);
  connection.disconnect();
  work();
  expect(await untilEnded(id)).toMatchObject({
    state: 'failed',
    error: expect.stringContaining('Nothing more was heard of the process that ran it') as string,
  });
  expect(ran).toEqual([]);
  await waitFor(() => events.some(({ kind }) => kind === 'job_stalled'), { what: 'it to be told' });
  expect(events).toContainEqual({ kind: 'job_stalled', jobId: id, isRunAgain: false });
  expect((await untilEnded(await queue.ask(undo))).state).toBe('done');
  expect(ran).toEqual([undo]);
});

it('what was asked for without an answer may have been asked for, and says so', async () => {
  const proxy = await startTcpProxy(redis.url);
  const far = openByHandQueue({ url: proxy.url, prefix, onEvent });
  await far.queue.waitUntilReady();
  proxy.set('swallow_replies');
  await expect(far.ask(undo)).rejects.toMatchObject({
    code: 'timed_out',
    message: expect.stringContaining('It may have been asked for all the same') as string,
  });
  expect(await queue.queue.getWaitingCount()).toBe(1);
  await far.close(100);
  await proxy.close();
}, 15_000);

it('what has ended is not run again, though somebody puts it back past the board', async () => {
  work();
  const id = await queue.ask(undo);
  expect((await untilEnded(id)).state).toBe('done');
  await (await queue.queue.getJob(id))?.retry('completed');
  expect((await untilEnded(id)).state).toBe('failed');
  expect(ran).toEqual([undo]);
});

it('what is no job of the queue is not read as one, and what another program wrote is read as far as it goes', async () => {
  const id = await queue.ask(undo);
  for (const other of ['meta', 'id', 'events', 'wait', `${id}:logs`, '1', '']) {
    expect(await queue.read(other)).toBeNull();
  }
  const forged = randomUUID();
  await redis.client.hset(`${prefix}:by-hand:${forged}`, { name: 'x', data: '{}', opts: '{}' });
  expect(await queue.read(forged)).toMatchObject({ askedAtMs: null, payload: { kind: 'refused' } });
});
