/**
 * The lease over a network that loses and delays (FAULTS "The lease" 3, 4, 6, 10, 11).
 */
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LeaseTiming } from '../../src/domain/lease-trust.ts';
import { connectStrict, endRedis, untilReady } from '../../src/redis/connect.ts';
import { LeaseContender, type Lease } from '../../src/redis/lease.ts';
import { createRedis, type TestRedis } from '../support/redis.ts';
import { startTcpProxy, type ProxyMode, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

const timing: LeaseTiming = { ttlMs: 6_000, renewEveryMs: 2_000, callTimeoutMs: 400 };
const key = 'test:lease:scheduler';

let direct: TestRedis;
let proxy: TcpProxy;
let redis: Redis;

beforeEach(async () => {
  direct = await createRedis();
  proxy = await startTcpProxy(direct.url);
  redis = connectStrict(proxy.url, { onError: () => {} });
  await untilReady(redis, 5_000);
});

afterEach(async () => {
  await endRedis(redis, 500);
  await proxy.close();
  await direct.release();
});

async function mustAcquire(contender: LeaseContender): Promise<Lease> {
  const outcome = await contender.acquire();
  if (outcome.kind !== 'acquired') throw new Error(`not acquired: ${JSON.stringify(outcome)}`);
  return outcome.lease;
}

describe('an acquisition', () => {
  it('3: whose answer was lost is recognised by the next attempt, which makes it last', async () => {
    const contender = new LeaseContender({ redis, key, timing });
    proxy.set('swallow_replies');
    const lost = contender.acquire();
    await waitFor(async () => direct.client.exists(key), {
      what: 'the key of the lost attempt',
      intervalMs: 1,
    });
    proxy.set('reset');
    expect(await lost).toMatchObject({ kind: 'unavailable' });
    const orphan = await direct.client.get(key);
    const expiry = await direct.client.pexpiretime(key);
    proxy.set('pass');
    await untilReady(redis, 5_000);
    const lease = await mustAcquire(contender);
    const value = await direct.client.get(key);
    // The same term, a later attempt, a later expiry.
    expect([orphan, value].map((text) => text?.split('.')[1])).toEqual(['1', '2']);
    expect(value?.split('.')[0]).toBe(orphan?.split('.')[0]);
    expect(await direct.client.pexpiretime(key)).toBeGreaterThan(expiry);
    expect(await lease.release()).toBe('released');
  });

  it('3: another contender does not recognise it, and waits', async () => {
    proxy.set('swallow_replies');
    const lost = new LeaseContender({ redis, key, timing }).acquire();
    await waitFor(async () => direct.client.exists(key), {
      what: 'the key of the lost attempt',
      intervalMs: 1,
    });
    proxy.set('reset');
    await lost;
    proxy.set('pass');
    await untilReady(redis, 5_000);
    expect(await new LeaseContender({ redis, key, timing }).acquire()).toMatchObject({ kind: 'held' });
  });

  it('4: that lands after its deadline fails in time, and is taken back by the one delete that follows it', async () => {
    const latencyMs = 2 * timing.callTimeoutMs;
    proxy.set('latency', { latencyMs });
    const sentAt = performance.now();
    const outcome = await new LeaseContender({ redis, key, timing }).acquire();
    expect(outcome).toMatchObject({
      kind: 'unavailable',
      reason: expect.stringContaining('Gave up acquiring'),
    });
    // It had not landed when the caller knew.
    expect(performance.now() - sentAt).toBeLessThan(latencyMs);
    expect(await direct.client.exists(key)).toBe(0);
    await waitFor(async () => direct.client.exists(key), { what: 'the late key', intervalMs: 1 });
    expect(await direct.client.pttl(key)).toBeLessThanOrEqual(timing.ttlMs);
    await waitFor(async () => (await direct.client.exists(key)) === 0, { what: 'its deletion' });
  });

  it('6: whose good answer took longer than it is worth is none, and is given back', async () => {
    const readings = [0, timing.callTimeoutMs + 1];
    const readClocks = (): { monotonicMs: number; wallMs: number } => {
      const ms = readings.shift() ?? 60_000;
      return { monotonicMs: ms, wallMs: ms };
    };
    const outcome = await new LeaseContender({ redis, key, timing, readClocks }).acquire();
    expect(outcome).toMatchObject({ kind: 'unavailable', reason: expect.stringContaining('too long') });
    await waitFor(async () => (await direct.client.exists(key)) === 0, { what: 'the key to be deleted' });
  });
});

/** Counts the calls on `redis` and breaks the network before those that `isDropped` names, counted from 1. */
function dropCalls(isDropped: (call: number) => boolean, mode: ProxyMode): { calls: () => number } {
  let calls = 0;
  const evaluate = redis.eval.bind(redis);
  redis.eval = (async (...args: Parameters<typeof evaluate>) => {
    calls += 1;
    const dropped = isDropped(calls);
    if (dropped) proxy.set(mode);
    try {
      return await evaluate(...args);
    } finally {
      if (dropped) proxy.set('pass');
    }
  }) as typeof redis.eval;
  return { calls: () => calls };
}

describe('10: renewals that are lost', () => {
  it('one of every two: the lease is kept', async () => {
    const troubles: string[] = [];
    const contender = new LeaseContender({
      redis,
      key,
      timing,
      onTrouble: ({ message }) => troubles.push(message),
    });
    const lease = await mustAcquire(contender);
    dropCalls((call) => call % 2 === 1, 'swallow_requests');
    await waitFor(() => troubles.length === 3, { what: 'three lost renewals' });
    const expiry = await direct.client.pexpiretime(key);
    await waitFor(async () => (await direct.client.pexpiretime(key)) > expiry, { what: 'another renewal' });
    lease.guard();
    expect(lease.signal.aborted).toBe(false);
    expect(troubles[0]).toContain('could not be renewed');
  });

  it('two in a row: the lease is kept', async () => {
    const lease = await mustAcquire(new LeaseContender({ redis, key, timing }));
    const { calls } = dropCalls((call) => call <= 2, 'swallow_requests');
    const expiry = await direct.client.pexpiretime(key);
    await waitFor(async () => (await direct.client.pexpiretime(key)) > expiry, { what: 'a renewal' });
    expect(calls()).toBe(3);
    lease.guard();
  });

  it.each(['swallow_requests', 'swallow_replies'] as const)(
    '10, 11: three in a row (%s, connection open): aborts once, with a reason, before the key expires',
    async (mode) => {
      const lease = await mustAcquire(new LeaseContender({ redis, key, timing }));
      const { calls } = dropCalls((call) => call <= 3, mode);
      const ends: { left: Promise<number>; reason: unknown }[] = [];
      lease.signal.addEventListener('abort', () => {
        ends.push({ left: direct.client.pttl(key), reason: lease.signal.reason });
      });
      await waitFor(() => lease.signal.aborted, { what: 'the lease to be lost' });
      expect(calls()).toBe(3);
      expect(() => lease.guard()).toThrow('did not confirm it in time');
      expect(ends).toHaveLength(1);
      expect(ends[0]?.reason).toMatchObject({ code: 'lease_lost' });
      expect(await ends[0]?.left).toBeGreaterThan(0);
    },
  );
});
