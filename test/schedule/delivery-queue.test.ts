/**
 * The queue of the delivery of alerts: few tries at a time for each receiver, names that a person understands, nothing run
 * that somebody else wrote.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OperatingError } from '../../src/domain/operating-error.ts';
import type { DeliveryPayload } from '../../src/schedule/delivery-payload.ts';
import {
  openDeliveryQueue,
  startDeliveryWorker,
  type DeliveryQueue,
  type DeliveryRequest,
} from '../../src/schedule/delivery-queue.ts';
import type { QueueWorker, RunJob } from '../../src/schedule/queue-worker.ts';
import type { ScheduleEvent } from '../../src/schedule/schedule-event.ts';
import { createRedis, type TestRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait-for.ts';

const prefix = 'test';
const deadlineMs = 3_000;
let redis: TestRedis;
let queue: DeliveryQueue;
let worker: QueueWorker | undefined;
const events: ScheduleEvent[] = [];
const onEvent = (event: ScheduleEvent): void => void events.push(event);

beforeEach(async () => {
  events.length = 0;
  redis = await createRedis();
  queue = openDeliveryQueue({ url: redis.url, prefix, onEvent });
  await queue.queue.waitUntilReady();
});

afterEach(async () => {
  await worker?.close(deadlineMs);
  worker = undefined;
  await queue.close(deadlineMs);
  await redis.release();
});

function work(run: RunJob<DeliveryPayload>): void {
  worker = startDeliveryWorker({ url: redis.url, prefix, onEvent, run, concurrency: 4 });
}

function requestOf(id: string, changes: Partial<DeliveryRequest> = {}): DeliveryRequest {
  return {
    id,
    receiver: 'oncall',
    alertId: '17',
    kind: 'in_doubt',
    source: 'gifts',
    transition: 'opened',
    attempts: 0,
    ...changes,
  };
}

describe('a try', () => {
  it('is named after what it tells whom', async () => {
    await queue.enqueueDelivery(requestOf('1'), 0);
    await queue.enqueueDelivery(requestOf('2', { transition: 'resolved', attempts: 3 }), 1);
    const jobs = (await queue.queue.getWaiting()).toSorted((a, b) => a.timestamp - b.timestamp);
    expect(jobs.map(({ name, data }) => [name, data])).toEqual([
      ['tell oncall: in_doubt of gifts', { delivery: '1' }],
      ['tell oncall: in_doubt of gifts is over', { delivery: '2' }],
    ]);
    expect(jobs[1]?.id).toMatch(/^alert-17-resolved-oncall-try-4-\d{8}T/);
  });

  it('waits for the turn of its receiver, and for no other’s', async () => {
    expect(await queue.enqueueDelivery(requestOf('1'), 0)).toBe('enqueued');
    expect(await queue.enqueueDelivery(requestOf('1'), 0)).toBe('skipped');
    expect(await queue.enqueueDelivery(requestOf('2'), 0)).toBe('skipped');
    expect(await queue.enqueueDelivery(requestOf('2'), 1)).toBe('enqueued');
    expect(await queue.enqueueDelivery(requestOf('3', { receiver: 'chat' }), 0)).toBe('enqueued');
  });

  it('can be enqueued again after it failed', async () => {
    const ran: string[] = [];
    work(async ({ delivery }) => {
      ran.push(delivery);
      throw new OperatingError('undelivered', 'oncall did not take it');
    });
    await queue.enqueueDelivery(requestOf('1'), 0);
    await waitFor(async () => (await queue.queue.getFailedCount()) === 1, { what: 'the first try to fail' });
    expect(await queue.enqueueDelivery(requestOf('1'), 0)).toBe('enqueued');
    await waitFor(() => ran.length === 2, { what: 'the second try' });
    expect(events).toEqual([]);
  });

  it.each([
    ['no number', { delivery: '../1' }],
    ['what is to be told', { delivery: '1', text: 'all is well' }],
  ])('with %s is refused, never run, and nothing of it is repeated', async (_what, payload) => {
    const ran: string[] = [];
    work(async ({ delivery }) => {
      ran.push(delivery);
      return {};
    });
    await queue.queue.add('written by somebody', payload, { jobId: 'forged' });
    const job = await waitFor(async () => (await queue.queue.getFailed())[0], { what: 'the refusal' });
    expect(job.failedReason).toContain('Refused, nothing was run: its payload is not that of a delivery');
    expect(job.failedReason).not.toMatch(/\.\.\/|all is well/);
    expect(ran).toEqual([]);
  });
});
