/**
 * The guarded cache on a real Redis (FAULTS "The lease" 20): one rebuild however many ask, stale values while it goes on,
 * failures that hold off the next try, copies of one's own.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OperatingError } from '../../src/domain/operating-error.ts';
import { GuardedCache } from '../../src/redis/guarded-cache.ts';
import { createRedis, type TestRedis } from '../support/redis.ts';
import { startProcess } from '../support/process-handle.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  endTime,
  expectExpiries,
  heldRebuild,
  leaseKey,
  namespace,
  never,
  openCache,
  valueKey,
} from './guarded-cache-world.ts';

const key = 'activity:1';
const value = { name: 'spring', isOpen: true };

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
afterEach(async () => {
  await expectExpiries(server.client);
});

async function untilLeaseIsFree(): Promise<void> {
  await waitFor(async () => (await server.client.exists(leaseKey(key))) === 0, {
    what: 'the lease to be given back',
  });
}

describe('a cold key', () => {
  it('20: is rebuilt once for 200 readers of four caches, and all get it', async () => {
    const caches = await Promise.all([1, 2, 3, 4].map(async () => openCache(server.url)));
    const held = heldRebuild();
    const readers = caches.flatMap(({ cache }) =>
      Array.from({ length: 50 }, async () => cache.get(key, held.rebuild)),
    );
    await waitFor(() => held.signals.length > 0, { what: 'a rebuild to begin' });
    held.resolve(value);
    const values = await Promise.all(readers);
    expect(values).toEqual(values.map(() => value));
    expect(held.signals).toHaveLength(1);
    expect(await caches[0]?.cache.get(key, never)).toEqual(value);
    expect(caches.flatMap(({ troubles }) => troubles)).toEqual([]);
    await untilLeaseIsFree();
  });

  it('20: is rebuilt once for the readers of three processes', async () => {
    const script = 'test/redis/guarded-cache-process.ts';
    const args = [server.url, namespace, key, '40'];
    const processes = [1, 2, 3].map(() => startProcess(script, { args }));
    await Promise.all(processes.map(async (one) => one.waitForLine('asked')));
    await waitFor(async () => server.client.get('rebuilds'), { what: 'a rebuild to begin' });
    await server.client.set('go', 'spring', 'PX', 60_000);
    for (const one of processes) {
      expect(await one.waitForLine(/^got /)).toBe('got 40 times "spring"');
      expect(await one.waitForEnd()).toEqual({ code: 0, signal: null });
    }
    expect(await server.client.get('rebuilds')).toBe('1');
  });

  it('keeps the others waiting for waitMs only, and gives the one that rebuilds its value', async () => {
    const [first, second] = [
      await openCache(server.url, { waitMs: 300 }),
      await openCache(server.url, { waitMs: 300 }),
    ];
    const held = heldRebuild();
    const owner = first.cache.get(key, held.rebuild);
    await waitFor(() => held.signals.length > 0, { what: 'the rebuild to begin' });
    for (const { cache } of [first, second]) {
      await expect(cache.get(key, never)).rejects.toMatchObject({
        code: 'timed_out',
        message: expect.stringContaining(`The value of ${key} was not there after 300 ms`),
      });
    }
    held.resolve(value);
    expect(await owner).toEqual(value);
    expect(await second.cache.get(key, never)).toEqual(value);
  });

  it('is taken over where the one that rebuilt it ended without a value', async () => {
    const [first, second] = [await openCache(server.url), await openCache(server.url)];
    const held = heldRebuild();
    const owner = first.cache.get(key, held.rebuild);
    await waitFor(() => held.signals.length > 0, { what: 'the rebuild to begin' });
    const waiting = second.cache.get(key, async () => value);
    const ended = expect(owner).rejects.toMatchObject({ code: 'aborted' });
    await first.cache.close();
    await ended;
    expect(held.signals[0]?.aborted).toBe(true);
    expect(await waiting).toEqual(value);
    expect(first.troubles).toEqual([]);
    await expect(first.cache.get('another', never)).rejects.toMatchObject({ code: 'aborted' });
  });

  it.each([null, 0, false, '', [], { a: [1, null] }])('may have the value %j', async (some) => {
    const { cache } = await openCache(server.url);
    expect(await cache.get(key, async () => some)).toEqual(some);
    expect(await cache.get(key, never)).toEqual(some);
  });

  it('does not take what is no JSON for a value', async () => {
    const { cache } = await openCache(server.url);
    const got = cache.get(key, async () => undefined);
    await expect(got).rejects.toMatchObject({ code: 'not_ready', message: expect.stringContaining('JSON') });
  });
});

describe('a stale value', () => {
  it('is given at once, to everybody, while one rebuilds in the background', async () => {
    const caches = await Promise.all([1, 2].map(async () => openCache(server.url)));
    for (const { cache } of caches) await cache.get(key, async () => 'old');
    await untilLeaseIsFree();
    await endTime(server.client, key, 'fresh_until');
    const held = heldRebuild();
    for (let round = 0; round < 5; round += 1) {
      for (const { cache } of caches) expect(await cache.get(key, held.rebuild)).toBe('old');
    }
    await waitFor(() => held.signals.length > 0, { what: 'the rebuild to begin' });
    for (const { cache } of caches) expect(await cache.get(key, held.rebuild)).toBe('old');
    held.resolve('new');
    for (const { cache } of caches) {
      await waitFor(async () => (await cache.get(key, held.rebuild)) === 'new', { what: 'the new value' });
    }
    expect(held.signals).toHaveLength(1);
  });

  it('stays when a rebuild fails, and all caches hold off the next for longer and longer', async () => {
    const times = { backoffMs: 60_000, backoffMaxMs: 200_000 };
    const [first, second] = [await openCache(server.url, times), await openCache(server.url, times)];
    await first.cache.get(key, async () => 'old');
    await untilLeaseIsFree();
    await endTime(server.client, key, 'fresh_until');
    let tries = 0;
    const failing = async (): Promise<never> => {
      tries += 1;
      throw new Error(`no database, try ${tries}`);
    };
    const untilFailed = async (count: number): Promise<number> => {
      await waitFor(async () => (await server.client.hget(valueKey(key), 'failures')) === String(count), {
        what: 'the failure to be written down',
      });
      await untilLeaseIsFree();
      for (const { cache } of [first, second]) expect(await cache.get(key, failing)).toBe('old');
      expect(tries).toBe(count);
      const [seconds = 0] = await server.client.time();
      return Number(await server.client.hget(valueKey(key), 'retry_at')) - seconds * 1_000;
    };
    const waits: number[] = [];
    for (const [at, { cache }] of [first, second, first].entries()) {
      expect(await cache.get(key, failing)).toBe('old');
      waits.push(await untilFailed(at + 1));
      await endTime(server.client, key, 'retry_at');
    }
    // 60, 120, and 200 instead of 240 seconds.
    expect(waits.map((wait) => Math.round(wait / 20_000))).toEqual([3, 6, 10]);
    expect(first.troubles.map(({ message }) => message)).toEqual([
      `The value of ${key} could not be rebuilt: no database, try 1`,
      `The value of ${key} could not be rebuilt: no database, try 3`,
    ]);
    expect(await second.cache.get(key, async () => 'new')).toBe('old');
    await waitFor(async () => (await first.cache.get(key, never)) === 'new', { what: 'the new value' });
    expect(await server.client.hexists(valueKey(key), 'failures')).toBe(0);
  });
});

describe('a rebuild that fails', () => {
  it('without any value is an error to its readers, and holds the others off at once', async () => {
    const times = { backoffMs: 30_000 };
    const [first, second] = [await openCache(server.url, times), await openCache(server.url, times)];
    const cause = new Error('no database');
    const held = heldRebuild();
    const readers = [1, 2, 3].map(async () => first.cache.get(key, held.rebuild));
    await waitFor(() => held.signals.length > 0, { what: 'the rebuild to begin' });
    const elsewhere = second.cache.get(key, never);
    const failed = { code: 'not_ready', cause };
    const heldOff = expect.stringMatching(
      /could not be rebuilt before, and is not tried again for another \d+ ms/,
    );
    const endings = [
      ...readers.map(async (reader) => expect(reader).rejects.toMatchObject(failed)),
      expect(elsewhere).rejects.toMatchObject({ code: 'not_ready', message: heldOff }),
    ];
    held.reject(cause);
    await Promise.all(endings);
    for (const { cache } of [first, second]) {
      await expect(cache.get(key, never)).rejects.toMatchObject({ code: 'not_ready', message: heldOff });
    }
    await endTime(server.client, key, 'retry_at');
    await untilLeaseIsFree();
    expect(await second.cache.get(key, async () => value)).toEqual(value);
  });

  it('passes on an OperatingError as it is', async () => {
    const { cache } = await openCache(server.url);
    const error = new OperatingError('postgres_unreachable', 'Postgres did not answer.');
    await expect(
      cache.get(key, async () => {
        throw error;
      }),
    ).rejects.toBe(error);
  });
});

describe('a copy of its own', () => {
  it('makes a hot key cost no round trip, and every reader gets an object of its own', async () => {
    const { cache, redis } = await openCache(server.url, { localMs: 60_000 });
    await cache.get(key, async () => value);
    await untilLeaseIsFree();
    let sent = 0;
    const send = redis.sendCommand.bind(redis);
    redis.sendCommand = (...args) => {
      sent += 1;
      return send(...args);
    };
    const [one, two] = [await cache.get<object>(key, never), await cache.get<object>(key, never)];
    expect(sent).toBe(0);
    expect(one).toEqual(value);
    expect(one).not.toBe(two);
  });

  it('is kept for so many values only', async () => {
    const { cache } = await openCache(server.url, { localMs: 60_000, localCopiesMax: 2 });
    for (const name of ['a', 'b']) await cache.get(name, async () => `old ${name}`);
    await cache.get('a', never);
    await cache.get('c', async () => 'old c');
    await server.client.del(...['a', 'b', 'c'].map(valueKey));
    expect(await cache.get('a', never)).toBe('old a');
    expect(await cache.get('c', never)).toBe('old c');
    expect(await cache.get('b', async () => 'new b')).toBe('new b');
  });
});

describe('the times', () => {
  it.each([
    [0, 1],
    [0.5, 20],
  ])('of values stored together spread by a jitter of %s', async (jitter, spreadMin) => {
    const freshMs = 1_000_000;
    const { cache } = await openCache(server.url, { jitter, freshMs, staleMs: 500_000 });
    const names = Array.from({ length: 60 }, (_, at) => `activity:${at}`);
    await Promise.all(names.map(async (name) => cache.get(name, async () => value)));
    const [seconds = 0] = (await server.client.time()).map(Number);
    const left: number[] = [];
    for (const name of names) {
      const [fresh, usable] = (await server.client.hmget(valueKey(name), 'fresh_until', 'usable_until')).map(
        Number,
      );
      expect(Number(usable) - Number(fresh)).toBe(500_000);
      left.push(Number(fresh) - seconds * 1_000);
    }
    expect(Math.max(...left)).toBeLessThanOrEqual(freshMs + 1_000);
    expect(Math.min(...left)).toBeGreaterThan(freshMs * (1 - jitter) - 60_000);
    const steps = new Set(left.map((ms) => Math.round(ms / 10_000)));
    expect(steps.size).toBeGreaterThanOrEqual(spreadMin);
    if (jitter === 0) expect(Math.max(...left) - Math.min(...left)).toBeLessThan(60_000);
  });

  it('that cannot work are all told at once', async () => {
    const { redis } = await openCache(server.url);
    const open = (): GuardedCache =>
      new GuardedCache({
        redis,
        namespace,
        freshMs: 0,
        staleMs: -1,
        waitMs: Number.NaN,
        jitter: 2,
        backoffMs: 100,
        backoffMaxMs: 50,
        leaseTiming: { ttlMs: 10, renewEveryMs: 3, callTimeoutMs: 3 },
        onTrouble: () => undefined,
      });
    expect(open).toThrow(
      /freshMs must be .* staleMs must be .* waitMs must be .* jitter must be .* backoffMaxMs must be .* 10 ms is too short/,
    );
  });
});
