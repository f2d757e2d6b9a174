/**
 * Strict connections, as passes have them, ready to be used.
 */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { connectStrict, endRedis, untilReady } from '../../src/redis/connect.ts';
import { createRedis, type TestRedis } from './redis.ts';

/** Whoever opens it ends it. */
export async function strictTo(url: string): Promise<Redis> {
  const strict = connectStrict(url, { onError: () => undefined });
  await untilReady(strict, 5_000);
  return strict;
}

/** A database and a strict connection to it for one test file, empty before each test. To be called at its top. */
export function useStrictRedis(give: (server: TestRedis, redis: Redis) => void): void {
  let server: TestRedis;
  let redis: Redis;
  beforeAll(async () => {
    server = await createRedis();
    redis = await strictTo(server.url);
    give(server, redis);
  });
  afterAll(async () => {
    await endRedis(redis, 1_000);
    await server.release();
  });
  beforeEach(async () => {
    await server.client.flushdb();
  });
}
