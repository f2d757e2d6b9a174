/**
 * The demo as its users start it: a process, on servers that are given. Invariant 11 is looked at on the wire.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { driftKinds, driftStories } from '../../src/demo/inject-drift.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { demoDatabases, forbiddenOf, listenToWire, readBalance, startDemo, sumOf } from './demo-run.ts';

let server: RunningServer;
let redis: Redis;
let database: TestDatabase;
let folder = '';

beforeAll(async () => {
  server = await startRedis({ env: process.env });
  redis = new Redis(server.url);
  database = await createDatabase();
  folder = await mkdtemp(join(tmpdir(), 'demo-claims-'));
  await redis.set('somebody:else', 'untouched');
});

afterAll(async () => {
  redis.disconnect();
  await database.drop();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

function stores(): NodeJS.ProcessEnv {
  return { DATABASE_URL: inject('databaseUrl'), REDIS_URL: server.url };
}

async function expectNothingLeft(): Promise<void> {
  expect(await demoDatabases(database.pool)).toEqual([]);
  expect(await redis.dbsize()).toBe(1);
  expect(await redis.get('somebody:else')).toBe('untouched');
}

/** Its end, and the balance that it printed, which must be even. */
async function expectBalance(lines: readonly string[]): Promise<void> {
  const [total, ...kinds] = readBalance(lines).toReversed();
  expect(kinds.map(({ kind }) => kind).sort()).toEqual([...driftKinds].sort());
  for (const { kind, injected, found, repaired, alerted } of kinds) {
    const ends = driftKinds.filter((name) => name === kind).map((name) => driftStories[name].ends);
    expect(injected).toBeGreaterThan(0);
    expect({ kind, ends, found, repaired, alerted }).toEqual({
      kind,
      ends,
      found: injected,
      repaired: ends[0] === 'repaired' ? injected : 0,
      alerted: ends[0] === 'alerted' ? injected : 0,
    });
  }
  expect(sumOf(kinds)).toEqual(total);
  expect(lines.join('\n')).toContain('found 0 new discrepancies');
  await expectNothingLeft();
}

it('balances, enumerates and flushes nothing (invariant 11), and leaves given servers as they were', async () => {
  const wire = await listenToWire(redis);
  const demo = startDemo(stores());
  const ending = await demo.waitForEnd({ timeoutMs: 50_000 });
  wire.stop();
  expect(ending, demo.output()).toEqual({ code: 0, signal: null });
  await expectBalance(demo.lines());
  expect(forbiddenOf(wire)).toEqual([]);
  // The wire was heard: markers were set, and read by a script.
  expect(wire.counts.get('SET')).toBeGreaterThan(4_000);
  expect(wire.counts.get('PTTL') ?? wire.counts.get('PEXPIRETIME')).toBeGreaterThan(4_000);
});

it('plays claims from a file, with users who come back for the same coupon', async () => {
  const users = Array.from(
    { length: 900 },
    (_, at) => `${at + 1},26,${at % 7},20:1,0,20160${(at % 6) + 1}15`,
  );
  const again = users.filter((_, at) => at % 4 === 0);
  const later = again.slice(0, 40).map((line) => line.replace(/\d\d$/, '28'));
  const file = join(folder, 'claims.csv.gz');
  const header = 'User_id,Merchant_id,Coupon_id,Discount_rate,Distance,Date_received';
  await writeFile(file, gzipSync([header, ...users, ...again, ...later].join('\n')));
  const demo = startDemo(stores(), ['--claims', file, '--seed', '7']);
  expect(await demo.waitForEnd({ timeoutMs: 50_000 }), demo.output()).toEqual({ code: 0, signal: null });
  expect(demo.output()).toContain('1165 gift claims (900 granted, the others released)');
  await expectBalance(demo.lines());
});

it.each([
  ['a file that is not there', ['--claims', '/nowhere/claims.csv'], 2, 'cannot be read: ENOENT'],
  ['a seed that is no number', ['--seed', 'lucky'], 2, '--seed lucky is not a whole number'],
])('refuses %s before anything is started', async (_, args, code, words) => {
  const demo = startDemo(stores(), args);
  expect(await demo.waitForEnd()).toEqual({ code, signal: null });
  expect(demo.output()).toContain(words);
  expect(demo.output()).not.toContain('1. servers');
});

it('drops its database when the Redis that was given is not there', async () => {
  const demo = startDemo({ ...stores(), REDIS_URL: 'redis://127.0.0.1:1/0' });
  expect(await demo.waitForEnd()).toEqual({ code: 1, signal: null });
  expect(demo.output()).toContain('Redis at 127.0.0.1:1 could not be reached');
  await expectNothingLeft();
});
