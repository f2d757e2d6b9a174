/**
 * `claim-reconciler/cache` as an application uses it.
 */
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import type { OperatingError } from '../../src/domain/operating-error.ts';
import { openCache, type Cache, type OpenCacheOptions } from '../../src/entry/cache.ts';
import { createRedis, type TestRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait-for.ts';

let server: TestRedis;
beforeAll(async () => {
  server = await createRedis();
});
afterAll(async () => server.release());

async function open(
  changes: Partial<OpenCacheOptions> = {},
): Promise<{ cache: Cache; troubles: OperatingError[] }> {
  const troubles: OperatingError[] = [];
  const cache = await openCache({
    redisUrl: server.url,
    namespace: 'app',
    freshMs: 60_000,
    staleMs: 60_000,
    waitMs: 5_000,
    onTrouble: (error) => troubles.push(error),
    ...changes,
  });
  onTestFinished(async () => cache.close());
  return { cache, troubles };
}

async function connections(): Promise<number> {
  return String(await server.client.client('LIST')).split('name=claim-reconciler:cache').length - 1;
}

it('rebuilds once for two processes, and again after it was told to forget', async () => {
  const [one, other] = await Promise.all([open({ localMs: 0 }), open({ localMs: 0 })]);
  let rebuilds = 0;
  const rebuild = async (): Promise<{ n: number }> => ({ n: (rebuilds += 1) });
  const read = async (): Promise<unknown[]> =>
    Promise.all([one, other].map(async ({ cache }) => cache.get('open', rebuild)));
  expect(await read()).toEqual([{ n: 1 }, { n: 1 }]);
  await one.cache.invalidate('open');
  expect(await read()).toEqual([{ n: 2 }, { n: 2 }]);
  await Promise.all([one.cache.close(), other.cache.close()]);
  await waitFor(async () => (await connections()) === 0, { what: 'the connections to be closed' });
  await expect(one.cache.get('another', rebuild)).rejects.toMatchObject({ code: 'aborted' });
});

it('works without Redis, and says so', async () => {
  const { cache, troubles } = await open({ redisUrl: 'redis://127.0.0.1:1/0' });
  expect(troubles.map(({ code }) => code)).toContain('redis_unreachable');
  expect(await cache.get('open', async () => 'yes')).toBe('yes');
});

it('is not opened with options that cannot work: all of them are named, and no connection stays', async () => {
  await expect(open({ freshMs: 0, waitMs: -1 })).rejects.toMatchObject({
    code: 'configuration',
    message: expect.stringMatching(/freshMs.*waitMs/),
  });
  await waitFor(async () => (await connections()) === 0, { what: 'the connections to be closed' });
});
