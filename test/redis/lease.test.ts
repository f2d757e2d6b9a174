/**
 * The lease on a real Redis that answers (FAULTS "The lease" 1, 2, 7, 9, 16, 17, 19). Numbers in the names are those of
 * the faults.
 */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LeaseTiming } from '../../src/domain/lease-trust.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { connectStrict, endRedis, untilReady } from '../../src/redis/connect.ts';
import { acquireLease, LeaseContender, type Lease } from '../../src/redis/lease.ts';
import { waitFor } from '../support/wait-for.ts';

const timing: LeaseTiming = { ttlMs: 3_000, renewEveryMs: 1_000, callTimeoutMs: 500 };
const key = 'test:lease:scheduler';

let server: RunningServer;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis({ env: process.env });
  redis = connectStrict(server.url, { onError: () => {} });
  await untilReady(redis, 5_000);
});

afterAll(async () => {
  await endRedis(redis, 1_000);
  await server.stop();
});

beforeEach(async () => {
  await redis.del(key);
});

async function mustAcquire(options: { redis?: Redis; timing?: LeaseTiming } = {}): Promise<Lease> {
  const outcome = await acquireLease({ redis, key, timing, ...options });
  if (outcome.kind !== 'acquired') throw new Error(`not acquired: ${JSON.stringify(outcome)}`);
  return outcome.lease;
}

/** Renewals have moved the expiry beyond a moment, in Unix ms. */
async function expiryBeyond(moment: number): Promise<void> {
  await waitFor(async () => (await redis.pexpiretime(key)) > moment, { what: 'the lease to be renewed' });
}

describe('acquiring', () => {
  it('1: lets exactly one of 50 contenders win each round, and losers leave the expiry alone', async () => {
    const contenders = Array.from({ length: 50 }, () => new LeaseContender({ redis, key, timing }));
    for (let round = 1; round <= 5; round += 1) {
      const outcomes = await Promise.all(contenders.map(async (contender) => contender.acquire()));
      const won = outcomes.filter(({ kind }) => kind === 'acquired');
      expect(won).toHaveLength(1);
      expect(outcomes.filter(({ kind }) => kind === 'held')).toHaveLength(49);
      const before = await redis.pexpiretime(key);
      await Promise.all(contenders.map(async (contender) => contender.acquire()));
      expect(await redis.pexpiretime(key)).toBe(before);
      for (const outcome of won)
        if (outcome.kind === 'acquired') expect(await outcome.lease.release()).toBe('released');
    }
  });

  it('says for how long another may hold it', async () => {
    const lease = await mustAcquire();
    const outcome = await acquireLease({ redis, key, timing });
    expect(outcome).toMatchObject({ kind: 'held' });
    if (outcome.kind === 'held') {
      expect(outcome.expiresInMs).toBeGreaterThan(0);
      expect(outcome.expiresInMs).toBeLessThanOrEqual(timing.ttlMs);
    }
    await lease.release();
  });

  it('2: reports a key without expiry as stuck, with what to do, and does not touch it', async () => {
    await redis.set(key, 'from an old client');
    const outcome = await acquireLease({ redis, key, timing });
    expect(outcome).toMatchObject({ kind: 'stuck' });
    if (outcome.kind === 'stuck') expect(outcome.reason).toContain(`redis-cli DEL '${key}'`);
    expect(await redis.get(key)).toBe('from an old client');
    expect(await redis.pttl(key)).toBe(-1);
  });

  it('2: treats a key of another type like any other that is not its own', async () => {
    await redis.lpush(key, 'a list');
    expect(await acquireLease({ redis, key, timing })).toMatchObject({ kind: 'stuck' });
    await redis.pexpire(key, 60_000);
    expect(await acquireLease({ redis, key, timing })).toMatchObject({ kind: 'held' });
    expect(await redis.type(key)).toBe('list');
  });

  it('refuses a timing that cannot work', () => {
    const contend = (): LeaseContender =>
      new LeaseContender({ redis, key, timing: { ...timing, ttlMs: 500 } });
    expect(contend).toThrow(/500 ms is too short/);
  });
});

