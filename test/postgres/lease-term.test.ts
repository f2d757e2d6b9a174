/**
 * Fencing tokens: they only grow.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { beginTerm, latestTerm } from '../../src/postgres/lease-term.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
  await migrate(database.pool);
});
afterAll(async () => database.drop());

it('every term gets a greater token than all before, over all leases', async () => {
  const tokens: bigint[] = [];
  for (const lease of ['one', 'two', 'one', 'one']) {
    tokens.push(BigInt(await beginTerm(database.pool, { lease, holder: 'me' })));
  }
  expect(tokens).toEqual(tokens.toSorted((left, right) => (left < right ? -1 : 1)));
  expect(new Set(tokens).size).toBe(tokens.length);
});

it('terms that begin at the same time get different tokens', async () => {
  const begun = Array.from({ length: 20 }, async (_, index) =>
    beginTerm(database.pool, { lease: 'crowded', holder: `holder ${index}` }),
  );
  expect(new Set(await Promise.all(begun)).size).toBe(20);
});

it('the latest term says who holds a lease, or held it last', async () => {
  expect(await latestTerm(database.pool, 'never held')).toBeNull();
  await beginTerm(database.pool, { lease: 'known', holder: 'first' });
  const token = await beginTerm(database.pool, { lease: 'known', holder: 'second' });
  await beginTerm(database.pool, { lease: 'another', holder: 'third' });
  expect(await latestTerm(database.pool, 'known')).toEqual({
    token,
    holder: 'second',
    beganAt: expect.any(Date),
  });
});

it('forgets terms that are ten thousand numbers old, and never hands a number out again', async () => {
  const first = BigInt(await beginTerm(database.pool, { lease: 'busy', holder: 'me' }));
  await database.pool.query(
    `alter table reconciler.lease_term alter column token restart with ${first + 20_000n}`,
  );
  const later = BigInt(await beginTerm(database.pool, { lease: 'busy', holder: 'me' }));
  expect(later).toBe(first + 20_000n);
  const { rows } = await database.pool.query(
    `select token::text from reconciler.lease_term where lease = 'busy'`,
  );
  expect(rows).toEqual([{ token: String(later) }]);
});
