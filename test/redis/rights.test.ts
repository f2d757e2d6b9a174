/**
 * What the script that asks for rights says on servers that cannot be asked.
 */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRedis, type TestRedis } from '../support/redis.ts';

let redis: TestRedis;

beforeAll(async () => {
  redis = await createRedis();
});
afterAll(async () => redis.release());

it('an older server, which has neither flags nor a way to ask, is not said to refuse anything', async () => {
  const script = await readFile(new URL('../../src/redis/check-rights.lua', import.meta.url), 'utf8');
  const ask = async (prelude: string): Promise<unknown> =>
    redis.client.eval(`${prelude}\n${script}`, 0, '1', 'no-such-command');
  expect(await ask('')).toEqual([1]);
  expect(await ask('local redis = {}')).toEqual([]);
});
