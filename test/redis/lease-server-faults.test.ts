/**
 * The lease while its Redis is down, restarted empty, or followed by a replica that knows nothing of it (FAULTS "The
 * lease" 5, 8, 12, 14, 15). Each test has a server of its own, since it breaks it.
 */
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import type { LeaseTiming } from '../../src/domain/lease-trust.ts';
import type { OperatingError } from '../../src/domain/operating-error.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { beginTerm } from '../../src/postgres/lease-term.ts';
import { claimSlot } from '../../src/postgres/slot.ts';
import { connectStrict, endRedis, untilReady } from '../../src/redis/connect.ts';
import { acquireLease, LeaseContender, type Lease, type LeaseOptions } from '../../src/redis/lease.ts';
import { createDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';

const timing: LeaseTiming = { ttlMs: 3_000, renewEveryMs: 1_000, callTimeoutMs: 500 };
const key = 'test:lease:scheduler';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function ownServer(settings: Record<string, string | readonly string[]> = {}): Promise<RunningServer> {
  const server = await startRedis({ env: process.env, settings });
  cleanups.push(async () => server.stop());
  return server;
}

async function strictTo(url: string): Promise<Redis> {
  const redis = connectStrict(url, { onError: () => {} });
  cleanups.push(async () => endRedis(redis, 1_000));
  await untilReady(redis, 5_000);
  return redis;
}

async function mustAcquire(options: LeaseOptions): Promise<Lease> {
  const outcome = await acquireLease(options);
  if (outcome.kind !== 'acquired') throw new Error(`not acquired: ${JSON.stringify(outcome)}`);
  return outcome.lease;
}

describe('Redis down', () => {
  it('5: an acquisition fails at once, and no key appears from it when Redis is up again', async () => {
    const server = await ownServer();
    const redis = await strictTo(server.url);
    await server.kill();
    const contender = new LeaseContender({ redis, key, timing });
    for (let tries = 0; tries < 3; tries += 1) {
      expect(await contender.acquire()).toMatchObject({ kind: 'unavailable' });
    }
    await server.restart();
    await untilReady(redis, 10_000);
    expect(await redis.exists(key)).toBe(0);
  });

  it('8: giving back keeps the result of the work, tells it once, and the key is gone within a TTL', async () => {
    const server = await ownServer({ appendonly: 'yes', appendfsync: 'always' });
    const redis = await strictTo(server.url);
    const troubles: OperatingError[] = [];
    const lease = await mustAcquire({ redis, key, timing, onTrouble: (trouble) => troubles.push(trouble) });
    await server.kill();
    await waitFor(() => redis.status !== 'ready', { what: 'the connection to be noticed as broken' });
    expect(await lease.release()).toBe('unknown');
    expect(await lease.release()).toBe('unknown');
    expect(troubles.filter(({ message }) => message.includes('could not be given back'))).toHaveLength(1);
    await server.restart();
    await untilReady(redis, 10_000);
    await waitFor(async () => (await redis.exists(key)) === 0, { what: 'the key to expire' });
  });

  it('14: a lease is lost at the next renewal when Redis comes back empty, and not made again', async () => {
    const server = await ownServer();
    const redis = await strictTo(server.url);
    const lease = await mustAcquire({ redis, key, timing: { ...timing, ttlMs: 60_000 } });
    await server.kill();
    await server.restart();
    await waitFor(() => lease.signal.aborted, { what: 'the lease to be lost' });
    expect(lease.signal.reason).toMatchObject({ code: 'lease_lost' });
    await untilReady(redis, 10_000);
    expect(await redis.exists(key)).toBe(0);
  });
});

describe('12: a process whose event loop was blocked for longer than it may trust its lease', () => {
  it('is refused its first write afterwards, before any timer could run', async () => {
    const server = await ownServer();
    const redis = await strictTo(server.url);
    const lease = await mustAcquire({ redis, key, timing });
    const untilMs = performance.now() + 1.5 * timing.ttlMs;
    while (performance.now() < untilMs);
    expect(() => lease.guard()).toThrow('did not confirm it in time');
    expect(lease.signal.aborted).toBe(true);
  });
});

describe('15: a replica that never heard of the lease is promoted', () => {
  it('two may hold it then, but the old one gets nothing past Postgres', async () => {
    const database = await createDatabase();
    cleanups.push(async () => database.drop());
    await migrate(database.pool);
    const primary = await ownServer({ 'repl-diskless-sync-delay': '0' });
    const replica = await ownServer({ replicaof: ['127.0.0.1', String(primary.port)], 'repl-timeout': '60' });
    const admin = new Redis(replica.url);
    cleanups.push(async () => endRedis(admin, 1_000));
    await waitFor(async () => (await admin.info('replication')).includes('master_link_status:up'), {
      what: 'the replica to be in sync',
    });
    // From here on nothing is replicated: not even into the socket of a replica that stands still.
    replica.signal('SIGSTOP');
    const primaryAdmin = await strictTo(primary.url);
    await primaryAdmin.call('CLIENT', 'KILL', 'TYPE', 'replica');
    const slow = { ...timing, ttlMs: 60_000, renewEveryMs: 20_000 };
    const old = await mustAcquire({ redis: await strictTo(primary.url), key, timing: slow });
    const term = { lease: key, holder: 'old' };
    const oldToken = await beginTerm(database.pool, term);
    await primary.kill();
    replica.signal('SIGCONT');
    await admin.replicaof('NO', 'ONE');
    const next = await mustAcquire({ redis: await strictTo(replica.url), key, timing });
    const nextToken = await beginTerm(database.pool, { ...term, holder: 'next' });
    // Both trust their lease.
    old.guard();
    next.guard();
    expect(BigInt(nextToken)).toBeGreaterThan(BigInt(oldToken));
    const slot = { task: 'gifts', minGapMs: 0 };
    const claims = [
      await claimSlot(database.pool, { ...slot, holder: 'next', fencingToken: nextToken }),
      await claimSlot(database.pool, { ...slot, holder: 'old', fencingToken: oldToken }),
    ];
    expect(claims).toMatchObject([{ kind: 'claimed' }, { kind: 'fenced_out', newestToken: nextToken }]);
    await next.release();
  });
});
