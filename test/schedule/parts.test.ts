/**
 * A job and its parts: however the job ends, and whatever became of its worker, no part keeps it.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startRedis } from '../../src/embedded/start-redis.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { openChunkQueue, startChunkWorker, type ChunkQueue } from '../../src/schedule/chunk-queue.ts';
import { openPassQueue, type PassQueue } from '../../src/schedule/pass-queue.ts';
import { startPassWorker, type RunPass } from '../../src/schedule/pass-worker.ts';
import type { QueueWorker, RunView } from '../../src/schedule/queue-worker.ts';
import { waitFor } from '../support/wait-for.ts';

const prefix = 'test';
const jobId = 'gifts-20260301T120000Z';
/** Long enough for a busy machine, shorter than what a worker that died is waited for. */
const closeMs = 12_000;

let server: RunningServer;
let passes: PassQueue;
let chunks: ChunkQueue;
const workers: QueueWorker[] = [];

beforeEach(async () => {
  server = await startRedis({ env: process.env });
  passes = openPassQueue({ url: server.url, prefix, onEvent: () => {} });
  chunks = openChunkQueue({ url: server.url, prefix, onEvent: () => {} });
  await passes.queue.waitUntilReady();
  await chunks.queue.waitUntilReady();
});

afterEach(async () => {
  await Promise.all(workers.splice(0).map(async (worker) => worker.close(500)));
  await Promise.all([passes.close(1_000), chunks.close(1_000)]);
  await server.stop();
});

const endless = async (): Promise<never> => new Promise(() => {});

function work(run: RunPass, stallAfterMs = 15_000): QueueWorker {
  const worker = startPassWorker({
    url: server.url,
    prefix,
    onEvent: () => {},
    run,
    concurrency: 1,
    stallAfterMs,
  });
  workers.push(worker);
  return worker;
}

async function startPass(): Promise<void> {
  await passes.enqueuePass({ source: 'gifts', slot: new Date('2026-03-01T12:00:00Z') });
}

/** Resolves when the part is in its queue. */
async function offerPart(view: RunView): Promise<void> {
  chunks.offer([{ source: 'gifts', passId: '1', number: 1 }], view.asWhole());
  await waitFor(async () => (await chunks.queue.getJob('gifts-1-1')) !== undefined, { what: 'the part' });
}

async function untilState(state: string): Promise<void> {
  const now = async (): Promise<string> => (await passes.queue.getJob(jobId))?.getState() ?? 'gone';
  await waitFor(async () => (await now()) === state, { what: `a job that is ${state}`, timeoutMs: 20_000 });
}

it('is not waited for long by a worker that is told to stop, though its own worker hangs', async () => {
  const helper = startChunkWorker({
    url: server.url,
    prefix,
    onEvent: () => {},
    run: endless,
    concurrency: 1,
  });
  workers.push(helper);
  const worker = work(async (_payload, view, signal) => {
    await offerPart(view);
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    return { outcome: 'stopped' };
  });
  await startPass();
  await waitFor(() => helper.running() === 1, { what: 'the part to run' });
  expect(await worker.close(closeMs)).toBe(true);
  await untilState('failed');
});

it('does not wait in its queue for ever when the job fails', async () => {
  await chunks.queue.pause();
  work(async (_payload, view) => {
    await offerPart(view);
    throw new Error('told to');
  });
  await startPass();
  await untilState('failed');
  expect(await chunks.queue.getJobCounts()).toMatchObject({ waiting: 0, active: 0 });
});

it('does not keep a job that is begun anew, after its worker died, and has no parts this time', async () => {
  await chunks.queue.pause();
  const dying = work(async (_payload, view) => {
    await offerPart(view);
    return endless();
  }, 1_000);
  await startPass();
  await waitFor(async () => (await chunks.queue.count()) === 1, { what: 'the part' });
  await waitFor(() => dying.running() === 1, { what: 'the job to run' });
  expect(await dying.close(500)).toBe(false);
  work(async () => ({ outcome: 'completed' }), 1_000);
  await untilState('completed');
});
