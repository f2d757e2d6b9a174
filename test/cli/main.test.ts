/**
 * The entry point as a process: signals, exit codes, a reader that goes away.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';
import { startProcess, type ProcessHandle } from '../support/process-handle.ts';
import { waitFor } from '../support/wait-for.ts';
import { useProgram } from './support/program.ts';
import { shopConfig, type ShopSettings } from './support/shop-config.ts';

const worlds = useWorlds();
const program = useProgram();
let world: World;

beforeEach(async () => {
  world = await worlds.create();
});

async function start(args: readonly string[], settings: ShopSettings = {}): Promise<ProcessHandle> {
  const config = await program.write('shop.yaml', shopConfig(world, settings));
  return startProcess('src/cli/main.ts', {
    args: [...args, '--config', config],
    env: { DATABASE_URL: '', REDIS_URL: '', QUEUE_REDIS_URL: '' },
  });
}

/** What the last line of a log in JSON says. */
function lastMessage(daemon: ProcessHandle): unknown {
  const line: unknown = JSON.parse(daemon.lines().at(-1) ?? 'null');
  return typeof line === 'object' && line !== null && 'msg' in line ? line.msg : line;
}

describe('start', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends with exit code 0 on %s; its last words are "stopped"',
    async (signal) => {
      const daemon = await start(['start'], { schedule: '* * * * * *' });
      await daemon.waitForLine('claim-reconciler watches gifts; dashboard at http://127.0.0.1:');
      daemon.signal(signal);
      expect(await daemon.waitForEnd(), daemon.output()).toEqual({ code: 0, signal: null });
      expect(lastMessage(daemon)).toBe('stopped');
      expect(daemon.output()).toContain(`stopping: ${signal} received`);
      expect(daemon.output()).not.toContain('"level":50');
    },
  );

  it('gives its leases back when it ends', async () => {
    const daemon = await start(['start'], { schedule: '* * * * * *' });
    await waitFor(async () => world.redis.exists('claim-reconciler:lease:scheduler'), { what: 'the lease' });
    daemon.signal('SIGTERM');
    await daemon.waitForEnd();
    expect(
      await world.redis.exists('claim-reconciler:lease:scheduler', 'claim-reconciler:lease:source:gifts'),
    ).toBe(0);
  });

  it('lets a pass finish its batch, and ends with exit code 0, when it is told to stop in the middle', async () => {
    const gifts = await Promise.all(Array.from({ length: 50 }, async () => world.addGift()));
    const daemon = await start(['start'], { schedule: '* * * * * *' });
    await waitFor(async () => world.redis.exists(gifts[0]?.key ?? ''), { what: 'the first repair' });
    daemon.signal('SIGTERM');
    expect(await daemon.waitForEnd(), daemon.output()).toEqual({ code: 0, signal: null });
    expect(lastMessage(daemon)).toBe('stopped');
    const outcomes = (await world.repairs()).map(({ outcome }) => outcome);
    expect(new Set(outcomes)).toEqual(new Set(['applied']));
  });

  it('ends with exit code 2 and says everything that is wrong, when a table is', async () => {
    const daemon = await start(['start'], { table: 'gift_claims' });
    expect(await daemon.waitForEnd()).toEqual({ code: 2, signal: null });
    expect(daemon.output()).toContain('error: The daemon does not start; nothing was changed:');
    expect(daemon.output()).toContain('gift_claims');
  });
});

describe('a second signal', () => {
  it('ends a stop that takes long, with another exit code', async () => {
    const daemon = await start(['start'], { schedule: '* * * * * *' });
    await daemon.waitForLine('claim-reconciler watches gifts');
    worlds.redis().signal('SIGSTOP');
    try {
      daemon.signal('SIGTERM');
      await daemon.waitForLine('stopping: SIGTERM received');
      const end = daemon.waitForEnd();
      await signalUntil(daemon, end);
      expect(await end).toEqual({ code: 130, signal: null });
    } finally {
      worlds.redis().signal('SIGCONT');
    }
  });
});

/** Signals that come within a second of the first are taken for the same one, so it takes a few. */
async function signalUntil(daemon: ProcessHandle, end: Promise<unknown>): Promise<void> {
  let ended = false;
  void end.finally(() => (ended = true));
  await waitFor(
    () => {
      if (!ended) daemon.signal('SIGTERM');
      return ended;
    },
    { what: 'the end after a second signal', intervalMs: 200 },
  );
}

describe('one-off commands', () => {
  it('print to standard output and exit with their code', async () => {
    await world.addGift();
    await world.settle();
    const ran = await start(['reconcile', '--json'], { mode: 'observe' });
    expect(await ran.waitForEnd()).toEqual({ code: 3, signal: null });
    expect(JSON.parse(ran.output())).toMatchObject({ source: 'gifts', open: 1 });
  });

  it('end with exit code 1 when they are told to stop while they wait', async () => {
    await world.addGift();
    const ran = await start(['reconcile'], { grace: '1h' });
    await ran.waitForLine('Waiting');
    ran.signal('SIGINT');
    expect(await ran.waitForEnd(), ran.output()).toEqual({ code: 1, signal: null });
    expect(ran.output()).toContain('SIGINT received');
  });
});

describe('a reader that goes away', () => {
  it.each([
    { what: 'the help', args: ['--help'], code: 0 },
    {
      what: 'a plan',
      args: ['repair', 'range', '--from', '1', '--to', '9999', '--source', 'gifts'],
      code: 3,
    },
  ])('is no reason to fail: $what', async ({ args, code }) => {
    await Promise.all(Array.from({ length: 60 }, async () => world.addGift()));
    await world.settle();
    const config = await program.write('shop.yaml', shopConfig(world));
    const all = code === 0 ? args : [...args, '--config', config];
    const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
    const child = spawn(process.execPath, ['--import', tsx, 'src/cli/main.ts', ...all], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, DATABASE_URL: '', REDIS_URL: '' },
    });
    let complaint = '';
    child.stderr.on('data', (text: Buffer) => (complaint += text.toString()));
    // That it waits for a sample of the horizon, which is too old on a busy machine, is no complaint.
    const isWaiting = /^Waiting \d+ s for the grace period to pass\.\n/;
    child.stdout.destroy();
    await once(child, 'close');
    expect({
      code: child.exitCode,
      signal: child.signalCode,
      complaint: complaint.replace(isWaiting, ''),
    }).toEqual({
      code,
      signal: null,
      complaint: '',
    });
  });
});
