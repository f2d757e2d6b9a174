/**
 * Many requests at once: one row, one question to the distributor, and a Postgres that hears of one of them.
 */
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { chooseSeed, createRandom } from '../support/seeded-random.ts';
import { useGates } from './support/use-gates.ts';

const gates = useGates();

/** The pool, with the statements that it is asked for noted. */
function noting(pool: pg.Pool): { pool: pg.Pool; statements: string[] } {
  const statements: string[] = [];
  const noted = new Proxy(pool, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        const [asked] = args as [string | { readonly text: string }];
        if (name === 'query') statements.push(typeof asked === 'string' ? asked : asked.text);
        return Reflect.apply(value, target, args);
      };
    },
  });
  return { pool: noted, statements };
}

describe('a flood', () => {
  it('of one user makes one row and one hand-out, and reaches Postgres with one claim', async () => {
    const { pool, statements } = noting(gates.pool());
    const gate = await gates.open({ pool, distributorTimeoutMs: 30_000, redisTimeoutMs: 30_000 });
    statements.length = 0;
    const columns = { activity_id: 7, gift_id: 1, uid: 100_180 };
    const answers = await Promise.all(Array.from({ length: 1_000 }, async () => gate.claim({ columns })));
    await gate.finish();
    const granted = answers.filter(({ kind }) => kind === 'granted');
    expect(granted).toHaveLength(1);
    expect(gate.counts()).toMatchObject({ granted: 1, already_claimed: 999, failed: 0 });
    const [winner] = granted;
    for (const answer of answers) {
      if (answer.kind === 'already_claimed' && winner?.kind === 'granted')
        expect(answer.holder).toBe(winner.attempt);
    }
    expect(await gates.rows()).toHaveLength(1);
    expect(gate.distributor.asked).toHaveLength(1);
    expect(statements.map((text) => text.slice(0, 6))).toEqual(['insert', 'update']);
  });

  it('of many users through two gates hands each thing out once, whatever the distributor says', async () => {
    const random = createRandom(chooseSeed('flood through two gates'));
    const both = await Promise.all(
      [1, 2].map(async () => gates.open({ distributorTimeoutMs: 30_000, redisTimeoutMs: 30_000 })),
    );
    for (const { distributor } of both) {
      distributor.does(async (grant) => {
        const roll = random.integer(0, 9);
        if (roll < 2) return { kind: 'refused', reason: 'sold out' };
        return roll < 3 ? { kind: 'unknown', reason: 'no answer' } : distributor.handOut(grant);
      });
    }
    const answers = await Promise.all(
      Array.from({ length: 600 }, async (_, at) => {
        const columns = { activity_id: 7, gift_id: 1, uid: random.integer(1, 60) };
        const gate = both[at % 2];
        return gate?.claim({ columns });
      }),
    );
    for (const gate of both) {
      await gate.finish();
      expect(gate.troubles).toEqual([]);
    }
    const handedOut = both.flatMap(({ distributor }) => [...distributor.handedOut.values()]);
    expect(new Set(handedOut).size).toBe(handedOut.length);
    expect(answers.filter((answer) => answer?.kind === 'granted')).toHaveLength(handedOut.length);
    const statuses = (await gates.rows()).map(({ status }) => status);
    expect(statuses.filter((status) => status === 'granted')).toHaveLength(handedOut.length);
    const unsettled = statuses.filter((status) => status === 'pending').length;
    expect(await gates.listed()).toHaveLength(unsettled);
    expect(await gates.client().dbsize()).toBe(handedOut.length + unsettled + (unsettled > 0 ? 1 : 0));
  });
});
