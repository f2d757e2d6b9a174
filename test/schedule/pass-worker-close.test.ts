/**
 * The worker at its end, and when its Redis is away: closing never hangs, and what comes back goes on by itself.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startRedis } from '../../src/embedded/start-redis.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { openPassQueue, type PassQueue } from '../../src/schedule/pass-queue.ts';
import { startPassWorker, type PassWorker, type RunPass } from '../../src/schedule/pass-worker.ts';
import type { ScheduleEvent } from '../../src/schedule/schedule-event.ts';
import { waitFor } from '../support/wait-for.ts';

const deadlineMs = 3_000;
const prefix = 'test';
const first = new Date('2026-03-01T12:00:00Z');
const second = new Date('2026-03-01T12:00:10Z');

let server: RunningServer;
let queue: PassQueue;
let worker: PassWorker;
const events: ScheduleEvent[] = [];
const onEvent = (event: ScheduleEvent): void => void events.push(event);

beforeEach(async () => {
  events.length = 0;
  server = await startRedis({ env: process.env });
  queue = openPassQueue({ url: server.url, prefix, onEvent });
  await queue.queue.waitUntilReady();
});

afterEach(async () => {
  await worker.close(deadlineMs);
  await queue.close(deadlineMs);
  await server.stop();
});

function work(run: RunPass, url = server.url): PassWorker {
  worker = startPassWorker({ url, prefix, onEvent, run, concurrency: 1 });
  return worker;
}

/** Ends between batches, a while after it was told to. */
const patientRun: RunPass = async (_payload, _view, signal) => {
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await wait(50);
  return { outcome: 'stopped' };
};

const stubbornRun: RunPass = async () => new Promise(() => {});

async function startPass(run: RunPass): Promise<PassWorker> {
  work(run);
  await queue.enqueuePass({ source: 'gifts', slot: first });
  await waitFor(() => worker.running() === 1, { what: 'the pass to run' });
  return worker;
}

/** Fails if closing takes longer than it may; how long it takes otherwise does not matter. */
async function closeInTime(closing: PassWorker): Promise<boolean> {
  const late = Symbol('late');
  const graceMs = 2_000;
  const result = await Promise.race([closing.close(deadlineMs), wait(deadlineMs + graceMs, late)]);
  if (typeof result === 'symbol') throw new Error(`closing took longer than ${deadlineMs} ms`);
  return result;
}

describe('closing', () => {
  it('tells a pass to stop, waits for it, and keeps its result', async () => {
    expect(await closeInTime(await startPass(patientRun))).toBe(true);
    const job = await queue.queue.getJob('gifts-20260301T120000Z');
    expect(await job?.getState()).toBe('completed');
    expect(job?.returnvalue).toEqual({ outcome: 'stopped' });
  });

  it('takes no further job', async () => {
    const closing = closeInTime(await startPass(patientRun));
    await queue.enqueuePass({ source: 'orders', slot: first });
    await closing;
    expect(await queue.queue.getWaitingCount()).toBe(1);
  });

  it('says so when a pass did not stop in time', async () => {
    expect(await closeInTime(await startPass(stubbornRun))).toBe(false);
  });

  it('ends in time when Redis is down and a pass runs', async () => {
    await startPass(patientRun);
    await server.kill();
    expect(await closeInTime(worker)).toBe(false);
  });

  it('ends in time when Redis is down and nothing runs', async () => {
    work(async () => ({}));
    await queue.enqueuePass({ source: 'gifts', slot: first });
    await waitFor(async () => (await queue.queue.getCompletedCount()) === 1, {
      what: 'a pass, and then idleness',
    });
    await server.kill();
    await waitFor(() => events.some(({ kind }) => kind === 'queue_trouble'), {
      what: 'the loss to be noticed',
    });
    await closeInTime(worker);
  });

  it('ends in time when Redis stands still', async () => {
    await startPass(patientRun);
    server.signal('SIGSTOP');
    try {
      expect(await closeInTime(worker)).toBe(false);
      await queue.close(500);
    } finally {
      server.signal('SIGCONT');
    }
  });

  it('ends in time when Redis never was there', async () => {
    await closeInTime(work(patientRun, 'redis://127.0.0.1:1/0'));
    const nowhere = openPassQueue({ url: 'redis://127.0.0.1:1/0', prefix, onEvent });
    await expect(nowhere.enqueuePass({ source: 'gifts', slot: first })).rejects.toMatchObject({
      code: 'redis_unreachable',
    });
    await nowhere.close(500);
  });
});

describe('a queue Redis that comes back empty', () => {
  it('is worked from again, with no help', async () => {
    const sources: string[] = [];
    work(async ({ source }) => {
      sources.push(source);
      return {};
    });
    await queue.enqueuePass({ source: 'gifts', slot: first });
    await waitFor(() => sources.length === 1, { what: 'the first pass' });
    await server.kill();
    await server.restart();
    await waitFor(async () => queue.enqueuePass({ source: 'orders', slot: second }), { what: 'the queue' });
    await waitFor(() => sources.length === 2, { what: 'the pass after the restart', timeoutMs: 30_000 });
    expect(sources).toEqual(['gifts', 'orders']);
  });
});
