/**
 * What is dropped of the passes, and what is kept.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrate } from '../../src/postgres/migrate.ts';
import { dropOldRecords } from '../../src/postgres/pass.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
  await migrate(database.pool);
});
afterAll(async () => database.drop());

it('passes are kept for 90 days, those that judged and repaired nothing for 7', async () => {
  const passes: readonly (readonly [
    days: number,
    outcome: string | null,
    checked: number,
    applied: number,
  ])[] = [
    [91, 'completed', 5, 0],
    [89, 'completed', 5, 0],
    [89, 'completed', 0, 1],
    [8, 'completed', 0, 0],
    [8, 'aborted', 0, 0],
    [8, null, 0, 0],
    [6, 'completed', 0, 0],
  ];
  for (const [days, outcome, checked, applied] of passes) {
    await database.pool.query(
      `insert into reconciler.pass (source, asked_by, mode, fencing_token, started_at, outcome, report)
       values ('gifts', 'test', 'repair', 1, now() - $1 * interval '1 day', $2, $3)`,
      [
        days,
        outcome,
        outcome === null ? null : JSON.stringify({ checked, repairs: { applied, superseded: 0 } }),
      ],
    );
  }
  expect(await dropOldRecords(database.pool)).toBe(2);
  const { rows } = await database.pool.query<{ id: string }>(
    'select id::text from reconciler.pass order by pass.id',
  );
  expect(rows.map(({ id }) => Number(id) - 1)).toEqual([1, 2, 4, 5, 6]);
});
