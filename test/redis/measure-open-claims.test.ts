/**
 * The size of an open-claims index: read in one command, and never taken for empty when it cannot be read.
 */
import type { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { endRedis } from '../../src/redis/connect.ts';
import { measureOpenClaims } from '../../src/redis/measure-open-claims.ts';
import type { TestRedis } from '../support/redis.ts';
import { strictTo, useStrictRedis } from '../support/strict-redis.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const patience = 20_000;
const indexKey = 'test:open-claims:gifts';

let server: TestRedis;
let redis: Redis;
useStrictRedis((own, strict) => {
  server = own;
  redis = strict;
});

it('an index that is not there is empty, and has no oldest entry', async () => {
  expect(await measureOpenClaims(redis, indexKey, patience)).toEqual({ entries: 0, oldestMs: null });
});

it('tells how many entries there are and the age of the oldest by this server', async () => {
  const [seconds = 0] = await redis.time();
  await redis.zadd(
    indexKey,
    (seconds - 90) * 1_000,
    'old',
    seconds * 1_000,
    'young',
    (seconds - 5) * 1_000,
    'b',
  );
  const { entries, oldestMs } = await measureOpenClaims(redis, indexKey, patience);
  expect(entries).toBe(3);
  expect(oldestMs).toBeGreaterThanOrEqual(90_000);
});

it('an entry of the future is not older than nothing', async () => {
  const [seconds = 0] = await redis.time();
  await redis.zadd(indexKey, (seconds + 3_600) * 1_000, 'early');
  expect(await measureOpenClaims(redis, indexKey, patience)).toEqual({ entries: 1, oldestMs: 0 });
});

it('a key that is no index, and a server that is away, are errors', async () => {
  await redis.set(indexKey, 'x');
  await expect(measureOpenClaims(redis, indexKey, patience)).rejects.toMatchObject({
    name: 'OperatingError',
    message: expect.stringContaining(indexKey),
  });
  const proxy = await startTcpProxy(server.url);
  const behind = await strictTo(proxy.url);
  onTestFinished(async () => endRedis(behind, 1_000));
  await proxy.close();
  await expect(measureOpenClaims(behind, indexKey, patience)).rejects.toMatchObject({
    name: 'OperatingError',
  });
});
