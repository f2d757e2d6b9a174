/**
 * A cached value in Redis under random histories of rebuilds that begin, succeed and fail in any order, of invalidations
 * and of losses, against a model: the newest wins, and nothing is without an expiry.
 */
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CachedValues, type RebuildTicket } from '../../src/redis/cached-value.ts';
import { endRedis } from '../../src/redis/connect.ts';
import { createRedis, type TestRedis } from '../support/redis.ts';
import { chooseSeed } from '../support/seeded-random.ts';
import { strictTo } from '../support/strict-redis.ts';
import { waitFor } from '../support/wait-for.ts';

const seed = chooseSeed('cached values');
const hourMs = 3_600_000;
const key = 'activity:1';
const hash = `cache:${key}`;

let server: TestRedis;
let redis: Redis;
let values: CachedValues;
beforeAll(async () => {
  server = await createRedis();
  redis = await strictTo(server.url);
  values = valuesWith({});
});
afterAll(async () => {
  await endRedis(redis, 1_000);
  await server.release();
});
beforeEach(async () => {
  await server.client.flushdb();
});

function valuesWith(times: { rebuildMs?: number; callTimeoutMs?: number }): CachedValues {
  const bounds = { callTimeoutMs: 20_000, rebuildMs: 20_000, backoffMs: 60_000, backoffMaxMs: 200_000 };
  return new CachedValues({ redis, prefix: 'cache:', ...bounds, ...times });
}

/** As if all times but that of use were over. */
async function passTime(): Promise<void> {
  for (const field of ['fresh_until', 'retry_at']) {
    if ((await redis.hexists(hash, field)) === 1) await redis.hset(hash, field, 1);
  }
}

async function mustBegin(): Promise<RebuildTicket> {
  await passTime();
  const ticket = await values.begin(key);
  if (ticket === null) throw new Error('not begun');
  return ticket;
}

const valueOf = (text: string): { text: string; freshForMs: number; usableForMs: number } => ({
  text,
  freshForMs: hourMs,
  usableForMs: 2 * hourMs,
});

type Step =
  | { readonly kind: 'begin' | 'invalidate' | 'lose' }
  | { readonly kind: 'store' | 'fail'; readonly which: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.constant({ kind: 'begin' as const }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('store', 'fail'), which: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('invalidate', 'lose') }) },
  ),
  { maxLength: 30, size: 'max' },
);

/** Ranks tell the order of beginnings and invalidations. */
interface Model {
  readonly tickets: { readonly ticket: RebuildTicket; readonly rank: number }[];
  rank: number;
  storedRank: number;
  text: string | null;
}

async function run(model: Model, step: Step): Promise<void> {
  if ('which' in step) {
    await end(model, step);
  } else if (step.kind === 'begin') {
    const ticket = await mustBegin();
    const newest = Math.max(0, ...model.tickets.map(({ ticket }) => ticket.number));
    expect(ticket.number).toBeGreaterThan(newest);
    model.rank += 1;
    model.tickets.push({ ticket, rank: model.rank });
  } else {
    if (step.kind === 'invalidate') await values.invalidate(key);
    else await redis.del(hash);
    model.rank += 1;
    model.storedRank = step.kind === 'invalidate' ? model.rank : 0;
    model.text = null;
  }
}

/** Mostly the latest, but older ones too. */
async function end(model: Model, step: Extract<Step, { which: number }>): Promise<void> {
  const chosen = model.tickets.at(-1 - step.which);
  if (chosen === undefined) return;
  const { ticket, rank } = chosen;
  const isNewer = rank > model.storedRank;
  if (step.kind === 'fail') {
    expect((await values.fail(key, ticket)) > 0).toBe(isNewer);
    return;
  }
  expect(await values.store(key, ticket, valueOf(`"${rank}"`))).toBe(isNewer);
  if (!isNewer) return;
  model.storedRank = rank;
  model.text = `"${rank}"`;
}

describe('a cached value', () => {
  it('goes as the model says under any history', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        await redis.del(hash);
        const model: Model = { tickets: [], rank: 0, storedRank: 0, text: null };
        for (const step of history) {
          await run(model, step);
          expect((await values.read(key)).value?.text ?? null).toBe(model.text);
          if ((await redis.exists(hash)) === 1) expect(await redis.pttl(hash)).toBeGreaterThan(0);
        }
      }),
      { seed, numRuns: 150 },
    );
  });

  it('is not begun while it is fresh or held off', async () => {
    const ticket = await mustBegin();
    expect(await values.fail(key, ticket)).toBe(60_000);
    expect(await values.begin(key)).toBeNull();
    expect(await values.read(key)).toEqual({ value: null, heldOffForMs: expect.any(Number) });
    const next = await mustBegin();
    expect(await values.store(key, next, valueOf('1'))).toBe(true);
    expect(await values.begin(key)).toBeNull();
    const { value, heldOffForMs } = await values.read(key);
    expect(heldOffForMs).toBe(0);
    expect(value?.freshForMs).toBeGreaterThan(hourMs / 2);
    expect(value?.freshForMs).toBeLessThanOrEqual(hourMs);
    expect(value?.usableForMs).toBeLessThanOrEqual(2 * hourMs);
  });

  it('is held off for longer with each failure, up to a bound, and from the start after a success', async () => {
    const waits: number[] = [];
    for (let tries = 0; tries < 4; tries += 1) waits.push(await values.fail(key, await mustBegin()));
    expect(waits).toEqual([60_000, 120_000, 200_000, 200_000]);
    expect(await redis.pttl(hash)).toBeGreaterThan(200_000);
    await values.store(key, await mustBegin(), valueOf('1'));
    expect(await values.fail(key, await mustBegin())).toBe(60_000);
  });

  it('that was stored too late is refused', async () => {
    const hasty = valuesWith({ rebuildMs: 1, callTimeoutMs: 200 });
    const ticket = await hasty.begin(key);
    if (ticket === null) throw new Error('not begun');
    await waitFor(
      async () => {
        const [seconds = 0, microseconds = 0] = await redis.time();
        return seconds * 1_000 + microseconds / 1_000 > ticket.notAfterMs + 2;
      },
      { what: 'its time to be over' },
    );
    expect(await values.store(key, ticket, valueOf('1'))).toBe(false);
    expect((await values.read(key)).value).toBeNull();
  });

  it('is over when its time is, though its hash lives on', async () => {
    await values.store(key, await mustBegin(), { text: '1', freshForMs: 1, usableForMs: 50 });
    await waitFor(async () => (await values.read(key)).value === null, { what: 'the value to be over' });
    expect(await redis.pttl(hash)).toBeGreaterThan(0);
  });
});
