/**
 * The daemon against stores that fail while it works (FAULTS "The daemon" 1, 4 and 20). Markers and queue are on servers
 * of their own.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Redis } from 'ioredis';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { useProgram } from '../cli/support/program.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import { startShopDaemon, type ShopDaemon } from './support/shop-daemon.ts';

const worlds = useWorlds();
const program = useProgram();
let queueServer: RunningServer;
let queue: Redis;
let world: World;
let proxy: TcpProxy;
let daemon: ShopDaemon;

beforeAll(async () => {
  queueServer = await startRedis({ env: process.env });
  queue = new Redis(queueServer.url);
});

afterAll(async () => {
  queue.disconnect();
  await queueServer.stop();
});

beforeEach(async () => {
  world = await worlds.create();
  await queue.flushall();
  proxy = await startTcpProxy(worlds.redis().url);
});

afterEach(async () => {
  worlds.redis().signal('SIGCONT');
  await daemon.stop();
  await proxy.close();
});

interface PassRow {
  readonly id: number;
  readonly outcome: string | null;
  readonly reason: string | null;
  readonly applied: number;
}

async function passes(): Promise<PassRow[]> {
  const { rows } = await world.pool.query<PassRow>(
    `select id::int, outcome, report ->> 'reason' as reason, (report -> 'repairs' ->> 'applied')::int as applied
     from reconciler.pass order by id`,
  );
  return rows;
}

const claimCount = 6_000;
const brokenCount = 20;

/** Claims with their markers, but for a few without: enough for a pass that takes a while over a slow network. */
async function addClaims(): Promise<void> {
  const { rows } = await world.pool.query<{ uid: string; attempt: string }>(
    `insert into gift_claim (uid, attempt_id, status, expires_at)
     select n, 'attempt-' || n, 'granted', clock_timestamp() + interval '1 day' from generate_series(1, $1) n
     returning uid::text, attempt_id as attempt`,
    [claimCount],
  );
  const batch = world.redis.pipeline();
  for (const { uid, attempt } of rows.slice(brokenCount)) batch.set(`gift:${uid}`, attempt, 'PX', 86_400_000);
  await batch.exec();
  // Or the first pass might find no horizon that is old enough, and have nothing to read.
  await world.settle();
}

async function isReady(): Promise<boolean> {
  return (await daemon.get('/readyz')).status === 200;
}

it.each([
  {
    what: '1: a marker Redis that is stopped',
    fail: () => worlds.redis().signal('SIGSTOP'),
    mend: () => worlds.redis().signal('SIGCONT'),
  },
  {
    what: '4: a marker Redis whose answers are lost',
    fail: () => proxy.set('swallow_replies'),
    mend: () => proxy.set('pass'),
  },
])(
  '$what in mid-pass aborts the pass without a repair; a later slot does the work',
  async ({ fail, mend }) => {
    await addClaims();
    proxy.set('latency', { latencyMs: 20 });
    daemon = await startShopDaemon(world, program, { markersUrl: proxy.url, queueUrl: queueServer.url });
    await daemon.started;
    const running = await waitFor(async () => (await passes()).find((pass) => pass.outcome === null), {
      what: 'a pass that runs',
    });
    fail();
    const ended = await waitFor(
      async () => (await passes()).find(({ id, outcome }) => id === running.id && outcome !== null),
      { what: 'the end of the pass' },
    );
    expect(ended).toMatchObject({ outcome: 'aborted', applied: 0, reason: expect.stringMatching(/markers/) });
    expect(await world.repairs()).toEqual([]);
    expect(await world.discrepancies()).toEqual([]);
    const { status, text } = await daemon.get('/readyz');
    expect({ status, text }).toEqual({
      status: 503,
      text: expect.stringContaining('the marker Redis does not answer'),
    });
    expect((await daemon.get('/livez')).status).toBe(200);
    mend();
    await waitFor(async () => (await passes()).some((pass) => pass.applied === brokenCount), {
      what: 'the repairs',
    });
    await waitFor(isReady, { what: 'the daemon to be ready again' });
    expect((await world.repairs()).map(({ outcome }) => outcome)).toEqual(
      Array.from({ length: brokenCount }, () => 'applied'),
    );
  },
);

it('ends when it is told to while the marker Redis is stopped in mid-pass, and cuts nothing off', async () => {
  await addClaims();
  proxy.set('latency', { latencyMs: 20 });
  daemon = await startShopDaemon(world, program, { markersUrl: proxy.url, queueUrl: queueServer.url });
  await daemon.started;
  await waitFor(async () => (await passes()).some((pass) => pass.outcome === null), {
    what: 'a pass that runs',
  });
  worlds.redis().signal('SIGSTOP');
  expect(await daemon.stop()).toBe(true);
  expect(daemon.log().at(-1)).toBe('stopped');
  worlds.redis().signal('SIGCONT');
  expect(await world.repairs()).toEqual([]);
  expect((await passes()).filter(({ outcome }) => outcome === null)).toEqual([]);
});

it('20: FLUSHALL on the queue Redis stops nothing: passes go on', async () => {
  daemon = await startShopDaemon(world, program, { queueUrl: queueServer.url });
  await daemon.started;
  await waitFor(async () => (await passes()).some(({ outcome }) => outcome === 'completed'), {
    what: 'a pass',
  });
  await queue.flushall();
  const last = (await passes()).at(-1)?.id ?? 0;
  await waitFor(
    async () => (await passes()).filter(({ id, outcome }) => id > last && outcome === 'completed').length > 2,
    {
      what: 'passes after the flush',
    },
  );
  const gift = await world.addGift();
  await waitFor(async () => (await world.readMarker(gift.key))?.value === gift.attempt, { what: 'a repair' });
  await waitFor(async () => queue.exists('claim-reconciler:lease:scheduler'), {
    what: 'the lease, taken anew',
  });
  expect(await isReady()).toBe(true);
});

it('goes on after the queue Redis was killed and came back empty', async () => {
  daemon = await startShopDaemon(world, program, { queueUrl: queueServer.url });
  await daemon.started;
  await waitFor(async () => (await passes()).some(({ outcome }) => outcome === 'completed'), {
    what: 'a pass',
  });
  await queueServer.kill();
  await waitFor(async () => !(await isReady()), { what: 'the daemon to notice' });
  await queueServer.restart();
  const gift = await world.addGift();
  await waitFor(async () => (await world.readMarker(gift.key))?.value === gift.attempt, {
    what: 'a repair after the restart',
    timeoutMs: 45_000,
  });
});
