/**
 * Taking and releasing markers together with the open-claims index, on a real Redis: a marker is never without its entry
 * nor without an expiry, a loser changes nothing, and what somebody set again is left alone.
 */
import type { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { endRedis } from '../../src/redis/connect.ts';
import {
  leaveIndex,
  readOpenClaims,
  releaseMarker,
  takeMarker,
  type MarkerTake,
} from '../../src/redis/open-claims.ts';
import { loadScript, runScript } from '../../src/redis/script.ts';
import type { TestRedis } from '../support/redis.ts';
import { strictTo, useStrictRedis } from '../support/strict-redis.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

const hourMs = 3_600_000;
/** More than a test takes between writing a marker and looking at it. */
const slackMs = 120_000;
const patience = 20_000;
const key = 'gift:1:7';
const indexKey = 'test:open-claims:gifts';

let server: TestRedis;
let redis: Redis;
useStrictRedis((own, strict) => {
  server = own;
  redis = strict;
});

function takeOf(attempt: string, more: Partial<MarkerTake> = {}): MarkerTake {
  const member = `["${key}","${attempt}"]`;
  return { indexKey, member, markerKey: key, markerValue: attempt, ttlMs: hourMs, ...more };
}

async function listed(on: Redis = redis): Promise<string[]> {
  const entries = await readOpenClaims(on, { indexKey, ageMs: 0, skip: 0, rowsMax: 1_000 }, patience);
  return entries.map(({ member }) => member);
}

async function proxied(): Promise<{ proxy: TcpProxy; behind: Redis }> {
  const proxy = await startTcpProxy(server.url);
  onTestFinished(async () => proxy.close());
  const behind = await strictTo(proxy.url);
  onTestFinished(async () => endRedis(behind, 1_000));
  return { proxy, behind };
}

describe('taking a marker', () => {
  it('sets it with its expiry and lists the claim with the time by this server', async () => {
    const [before = 0] = await redis.time();
    expect(await takeMarker(redis, takeOf('a1'), patience)).toEqual({ kind: 'taken' });
    expect(await redis.get(key)).toBe('a1');
    const leftMs = await redis.pttl(key);
    expect(leftMs).toBeLessThanOrEqual(hourMs);
    expect(leftMs).toBeGreaterThan(hourMs - slackMs);
    const score = Number(await redis.zscore(indexKey, takeOf('a1').member));
    const [after = 0] = await redis.time();
    expect(score).toBeGreaterThanOrEqual(before * 1_000);
    expect(score).toBeLessThan((after + 1) * 1_000);
    expect(await redis.pttl(indexKey)).toBeGreaterThan(24 * hourMs);
  });

  it('never shortens the life of the index', async () => {
    await takeMarker(redis, takeOf('a1', { ttlMs: 100 * 24 * hourMs }), patience);
    const endsAt = await redis.pexpiretime(indexKey);
    await takeMarker(redis, takeOf('a2', { markerKey: 'gift:1:8' }), patience);
    expect(await redis.pexpiretime(indexKey)).toBe(endsAt);
  });

  it.each([
    ['another attempt', 'a2', { kind: 'present', value: 'a2', expiresInMs: expect.any(Number) }],
    ['the same value', 'a1', { kind: 'present', value: 'a1', expiresInMs: expect.any(Number) }],
  ])('that %s holds tells who, and writes nothing', async (_what, value, holder) => {
    await redis.set(key, value, 'PX', 2 * hourMs);
    const endsAt = await redis.pexpiretime(key);
    expect(await takeMarker(redis, takeOf('a1'), patience)).toEqual({ kind: 'held', holder });
    expect([await redis.get(key), await redis.pexpiretime(key)]).toEqual([value, endsAt]);
    expect(await redis.exists(indexKey)).toBe(0);
  });

  it('that has no expiry, or is no text, is held too', async () => {
    await redis.set(key, 'a2');
    expect(await takeMarker(redis, takeOf('a1'), patience)).toEqual({
      kind: 'held',
      holder: { kind: 'present', value: 'a2', expiresInMs: null },
    });
    await redis.del(key);
    await redis.rpush(key, 'a1');
    expect(await takeMarker(redis, takeOf('a1'), patience)).toEqual({
      kind: 'held',
      holder: { kind: 'undecodable', reason: 'the key holds a list, not a string' },
    });
    await redis.set(key, Buffer.from('ff', 'hex'));
    expect(await takeMarker(redis, takeOf('a1'), patience)).toMatchObject({
      holder: { kind: 'undecodable' },
    });
    expect(await redis.exists(indexKey)).toBe(0);
  });

  it('has one winner among many, and each loser costs one command', async () => {
    // A server whose scripts nobody else makes it forget.
    const own = await startRedis({ env: process.env });
    onTestFinished(async () => own.stop());
    const counted = await strictTo(own.url);
    onTestFinished(async () => endRedis(counted, 1_000));
    await takeMarker(counted, takeOf('known', { markerKey: 'other' }), patience);
    const attempts = Array.from({ length: 50 }, (_, at) => `a${at}`);
    let sent = 0;
    const send = counted.sendCommand.bind(counted);
    counted.sendCommand = (...args) => {
      sent += 1;
      return send(...args);
    };
    const answers = await Promise.all(
      attempts.map(async (attempt) => takeMarker(counted, takeOf(attempt), patience)),
    );
    expect(sent).toBe(attempts.length);
    const winner = attempts[answers.findIndex(({ kind }) => kind === 'taken')] ?? '';
    expect(await counted.get(key)).toBe(winner);
    expect(new Set(await listed(counted))).toEqual(new Set([takeOf('known').member, takeOf(winner).member]));
    const holder = { kind: 'present', value: winner, expiresInMs: expect.any(Number) };
    const expected = attempts.map((attempt) =>
      attempt === winner ? { kind: 'taken' } : { kind: 'held', holder },
    );
    expect(answers).toEqual(expected);
  });

  it('keeps every byte of keys, values and entries', async () => {
    const odd = 'a\u0000\t\n\\N "é漢😀\uFEFF';
    const take = takeOf(odd, { markerKey: `gift:${odd}`, member: `[${odd}]` });
    expect(await takeMarker(redis, take, patience)).toEqual({ kind: 'taken' });
    expect(await redis.get(take.markerKey)).toBe(odd);
    expect(await listed()).toEqual([take.member]);
    expect(await releaseMarker(redis, { ...take, leftMs: hourMs }, patience)).toBe('deleted');
    expect(await listed()).toEqual([]);
  });

  it('is done once, though the server forgot its scripts', async () => {
    await server.client.script('FLUSH');
    expect(await takeMarker(redis, takeOf('a1'), patience)).toEqual({ kind: 'taken' });
  });

  it('takes nothing where the claim cannot be listed', async () => {
    await redis.set(indexKey, 'not a sorted set', 'PX', hourMs);
    await expect(takeMarker(redis, takeOf('a1'), patience)).rejects.toThrow(/WRONGTYPE.*Nothing was changed/);
    expect(await redis.exists(key)).toBe(0);
  });

  it.each([0, -1, NaN, Infinity, 0.5])('is not even tried for a life of %s ms', async (ttlMs) => {
    await expect(takeMarker(redis, takeOf('a1', { ttlMs }), patience)).rejects.toThrow(RangeError);
    expect(await redis.dbsize()).toBe(0);
  });

  it('throws in time when the answer is lost; then marker and entry are there together', async () => {
    const { proxy, behind } = await proxied();
    await takeMarker(behind, takeOf('known', { markerKey: 'other' }), patience);
    proxy.set('swallow_replies');
    await expect(takeMarker(behind, takeOf('a1'), 200)).rejects.toMatchObject({
      code: 'timed_out',
      message: expect.stringContaining('Whether anything was changed is not known.'),
    });
    await waitFor(async () => (await redis.get(key)) === 'a1', { what: 'the marker to be taken' });
    expect(await listed()).toContain(takeOf('a1').member);
  });

  it('that comes late leaves a marker that is listed with the time of its coming', async () => {
    const { proxy, behind } = await proxied();
    proxy.set('latency', { latencyMs: 500 });
    const [seconds = 0, microseconds = 0] = await redis.time();
    await expect(takeMarker(behind, takeOf('a1'), 50)).rejects.toMatchObject({ code: 'timed_out' });
    await waitFor(async () => redis.exists(key), { what: 'the late marker' });
    expect(await listed()).toEqual([takeOf('a1').member]);
    const score = Number(await redis.zscore(indexKey, takeOf('a1').member));
    expect(score).toBeGreaterThan(seconds * 1_000 + microseconds / 1_000 + 50);
    expect(await redis.pttl(key)).toBeGreaterThan(0);
  });
});

describe('releasing a marker', () => {
  it('deletes it and leaves the index', async () => {
    await takeMarker(redis, takeOf('a1'), patience);
    await takeMarker(redis, takeOf('b1', { markerKey: 'other' }), patience);
    expect(await releaseMarker(redis, { ...takeOf('a1'), leftMs: hourMs }, patience)).toBe('deleted');
    expect(await redis.exists(key)).toBe(0);
    expect(await listed()).toEqual([takeOf('b1').member]);
  });

  it.each([
    ['has another value', async () => redis.set(key, 'a2', 'PX', hourMs)],
    ['was set again and lives longer', async () => redis.pexpire(key, hourMs + slackMs)],
    ['has no expiry', async () => redis.persist(key)],
    ['became something else', async () => [await redis.del(key), await redis.rpush(key, 'a1')]],
    ['is gone', async () => redis.del(key)],
  ])('leaves the index, and the marker alone, where it %s', async (_what, change) => {
    await takeMarker(redis, takeOf('a1'), patience);
    await change();
    const before = [await redis.type(key), await redis.pexpiretime(key)];
    expect(await releaseMarker(redis, { ...takeOf('a1'), leftMs: hourMs }, patience)).toBe('not_ours');
    expect([await redis.type(key), await redis.pexpiretime(key)]).toEqual(before);
    expect(await listed()).toEqual([]);
  });

  it('knows a marker that the same driver took again while the release was on its way', async () => {
    await takeMarker(redis, takeOf('driver-7'), patience);
    const leftMs = await redis.pttl(key);
    const own = await strictTo(server.url);
    onTestFinished(async () => endRedis(own, 1_000));
    const tell = own.time.bind(own);
    own.time = async () => {
      const told = await tell();
      const startedAt = performance.now();
      await waitFor(() => performance.now() - startedAt > 20, { what: 'some milliseconds to pass' });
      // By what is left alone it could be the old one.
      await redis.set(key, 'driver-7', 'PX', leftMs);
      return told;
    };
    expect(await releaseMarker(own, { ...takeOf('driver-7'), leftMs }, patience)).toBe('not_ours');
    expect(await redis.get(key)).toBe('driver-7');
  });

  it('that comes after its time is refused by the server, and the claim stays listed', async () => {
    await takeMarker(redis, takeOf('a1'), patience);
    const script = loadScript(new URL('../../src/redis/release-marker.lua', import.meta.url));
    const [seconds = 0] = await redis.time();
    const { member } = takeOf('a1');
    const args = ['a1', seconds * 1_000 + 2 * hourMs, member];
    expect(await runScript(redis, script, [key, indexKey], [seconds * 1_000 - 1, ...args])).toBe(-1);
    expect(await redis.get(key)).toBe('a1');
    expect(await listed()).toEqual([member]);
  });

  it('throws when there is no answer; a release whose time was not told is never sent', async () => {
    await takeMarker(redis, takeOf('a1'), patience);
    const { proxy, behind } = await proxied();
    proxy.set('swallow_replies');
    await expect(releaseMarker(behind, { ...takeOf('a1'), leftMs: hourMs }, 200)).rejects.toMatchObject({
      code: 'timed_out',
    });
    proxy.set('reset');
    await expect(releaseMarker(behind, { ...takeOf('a1'), leftMs: hourMs }, patience)).rejects.toMatchObject({
      code: 'redis_unreachable',
    });
    expect(await redis.get(key)).toBe('a1');
    expect(await listed()).toEqual([takeOf('a1').member]);
  });
});

describe('the open-claims index', () => {
  it('is read by age, oldest first, in steps', async () => {
    const [seconds = 0] = await redis.time();
    const now = seconds * 1_000;
    for (const [member, ageMs] of [
      ['c', 60_000],
      ['a', 3 * hourMs],
      ['d', -hourMs],
      ['b', 2 * hourMs],
    ] as const) {
      await redis.zadd(indexKey, now - ageMs, member);
    }
    const read = async (ageMs: number, skip: number, rowsMax: number): Promise<string[]> => {
      const entries = await readOpenClaims(redis, { indexKey, ageMs, skip, rowsMax }, patience);
      for (const entry of entries) expect(entry.ageMs).toBeGreaterThanOrEqual(ageMs);
      return entries.map(({ member }) => member);
    };
    expect(await read(0, 0, 100)).toEqual(['a', 'b', 'c']);
    expect(await read(hourMs, 0, 100)).toEqual(['a', 'b']);
    expect(await read(0, 0, 2)).toEqual(['a', 'b']);
    expect(await read(0, 2, 2)).toEqual(['c']);
    expect(await read(0, 3, 2)).toEqual([]);
    const [oldest] = await readOpenClaims(redis, { indexKey, ageMs: 0, skip: 0, rowsMax: 1 }, patience);
    expect(oldest?.ageMs).toBeGreaterThanOrEqual(3 * hourMs);
    expect(oldest?.ageMs).toBeLessThan(3 * hourMs + slackMs);
  });

  it('is left by many at a time, and by none', async () => {
    const members = Array.from({ length: 1_200 }, (_, at) => `m${at}`);
    await redis.zadd(indexKey, ...members.flatMap((member, at) => [at, member]));
    expect(await listed()).toHaveLength(1_000);
    await leaveIndex(redis, indexKey, [], patience);
    await leaveIndex(redis, indexKey, members.slice(1), patience);
    expect(await listed()).toEqual(['m0']);
  });

  it('that cannot be read is an error, never empty', async () => {
    expect(await listed()).toEqual([]);
    await redis.set(indexKey, 'x', 'PX', hourMs);
    await expect(listed()).rejects.toThrow('WRONGTYPE');
    const { proxy, behind } = await proxied();
    proxy.set('swallow_replies');
    const range = { indexKey, ageMs: 0, skip: 0, rowsMax: 10 };
    await expect(readOpenClaims(behind, range, 200)).rejects.toMatchObject({ code: 'timed_out' });
  });
});

describe('a Redis that is full', () => {
  it('refuses to take, but still releases', async () => {
    const own = await startRedis({ env: process.env, settings: { 'maxmemory-policy': 'noeviction' } });
    onTestFinished(async () => own.stop());
    const full = await strictTo(own.url);
    onTestFinished(async () => endRedis(full, 1_000));
    await takeMarker(full, takeOf('a1'), patience);
    await full.config('SET', 'maxmemory', '1');
    const take = takeMarker(full, takeOf('a2', { markerKey: 'other' }), patience);
    await expect(take).rejects.toThrow(/OOM.*Nothing was changed/);
    expect(await releaseMarker(full, { ...takeOf('a1'), leftMs: hourMs }, patience)).toBe('deleted');
    expect(await full.dbsize()).toBe(0);
  });
});
