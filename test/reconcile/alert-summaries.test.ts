/**
 * What alerts say: how many claims, since when, what to do; and one alert all the while.
 */
import { describe, expect, it } from 'vitest';
import { badVerdicts } from '../../src/domain/verdict.ts';
import { describeDiscrepancies, describeDoubleGrant } from '../../src/reconcile/describe-alert.ts';
import { useWorlds } from './support/use-world.ts';

const worlds = useWorlds();

describe('an alert about claims', () => {
  it('counts those that it spoke for before, and says since when, under the same cause', async () => {
    const world = await worlds.create();
    const summary = async (): Promise<unknown[]> => {
      const { rows } = await world.pool.query(
        'select id::int, cause, seen, summary from reconciler.alert order by id',
      );
      return rows;
    };
    await world.addGift({ status: 'pending' });
    await world.runPass();
    const since = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC';
    const saying = (what: string): unknown =>
      expect.stringMatching(
        new RegExp(`^${what} \\(in_doubt\\), since ${since}, for example claim \\d+\\. Find out`),
      );
    const one = saying('1 claim of gifts is pending, and nobody could say whether it was granted');
    expect(await summary()).toEqual([{ id: 1, cause: 'gifts:in_doubt', seen: 1, summary: one }]);
    await world.addGift({ status: 'pending' });
    await world.addGift({ status: 'pending' });
    await world.runPass();
    const three = saying('3 claims of gifts are pending, and nobody could say whether they were granted');
    expect(await summary()).toEqual([{ id: 1, cause: 'gifts:in_doubt', seen: 2, summary: three }]);
  });

  it('says of every verdict what it means and what to do', () => {
    for (const verdict of badVerdicts) {
      for (const count of [1, 2]) {
        const text = describeDiscrepancies('gifts', verdict, { count, since: 'noon' }, 'claims', 'claim 7');
        expect(text).toMatch(
          new RegExp(
            `^${count} claims? of gifts .+ \\(${verdict}\\), since noon, for example claim 7\\. [A-Z].+ explain claim ID --source gifts$`,
          ),
        );
      }
    }
  });

  it('is short, however long a key is', () => {
    const text = describeDoubleGrant('gifts', '🎁'.repeat(5_000), 'claim 1', 'claim 2');
    expect(Array.from(text).length).toBeLessThan(400);
    expect(text).toContain(`${'🎁'.repeat(80)}…: claim 1`);
  });
});
