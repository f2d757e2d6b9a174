/**
 * The replay as its users start it: claims from a file through the gate, with faults, while the daemon runs.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { claimFaults, faultStories } from '../../src/demo/replay/claim-faults.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { demoDatabases, forbiddenOf, listenToWire, startDemo } from './demo-run.ts';

let server: RunningServer;
let redis: Redis;
let database: TestDatabase;
let folder = '';
let file = '';

const users = 1_000;

beforeAll(async () => {
  server = await startRedis({ env: process.env });
  redis = new Redis(server.url);
  database = await createDatabase();
  folder = await mkdtemp(join(tmpdir(), 'replay-claims-'));
  file = join(folder, 'claims.csv.gz');
  // Every tenth user asks twice.
  const lines = Array.from({ length: users }, (_, user) =>
    `${user},1,${user % 7},,,20160701\n`.repeat(user % 10 === 0 ? 2 : 1),
  );
  const head = 'User_id,Merchant_id,Coupon_id,Discount_rate,Distance,Date_received\n';
  await writeFile(file, gzipSync(head + lines.join('')));
});

afterAll(async () => {
  redis.disconnect();
  await database.drop();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Faults of every kind, each found and put right, by the lines of the balance. */
function expectEven(lines: readonly string[]): void {
  for (const fault of claimFaults) {
    const { cause, verdict } = faultStories[fault];
    const line = lines.find((text) => text.trimStart().startsWith(`${cause} `));
    const counts = /(\d+) +(\d+) +(\d+)$/
      .exec(line ?? '')
      ?.slice(1)
      .map(Number);
    const [injected = 0, found, repaired] = counts ?? [];
    expect(injected).toBeGreaterThan(0);
    expect({ fault, found, repaired }).toEqual({
      fault,
      found: injected,
      repaired: verdict === null ? 0 : injected,
    });
  }
  expect(lines.join('\n')).toContain('It balances');
  expect(lines.join('\n')).toContain('none of a thing that was handed out before');
  expect(lines.join('\n')).toContain('found 0 new discrepancies');
}

it('settles everything on given servers, enumerates and flushes nothing, and leaves them as they were', async () => {
  await redis.set('somebody:else', 'untouched');
  const wire = await listenToWire(redis);
  const replay = startDemo({ DATABASE_URL: inject('databaseUrl'), REDIS_URL: server.url }, [
    '--through-gate',
    '--claims',
    file,
    '--seed',
    '7',
  ]);
  const { code } = await replay.waitForEnd({ timeoutMs: 170_000 });
  wire.stop();
  expectEven(replay.lines());
  expect(code).toBe(0);
  expect(replay.lines().join('\n')).toContain('its data are not lost on purpose');
  expect(forbiddenOf(wire)).toEqual([]);
  expect(await demoDatabases(database.pool)).toEqual([]);
  expect(await redis.dbsize()).toBe(1);
}, 180_000);

it('gets over a Redis that came back empty, on servers of its own', async () => {
  const replay = startDemo({ DATABASE_URL: '', REDIS_URL: '' }, ['--through-gate', '--claims', file]);
  const { code } = await replay.waitForEnd({ timeoutMs: 170_000 });
  const lines = replay.lines();
  expectEven(lines);
  const lost = lines.find((line) => line.includes(faultStories.lost_data.cause));
  expect(lost).toMatch(/ (\d+) +\1 +\1$/);
  expect(lines.join('\n')).toContain('the brake stopped all repairs');
  expect(code).toBe(0);
}, 240_000);
