/**
 * Single markers read with their expiry at one moment: what is there, what is not, what cannot be read.
 */
import type { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { MarkerReading } from '../../src/domain/marker.ts';
import { endRedis } from '../../src/redis/connect.ts';
import { observeMarkers } from '../../src/redis/observe-markers.ts';
import { strictTo, useStrictRedis } from '../support/strict-redis.ts';
import type { TestRedis } from '../support/redis.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

let server: TestRedis;
let redis: Redis;
useStrictRedis((own, strict) => {
  server = own;
  redis = strict;
});

async function observe(
  key: string,
  on: Redis = redis,
  callTimeoutMs = 20_000,
): Promise<MarkerReading | undefined> {
  return (await observeMarkers(on, [key], callTimeoutMs))[0];
}

describe('a marker', () => {
  it('is read with what is left of its life, or with none where it has no end', async () => {
    await redis.set('ends', 'a1', 'PX', 3_600_000);
    await redis.set('lasts', 'a1');
    const ends = await observe('ends');
    expect(ends).toEqual({ kind: 'present', value: 'a1', expiresInMs: expect.any(Number) });
    if (ends?.kind !== 'present') return;
    expect(ends.expiresInMs).toBeGreaterThan(0);
    expect(ends.expiresInMs).toBeLessThanOrEqual(3_600_000);
    expect(await observe('lasts')).toEqual({ kind: 'present', value: 'a1', expiresInMs: null });
  });

  it('that is not there is absent, and an empty one is there', async () => {
    await redis.set('empty', '');
    expect(await observe('nothing')).toEqual({ kind: 'absent' });
    expect(await observe('empty')).toEqual({ kind: 'present', value: '', expiresInMs: null });
  });

  it.each([
    ['list', async (): Promise<unknown> => redis.rpush('key', 'a')],
    ['set', async (): Promise<unknown> => redis.sadd('key', 'a')],
    ['zset', async (): Promise<unknown> => redis.zadd('key', 1, 'a')],
    ['hash', async (): Promise<unknown> => redis.hset('key', 'a', 1)],
    ['stream', async (): Promise<unknown> => redis.xadd('key', '*', 'a', 1)],
  ])('that is a %s cannot be decoded', async (type, write) => {
    await write();
    expect(await observe('key')).toEqual({
      kind: 'undecodable',
      reason: `the key holds a ${type}, not a string`,
    });
  });

  it.each(['ff', 'c3', 'eda080', 'c080', '6131e6bc'])('of the bytes %s is no text', async (hex) => {
    await redis.set('key', Buffer.from(hex, 'hex'));
    expect(await observe('key')).toEqual({ kind: 'undecodable', reason: 'the value is not UTF-8 text' });
  });

  it.each(['é漢😀', '\uFEFFa1', 'a\u0000b', '\\N\t\n', ' '])('keeps every byte of %j', async (value) => {
    await redis.set(`key:${value}`, value);
    expect(await observe(`key:${value}`)).toMatchObject({ kind: 'present', value });
  });
});

describe('reading markers', () => {
  it('answers in the order of the keys, for keys asked for twice too', async () => {
    const keys = Array.from({ length: 300 }, (_, at) => `gift:${at % 250}`);
    for (const [at, key] of keys.entries()) if (at % 3 > 0 && at < 250) await redis.set(key, `a${at}`);
    const readings = await observeMarkers(redis, keys, 20_000);
    expect(readings.map((reading) => (reading.kind === 'present' ? reading.value : reading.kind))).toEqual(
      keys.map((_, at) => ((at % 250) % 3 > 0 ? `a${at % 250}` : 'absent')),
    );
    expect(await observeMarkers(redis, [], 20_000)).toEqual([]);
  });

  it('does not notice that the server forgot its scripts', async () => {
    await redis.set('key', 'a1');
    await observe('key');
    await server.client.script('FLUSH');
    expect(await observe('key')).toMatchObject({ value: 'a1' });
  });

  it('never takes a failure for absence: no answer, no connection, no permission', async () => {
    const proxy = await startTcpProxy(server.url);
    onTestFinished(async () => proxy.close());
    const behind = await strictTo(proxy.url);
    onTestFinished(async () => endRedis(behind, 1_000));
    proxy.set('swallow_replies');
    expect(await observe('key', behind, 200)).toEqual({ kind: 'unread', reason: expect.any(String) });
    proxy.set('reset');
    expect(await observe('key', behind, 5_000)).toEqual({ kind: 'unread', reason: expect.any(String) });
    const user = `reader_${server.database}`;
    await server.client.call('ACL', 'SETUSER', user, 'on', '>x', '~gift:*', '+@all');
    onTestFinished(async () => void (await server.client.call('ACL', 'DELUSER', user)));
    const url = new URL(server.url);
    [url.username, url.password] = [user, 'x'];
    const reader = await strictTo(url.href);
    onTestFinished(async () => endRedis(reader, 1_000));
    expect(await observe('gift:1', reader)).toEqual({ kind: 'absent' });
    expect(await observe('order:1', reader)).toEqual({
      kind: 'unread',
      reason: expect.stringContaining('NOPERM'),
    });
  });
});
