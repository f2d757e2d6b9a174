/**
 * The queue and its worker: one pass per source at a time, nothing believed that comes out of Redis, nothing lost that
 * matters when Redis forgets everything (FAULTS "The daemon" 20, 21).
 */
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startRedis } from '../../src/embedded/start-redis.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { openPassQueue, type PassQueue } from '../../src/schedule/pass-queue.ts';
import type { PassPayload } from '../../src/schedule/pass-payload.ts';
import { startPassWorker, type PassWorker, type RunPass } from '../../src/schedule/pass-worker.ts';
import type { ScheduleEvent } from '../../src/schedule/schedule-event.ts';
import { waitFor } from '../support/wait-for.ts';

let server: RunningServer;
let admin: Redis;
let queue: PassQueue;
const workers: PassWorker[] = [];
const events: ScheduleEvent[] = [];
const onEvent = (event: ScheduleEvent): void => void events.push(event);
let prefixes = 0;
let prefix = '';

beforeAll(async () => {
  server = await startRedis({ env: process.env });
  admin = new Redis(server.url);
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

beforeEach(async () => {
  prefixes += 1;
  prefix = `test-${prefixes}`;
  events.length = 0;
  queue = openPassQueue({ url: server.url, prefix, onEvent });
  await queue.queue.waitUntilReady();
});

afterEach(async () => {
  await Promise.all(workers.splice(0).map(async (worker) => worker.close(5_000)));
  await queue.close(2_000);
});

function work(run: RunPass, concurrency = 2): PassWorker {
  const worker = startPassWorker({ url: server.url, prefix, onEvent, run, concurrency });
  workers.push(worker);
  return worker;
}

/** A run that lasts until a test ends it. */
function hold(): { run: RunPass; started: PassPayload[]; end: () => void } {
  const started: PassPayload[] = [];
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const run: RunPass = async (payload) => {
    started.push(payload);
    await ended;
    return { checked: started.length };
  };
  return { run, started, end };
}

const slots = ['2026-03-01T12:00:00Z', '2026-03-01T12:00:10Z', '2026-03-01T12:00:20Z'].map(
  (text) => new Date(text),
);
const [first = new Date(0), second = new Date(0), third = new Date(0)] = slots;

describe('enqueuing', () => {
  it('makes one readable job of a slot, however often it is repeated', async () => {
    for (let times = 0; times < 3; times += 1) {
      expect(await queue.enqueuePass({ source: 'gifts', slot: first })).toBe('enqueued');
    }
    const jobs = await queue.queue.getJobs();
    expect(jobs.map(({ id, name, data }) => ({ id, name, data: data as unknown }))).toEqual([
      {
        id: 'gifts-20260301T120000Z',
        name: 'pass over gifts',
        data: { source: 'gifts', slot: '2026-03-01T12:00:00.000Z' },
      },
    ]);
  });

  it('21: skips while a pass of the source is waiting or running, and no longer; other sources go on', async () => {
    expect(await queue.enqueuePass({ source: 'gifts', slot: first })).toBe('enqueued');
    expect(await queue.enqueuePass({ source: 'gifts', slot: second })).toBe('skipped');
    expect(await queue.enqueuePass({ source: 'orders', slot: second })).toBe('enqueued');
    const { run, started, end } = hold();
    work(run);
    await waitFor(() => started.length === 2, { what: 'both passes to run' });
    expect(await queue.enqueuePass({ source: 'gifts', slot: third })).toBe('skipped');
    expect(await queue.enqueueByHand('gifts', 'ada')).toBe('skipped');
    expect(await queue.queue.getWaitingCount()).toBe(0);
    end();
    await waitFor(async () => (await queue.queue.getCompletedCount()) === 2, { what: 'both passes to end' });
    expect(await queue.enqueuePass({ source: 'gifts', slot: third })).toBe('enqueued');
    await waitFor(() => started.length === 3, { what: 'the next pass' });
    expect(await queue.enqueueByHand('gifts', 'ada')).toBe('enqueued');
    await waitFor(() => started.length === 4, { what: 'the pass by hand' });
    expect(started.at(-1)).toEqual({ source: 'gifts', slot: null, by: 'ada' });
  });

  it('is possible again after a pass that failed', async () => {
    work(async () => Promise.reject(new Error('Postgres is down')));
    await queue.enqueuePass({ source: 'gifts', slot: first });
    // The queue knows it before the worker tells.
    await waitFor(() => events.some(({ kind }) => kind === 'job_failed'), { what: 'the failure' });
    expect(events).toContainEqual({
      kind: 'job_failed',
      jobId: 'gifts-20260301T120000Z',
      reason: 'Postgres is down',
    });
    expect(await queue.enqueuePass({ source: 'gifts', slot: second })).toBe('enqueued');
  });
});

describe('a job', () => {
  it('shows its log, progress and result on the dashboard', async () => {
    work(async (_payload, view) => {
      view.log('read 100 rows');
      view.progress({ judged: 100 });
      return { checked: 100 };
    });
    await queue.enqueuePass({ source: 'gifts', slot: first });
    await waitFor(async () => (await queue.queue.getCompletedCount()) === 1, { what: 'the pass' });
    const job = await queue.queue.getJob('gifts-20260301T120000Z');
    expect(job?.returnvalue).toEqual({ checked: 100 });
    expect(job?.progress).toEqual({ judged: 100 });
    expect((await queue.queue.getJobLogs('gifts-20260301T120000Z')).logs).toEqual(['read 100 rows']);
    expect((await queue.queue.getMetrics('completed')).meta.count).toBe(1);
  });

  it.each([
    ['no object', 'x'],
    ['no source', { slot: null }],
    ['a source that is no name', { source: '../../etc', slot: null }],
    ['a slot that is no time', { source: 'gifts', slot: 'now' }],
    ['unknown fields', { source: 'gifts', slot: null, apply: true }],
  ])('with %s is refused, never run, and says why without repeating it', async (_name, payload) => {
    let runs = 0;
    work(async () => {
      runs += 1;
      return {};
    });
    await queue.queue.add('written by somebody', payload, { jobId: 'forged' });
    const job = await waitFor(async () => (await queue.queue.getFailed())[0], { what: 'the refusal' });
    expect(job.failedReason).toContain('Refused, nothing was run');
    expect(job.failedReason).not.toMatch(/etc|apply/);
    expect(events).toContainEqual(expect.objectContaining({ kind: 'job_refused', jobId: 'forged' }));
    expect(runs).toBe(0);
  });

  it('is told to stop when it is no longer this worker’s', async () => {
    const aborted: unknown[] = [];
    const run: RunPass = async (_payload, _view, signal) => {
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      aborted.push(signal.reason);
      return {};
    };
    workers.push(
      startPassWorker({ url: server.url, prefix, onEvent, run, concurrency: 1, stallAfterMs: 2_000 }),
    );
    await queue.enqueuePass({ source: 'gifts', slot: first });
    await waitFor(async () => (await queue.queue.getActiveCount()) === 1, { what: 'the pass to run' });
    await admin.del(`${prefix}:passes:gifts-20260301T120000Z:lock`);
    await waitFor(() => aborted.length === 1, { what: 'the signal', timeoutMs: 30_000 });
    expect(events).toContainEqual({ kind: 'job_lock_lost', jobId: 'gifts-20260301T120000Z' });
  });

  it('that runs for longer than its limit is told to stop', async () => {
    const reasons: unknown[] = [];
    const run: RunPass = async (_payload, _view, signal) => {
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      reasons.push(signal.reason);
      return {};
    };
    workers.push(startPassWorker({ url: server.url, prefix, onEvent, run, concurrency: 1, runLimitMs: 50 }));
    await queue.enqueuePass({ source: 'gifts', slot: first });
    await waitFor(() => reasons.length === 1, { what: 'the signal' });
  });
});

describe('20: FLUSHALL', () => {
  it('takes what was waiting, and the next slot makes a new job that runs', async () => {
    const { run, started, end } = hold();
    const worker = work(run);
    await queue.enqueuePass({ source: 'gifts', slot: first });
    await waitFor(() => started.length === 1, { what: 'the first pass' });
    await queue.enqueuePass({ source: 'orders', slot: first });
    await admin.flushall();
    // Not skipped: what was running is unknown to Redis now. Running twice is harmless.
    expect(await queue.enqueuePass({ source: 'gifts', slot: second })).toBe('enqueued');
    end();
    await waitFor(() => started.length >= 2 && worker.running() === 0, { what: 'the pass of the next slot' });
    await waitFor(async () => (await queue.queue.getCompletedCount()) === 1, { what: 'its end in Redis' });
    expect(await queue.enqueuePass({ source: 'gifts', slot: third })).toBe('enqueued');
    await waitFor(() => started.at(-1)?.slot === third.toISOString(), { what: 'passes to go on' });
  });
});
