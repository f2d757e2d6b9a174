/**
 * The three scripts do what the model says that the random histories are tried on (`test/domain/lease-world.ts`).
 */
import { array, assert, asyncProperty, constantFrom, integer, record } from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { askForLease, askToRelease, askToRenew, leaseValue } from '../../src/redis/lease-key.ts';
import { ModelRedis } from '../domain/lease-world.ts';
import { createRedis, type TestRedis } from '../support/redis.ts';
import { chooseSeed } from '../support/seeded-random.ts';

const key = 'test:lease';
const ttlMs = 600_000;
const deadlineMs = 5_000;
const seed = chooseSeed('lease scripts');

let redis: TestRedis;
beforeAll(async () => {
  redis = await createRedis();
});
afterAll(async () => redis.release());

const operation = record({
  operation: constantFrom('acquire' as const, 'renew' as const, 'release' as const),
  term: constantFrom('a', 'ab', 'b'),
  attempt: integer({ min: 1, max: 12 }),
});

/** Answers in the words of the model, which calls a release that worked `renewed`. */
async function carryOut(asked: { operation: string; term: string; attempt: number }): Promise<unknown> {
  const { client } = redis;
  const value = leaseValue(asked.term, asked.attempt);
  switch (asked.operation) {
    case 'acquire':
      return (await askForLease(client, { key, ttlMs, ...asked }, deadlineMs)).kind;
    case 'renew':
      return (await askToRenew(client, { key, value, ttlMs }, deadlineMs)) === 'renewed';
    default:
      return (await askToRelease(client, { key, value }, deadlineMs)) === 'released';
  }
}

it('the scripts and the model agree, on every answer and on what is left in the key', async () => {
  await assert(
    asyncProperty(array(operation, { minLength: 5, maxLength: 40, size: 'max' }), async (history) => {
      await redis.client.del(key);
      const model = new ModelRedis();
      for (const asked of history) {
        const expected = model.apply(asked, 1);
        const answer = await carryOut(asked);
        expect(answer).toBe(typeof expected === 'string' ? expected === 'renewed' : expected.kind);
        expect(await redis.client.get(key)).toBe(model.current(1));
        // Nothing is ever left without an expiry.
        expect(await redis.client.pttl(key)).not.toBe(-1);
      }
    }),
    { seed, numRuns: 60 },
  );
});
