/**
 * A large window while its queue is of no use: paused by a person, emptied in the middle, or served by a daemon that cannot help.
 * The pass judges all the same, and what comes back goes on by itself.
 */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startRedis } from '../../src/embedded/start-redis.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { useProgram } from '../cli/support/program.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';
import { waitFor } from '../support/wait-for.ts';
import { addManyClaims } from './support/many-claims.ts';
import { startShopDaemon, type ShopDaemon } from './support/shop-daemon.ts';

const worlds = useWorlds();
const program = useProgram();
const claims = 12_000;
let world: World;
let server: RunningServer;
let queueRedis: Redis;
let daemon: ShopDaemon;

beforeEach(async () => {
  world = await worlds.create();
  server = await startRedis({ env: process.env });
  queueRedis = new Redis(server.url);
});

afterEach(async () => {
  await daemon.stop();
  queueRedis.disconnect();
  await server.stop();
});

async function start(grace = '20ms'): Promise<ShopDaemon> {
  const started = await startShopDaemon(world, program, {
    grace,
    mode: 'observe',
    queueUrl: server.url,
    reading: '{ rowsPerSecond: 3000, chunks: { over: 0, rows: 1000 } }',
  });
  await started.started;
  return started;
}

interface Judged {
  readonly checked: number;
  readonly outcomes: readonly string[];
}

/** By the reports of the passes that judged anything. */
async function judged(): Promise<Judged> {
  const { rows } = await world.pool.query<Judged>(
    `select coalesce(sum((report ->> 'checked')::int), 0)::int as checked, array_agg(outcome) as outcomes
     from reconciler.pass where (report ->> 'checked')::int > 0`,
  );
  return rows[0] ?? { checked: 0, outcomes: [] };
}

async function chunksAhead(): Promise<number> {
  const { rows } = await world.pool.query<{ count: number }>('select count(*)::int from reconciler.chunk');
  return rows[0]?.count ?? 0;
}

it('paused: the pass judges all chunks itself, and leaves none in the queue', async () => {
  const chunks = new Queue('chunks', { connection: queueRedis, prefix: 'claim-reconciler:queue' });
  await chunks.pause();
  daemon = await start();
  await addManyClaims(world, claims);
  await waitFor(async () => (await judged()).checked >= claims, { what: 'the pass', timeoutMs: 50_000 });
  expect(await judged()).toEqual({ checked: claims, outcomes: ['completed'] });
  expect(await world.discrepancies()).toHaveLength(claims / 1_000);
  await waitFor(async () => (await chunks.count()) === 0, { what: 'an empty queue' });
  await chunks.close();
}, 90_000);

it('emptied in the middle: nothing is lost or found twice, and the log is not flooded', async () => {
  daemon = await start();
  await addManyClaims(world, claims);
  await waitFor(async () => (await chunksAhead()) > 3, { what: 'chunks', intervalMs: 10 });
  await queueRedis.flushall();
  const found = async (): Promise<number[]> =>
    (await world.discrepancies()).map(({ claimId }) => Number(claimId)).sort((a, b) => a - b);
  await waitFor(async () => (await found()).at(-1) === claims, {
    what: 'the last claim',
    timeoutMs: 80_000,
  });
  await waitFor(async () => (await chunksAhead()) === 0, { what: 'the end of the pass' });
  expect(await found()).toEqual(Array.from({ length: claims / 1_000 }, (_, at) => (at + 1) * 1_000));
  expect(daemon.log().filter((line) => line.includes('chunk')).length).toBeLessThan(20);
  expect(await daemon.stop()).toBe(true);
}, 120_000);

it('shared with a daemon that is configured otherwise: one of both judges all, the other says so once', async () => {
  daemon = await start();
  const other = await start('21ms');
  try {
    await addManyClaims(world, claims);
    await waitFor(async () => (await judged()).checked >= claims, { what: 'the pass', timeoutMs: 50_000 });
    expect(await judged()).toEqual({ checked: claims, outcomes: ['completed'] });
    const said = [daemon, other].flatMap(({ log }) =>
      log().filter((line) => line.includes('is configured otherwise in this process')),
    );
    expect(said).toEqual([expect.stringMatching(/^chunks of pass \d+ over gifts: /)]);
  } finally {
    await other.stop();
  }
}, 90_000);
