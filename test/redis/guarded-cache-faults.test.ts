/**
 * The guarded cache under faults: holders that are stopped or lose their lease, rebuilds that hang, values that are
 * invalidated meanwhile, a Redis that is away, half open, full, or has a lease that nobody can get.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { untilReady } from '../../src/redis/connect.ts';
import { createRedis, type TestRedis } from '../support/redis.ts';
import { startProcess } from '../support/process-handle.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  endTime,
  expectExpiries,
  heldRebuild,
  leaseKey,
  leaseTiming,
  namespace,
  never,
  openCache,
  valueKey,
  type TestCache,
} from './guarded-cache-world.ts';

const key = 'activity:1';

let server: TestRedis;
beforeAll(async () => {
  server = await createRedis();
});
afterAll(async () => {
  await server.release();
});
beforeEach(async () => {
  await server.client.flushdb();
});

async function stored(): Promise<string | null> {
  return server.client.hget(valueKey(key), 'value');
}

async function ownServer(settings: Record<string, string> = {}): Promise<RunningServer> {
  const own = await startRedis({ env: process.env, settings });
  onTestFinished(async () => own.stop());
  return own;
}

describe('a slow older rebuild', () => {
  it('20: whose lease is lost is called off, and its reader gets the newer value', async () => {
    const [first, second] = [await openCache(server.url), await openCache(server.url)];
    const held = heldRebuild();
    const owner = first.cache.get(key, held.rebuild);
    await waitFor(() => held.signals.length > 0, { what: 'the rebuild to begin' });
    await server.client.del(leaseKey(key));
    expect(await second.cache.get(key, async () => 'new')).toBe('new');
    await waitFor(() => held.signals[0]?.aborted, { what: 'the signal of the lost rebuild' });
    expect(held.signals[0]?.reason).toMatchObject({ code: 'lease_lost' });
    held.resolve('old');
    expect(await owner).toBe('new');
    expect(await stored()).toBe('"new"');
    expect(first.troubles).toMatchObject([{ code: 'lease_lost' }]);
    await expectExpiries(server.client);
  });

  it('20: does not overwrite a newer value, though its write was on the way already', async () => {
    const [first, second] = [await openCache(server.url), await openCache(server.url)];
    const call = first.redis.callBuffer.bind(first.redis);
    const isOnItsWay = heldRebuild();
    let isSent = false;
    first.redis.callBuffer = async (command: string, ...args: unknown[]): Promise<unknown> => {
      if (JSON.stringify(args).includes('old')) {
        isSent = true;
        await isOnItsWay.rebuild(new AbortController().signal);
      }
      return Reflect.apply(call, first.redis, [command, ...args]) as Promise<unknown>;
    };
    const owner = first.cache.get(key, async () => 'old');
    await waitFor(() => isSent, { what: 'the older value to be written' });
    await server.client.del(leaseKey(key));
    expect(await second.cache.get(key, async () => 'new')).toBe('new');
    isOnItsWay.resolve(null);
    await owner;
    expect(await stored()).toBe('"new"');
    expect(await first.cache.get(key, never)).toBe('new');
  });

  it('20: of a process that was stopped meanwhile does not overwrite a newer value', async () => {
    const stopped = startProcess('test/redis/guarded-cache-process.ts', {
      args: [server.url, namespace, key, '1'],
    });
    await stopped.waitForLine('rebuilding');
    stopped.signal('SIGSTOP');
    const { cache } = await openCache(server.url);
    expect(await cache.get(key, async () => 'new')).toBe('new');
    await server.client.set('go', 'old', 'PX', 60_000);
    stopped.signal('SIGCONT');
    expect(await stopped.waitForLine(/^got /)).toBe('got 1 times "new"');
    expect(await stored()).toBe('"new"');
    expect(await server.client.get('rebuilds')).toBe('1');
    await expectExpiries(server.client);
  });
});

describe('a rebuild that hangs', () => {
  it('is given up when its time is over; what it brings later is dropped', async () => {
    const times = { rebuildMs: 300, backoffMs: 60_000 };
    const [first, second] = [await openCache(server.url, times), await openCache(server.url, times)];
    const held = heldRebuild();
    await expect(first.cache.get(key, held.rebuild)).rejects.toMatchObject({
      code: 'timed_out',
      message: `Gave up rebuilding the value of ${key} after 300 ms without an answer.`,
    });
    expect(held.signals[0]?.aborted).toBe(true);
    await expect(second.cache.get(key, never)).rejects.toMatchObject({ code: 'not_ready' });
    await endTime(server.client, key, 'retry_at');
    expect(await second.cache.get(key, async () => 'new')).toBe('new');
    held.resolve('old');
    expect(await first.cache.get(key, never)).toBe('new');
    expect(await stored()).toBe('"new"');
  });

  it('keeps nobody from a stale value', async () => {
    const { cache, troubles } = await openCache(server.url, { rebuildMs: 300 });
    await cache.get(key, async () => 'old');
    await endTime(server.client, key, 'fresh_until');
    const held = heldRebuild();
    await waitFor(
      async () => {
        expect(await cache.get(key, held.rebuild)).toBe('old');
        return held.signals[0]?.aborted;
      },
      { what: 'the rebuild to be given up' },
    );
    await waitFor(() => troubles.length > 0, { what: 'the failure to be told' });
    expect(troubles).toMatchObject([{ code: 'timed_out' }]);
    expect(await cache.get(key, never)).toBe('old');
  });
});

describe('an invalidated value', () => {
  it('is rebuilt by the next reader of any cache', async () => {
    const [first, second] = [await openCache(server.url, { localMs: 60_000 }), await openCache(server.url)];
    await first.cache.get(key, async () => 'old');
    expect(await second.cache.get(key, never)).toBe('old');
    await first.cache.invalidate(key);
    expect(await first.cache.get(key, async () => 'new')).toBe('new');
    expect(await second.cache.get(key, never)).toBe('new');
    await expectExpiries(server.client);
  });

  it('is not brought back by a rebuild that began before', async () => {
    const [first, second] = [await openCache(server.url), await openCache(server.url)];
    const held = heldRebuild();
    let calls = 0;
    const rebuild = async (signal: AbortSignal): Promise<unknown> => {
      calls += 1;
      return calls === 1 ? held.rebuild(signal) : 'new';
    };
    const before = first.cache.get(key, rebuild);
    await waitFor(() => held.signals.length > 0, { what: 'the rebuild to begin' });
    await second.cache.invalidate(key);
    const after = second.cache.get(key, async () => 'new');
    held.resolve('old');
    expect([await before, await after]).toEqual(['new', 'new']);
    expect(await stored()).toBe('"new"');
  });

  it('is not given by a cache that kept a copy, once that has looked', async () => {
    const [first, second] = [await openCache(server.url, { waitMs: 500 }), await openCache(server.url)];
    await first.cache.get(key, async () => 'old');
    await second.cache.invalidate(key);
    const held = heldRebuild();
    const owner = first.cache.get(key, held.rebuild);
    await waitFor(() => held.signals.length > 0, { what: 'the rebuild to begin' });
    await expect(first.cache.get(key, never)).rejects.toMatchObject({ code: 'timed_out' });
    held.resolve('new');
    expect(await owner).toBe('new');
  });

  it('is neither kept nor shared by a reader who had asked before', async () => {
    const { cache, redis } = await openCache(server.url, { localMs: 60_000 });
    const { cache: other } = await openCache(server.url);
    await other.get(key, async () => 'old');
    const call = redis.callBuffer.bind(redis);
    const answer = heldRebuild();
    redis.callBuffer = async (command: string, ...args: unknown[]): Promise<unknown> => {
      redis.callBuffer = call;
      const reply: unknown = await Reflect.apply(call, redis, [command, ...args]);
      await answer.rebuild(new AbortController().signal);
      return reply;
    };
    const early = cache.get(key, never);
    await waitFor(() => answer.signals.length > 0, { what: 'the old value to be read' });
    await cache.invalidate(key);
    expect(await cache.get(key, async () => 'new')).toBe('new');
    answer.resolve(null);
    expect(await early).toBe('old');
    await other.get(key, never);
    expect(await cache.get(key, never)).toBe('new');
  });

  it('may still be there when Redis does not answer, and that is told', async () => {
    const own = await ownServer();
    const { cache } = await openCache(own.url);
    await cache.get(key, async () => 'old');
    await own.kill();
    await expect(cache.invalidate(key)).rejects.toMatchObject({ code: 'redis_unreachable' });
  });
});

describe('a Redis that is away', () => {
  it('leaves the copies that are there, and one rebuild at a time to each process', async () => {
    const own = await ownServer();
    const [first, second] = [await openCache(own.url), await openCache(own.url)];
    await first.cache.get(key, async () => 'known');
    await own.kill();
    await waitFor(() => first.redis.status !== 'ready', { what: 'the broken connection to be noticed' });
    expect(await first.cache.get(key, never)).toBe('known');
    const held = heldRebuild();
    const readers = [first, second].flatMap(({ cache }) =>
      Array.from({ length: 50 }, async () => cache.get('unknown', held.rebuild)),
    );
    await waitFor(() => held.signals.length === 2, { what: 'a rebuild of each process' });
    held.resolve('rebuilt');
    expect(new Set(await Promise.all(readers))).toEqual(new Set(['rebuilt']));
    for (const { cache } of [first, second]) expect(await cache.get('unknown', never)).toBe('rebuilt');
    expect(held.signals).toHaveLength(2);
    // Nothing is told for every reader.
    for (const { troubles } of [first, second]) expect(troubles.length).toBeLessThan(5);

    await own.restart();
    for (const { redis } of [first, second]) await untilReady(redis, 10_000);
    expect(await first.cache.get(key, async () => 'anew')).toBe('anew');
    expect(await second.cache.get(key, never)).toBe('anew');
    await expectExpiries(first.redis);
  });

  it('lets a stale copy be given while it is rebuilt, and holds off what fails', async () => {
    const own = await ownServer();
    const { cache, redis } = await openCache(own.url, { freshMs: 1, backoffMs: 60_000 });
    await cache.get(key, async () => 'old');
    await own.kill();
    await waitFor(() => redis.status !== 'ready', { what: 'the broken connection to be noticed' });
    const held = heldRebuild();
    await waitFor(
      async () => {
        expect(await cache.get(key, held.rebuild)).toBe('old');
        return held.signals.length;
      },
      { what: 'the rebuild in the background' },
    );
    for (let round = 0; round < 5; round += 1) expect(await cache.get(key, held.rebuild)).toBe('old');
    expect(held.signals).toHaveLength(1);
    held.resolve('new');
    await waitFor(async () => (await cache.get(key, async () => 'new')) === 'new', { what: 'the new value' });
    const failing = async (): Promise<never> => {
      throw new Error('no database either');
    };
    await expect(cache.get('other', failing)).rejects.toThrow('no database either');
    await expect(cache.get('other', never)).rejects.toThrow(/not tried again for another \d+ ms/);
  });

  it('that swallows its answers does not hold a reader up for ever', async () => {
    const proxy = await startTcpProxy(server.url);
    onTestFinished(async () => proxy.close());
    const { cache } = await openCache(proxy.url, { leaseTiming: { ...leaseTiming, callTimeoutMs: 200 } });
    await cache.get('known', async () => 'known');
    proxy.set('swallow_replies');
    expect(await cache.get(key, async () => 'rebuilt')).toBe('rebuilt');
    expect(await cache.get('known', never)).toBe('known');
  });

  it('in the midst of a rebuild costs its reader nothing but another', async () => {
    const own = await ownServer();
    const { cache } = await openCache(own.url);
    const held = heldRebuild();
    let calls = 0;
    const owner = cache.get(key, async (signal) => {
      calls += 1;
      return calls === 1 ? held.rebuild(signal) : 'alone';
    });
    await waitFor(() => held.signals.length > 0, { what: 'the rebuild to begin' });
    await own.kill();
    expect(await owner).toBe('alone');
    expect(held.signals[0]?.reason).toMatchObject({ code: 'lease_lost' });
  });

  it.each([
    ['is full', async ({ redis }: TestCache) => redis.config('SET', 'maxmemory', '1'), /OOM/],
    [
      'has a lease without an expiry',
      async ({ redis }: TestCache) => redis.set(leaseKey(key), 'stuck'),
      /has no expiry, so nobody can ever acquire it/,
    ],
  ])('or %s lets each process rebuild for itself, and that is told', async (_what, spoil, told) => {
    const own = await ownServer({ 'maxmemory-policy': 'noeviction' });
    const one = await openCache(own.url);
    await spoil(one);
    for (let round = 0; round < 3; round += 1) {
      expect(await one.cache.get(key, round === 0 ? async () => 'rebuilt' : never)).toBe('rebuilt');
    }
    expect(one.troubles.map(({ message }) => message)).toEqual([expect.stringMatching(told)]);
    expect(await one.redis.exists(valueKey(key))).toBe(0);
  });
});
