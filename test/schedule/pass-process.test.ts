/**
 * Workers as real processes: the pass of a killed one is taken up once (FAULTS "The daemon" 16), and one whose Redis is
 * gone ends by itself when it is closed.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startRedis } from '../../src/embedded/start-redis.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { openPassQueue, type PassQueue } from '../../src/schedule/pass-queue.ts';
import { startProcess, type ProcessHandle } from '../support/process-handle.ts';
import { waitFor } from '../support/wait-for.ts';

const slot = new Date('2026-03-01T12:00:00Z');

let server: RunningServer;
let queue: PassQueue;

beforeEach(async () => {
  server = await startRedis({ env: process.env });
  queue = openPassQueue({ url: server.url, prefix: 'test', onEvent: () => {} });
  await queue.queue.waitUntilReady();
});

afterEach(async () => {
  await queue.close(1_000);
  await server.stop();
});

function startWorker(manner: 'wait' | 'finish'): ProcessHandle {
  return startProcess('test/schedule/pass-process.ts', { args: [server.url, 'test', manner] });
}

it('16: the pass of a worker that is killed is run by another, once', async () => {
  const killed = startWorker('wait');
  await queue.enqueuePass({ source: 'gifts', slot });
  await killed.waitForLine('runs gifts');
  const other = startWorker('finish');
  await other.waitForLine('ready');
  await killed.kill();
  await waitFor(async () => (await queue.queue.getCompletedCount()) === 1, { what: 'the pass to end' });
  expect(other.lines().filter((line) => line === 'runs gifts')).toHaveLength(1);
  expect(other.lines()).toContain('job_stalled');
  await other.kill();
});

it.each(['SIGKILL', 'SIGSTOP'] as const)(
  'a process ends by itself after its Redis got %s in mid-pass',
  async (signal) => {
    const worker = startWorker('wait');
    await queue.enqueuePass({ source: 'gifts', slot });
    await worker.waitForLine('runs gifts');
    server.signal(signal);
    try {
      worker.signal('SIGTERM');
      await worker.waitForLine('closed false');
      expect(await worker.waitForEnd()).toEqual({ code: 0, signal: null });
    } finally {
      server.signal('SIGCONT');
    }
  },
);