describe('19: acquiring that is called off', () => {
  it('rejects at once and sends nothing when it was called off before', async () => {
    await expect(acquireLease({ redis, key, timing, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(await redis.exists(key)).toBe(0);
  });

  it('rejects at once in flight, and leaves no key', async () => {
    const calledOff = new AbortController();
    const acquiring = acquireLease({ redis, key, timing, signal: calledOff.signal });
    calledOff.abort();
    await expect(acquiring).rejects.toMatchObject({ code: 'aborted' });
    // On the same connection this comes after whatever the attempt has sent.
    expect(await redis.exists(key)).toBe(0);
  });
});

describe('holding', () => {
  it('renews in the background, beyond the TTL', async () => {
    const lease = await mustAcquire();
    const first = await redis.pexpiretime(key);
    await expiryBeyond(first + timing.ttlMs);
    lease.guard();
    expect(lease.signal.aborted).toBe(false);
    expect(await redis.pttl(key)).toBeGreaterThan(0);
    expect(await lease.release()).toBe('released');
  });

  it.each([
    ['gone', async () => redis.del(key), 'gone from Redis'],
    ['foreign', async () => redis.set(key, 'someone else', 'PX', 60_000), 'another process has it'],
  ])('9: is lost when a renewal finds the key %s, and never made again', async (_name, change, words) => {
    const lease = await mustAcquire();
    let aborts = 0;
    lease.signal.addEventListener('abort', () => (aborts += 1));
    await change();
    const left = await redis.get(key);
    await waitFor(() => lease.signal.aborted, { timeoutMs: 10_000, what: 'the lease to be lost' });
    expect(lease.signal.reason).toMatchObject({
      code: 'lease_lost',
      message: expect.stringContaining(words),
    });
    expect(() => lease.guard()).toThrow(words);
    expect(lease.trustedForMs()).toBe(0);
    expect(await redis.get(key)).toBe(left);
    expect(await lease.release()).toBe('not_owner');
    expect(await redis.get(key)).toBe(left);
    expect(aborts).toBe(1);
  });

  it('17: does not notice SCRIPT FLUSH', async () => {
    const lease = await mustAcquire();
    await redis.script('FLUSH');
    await expiryBeyond(await redis.pexpiretime(key));
    await redis.script('FLUSH');
    expect(await lease.release()).toBe('released');
  });
});

describe('giving back', () => {
  it('makes the lease free at once, and its guard refuse', async () => {
    const lease = await mustAcquire();
    expect(await lease.release()).toBe('released');
    expect(() => lease.guard()).toThrow('given back');
    expect(lease.signal.aborted).toBe(false);
    const next = await mustAcquire();
    expect(await lease.release()).toBe('released');
    next.guard();
    await next.release();
  });

  it('7: leaves a new owner and its expiry alone', async () => {
    const lease = await mustAcquire();
    await redis.set(key, 'the new owner', 'PX', 60_000);
    const expiry = await redis.pexpiretime(key);
    expect(await lease.release()).toBe('not_owner');
    expect(await redis.get(key)).toBe('the new owner');
    expect(await redis.pexpiretime(key)).toBe(expiry);
  });
});

describe('16: when memory is full', () => {
  it('is refused to newcomers, but still renewed and given back', async () => {
    const lease = await mustAcquire();
    const other = 'test:lease:other';
    await redis.config('SET', 'maxmemory', '1');
    try {
      expect(await acquireLease({ redis, key: other, timing })).toMatchObject({
        kind: 'unavailable',
        reason: expect.stringContaining('OOM'),
      });
      await expiryBeyond(await redis.pexpiretime(key));
      lease.guard();
      expect(await lease.release()).toBe('released');
      expect(await redis.exists(other)).toBe(0);
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
  });
});
