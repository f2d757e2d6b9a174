/**
 * What passes did over time, from their reports.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readActivity } from '../../src/postgres/activity.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
  await migrate(database.pool);
});
afterAll(() => database.drop());

async function addPass(source: string, minutesAgo: number, outcome: string | null, report: object | null) {
  await database.pool.query(
    `insert into reconciler.pass (source, asked_by, mode, fencing_token, started_at, ended_at, outcome, report)
     values ($1, 'schedule', 'repair', 1, now() - $2 * interval '1 minute', now(), $3, $4)`,
    [source, minutesAgo, outcome, report === null ? null : JSON.stringify(report)],
  );
}

function reportOf(judged: number, missing: number, applied: number): object {
  return {
    checked: judged,
    verdicts: { consistent: judged - missing, missing_marker: missing, orphan_marker: 0 },
    repairs: { applied, failed: 3 },
  };
}

it('sums what passes judged, found and repaired in each stretch of time, and leaves out what is older', async () => {
  await addPass('gifts', 125, 'completed', reportOf(1_000, 1_000, 1_000));
  await addPass('gifts', 95, 'completed', reportOf(100, 5, 4));
  await addPass('gifts', 65, 'completed', reportOf(10, 1, 0));
  await addPass('gifts', 10, 'completed', reportOf(20, 2, 2));
  await addPass('gifts', 5, 'aborted', reportOf(7, 0, 0));
  await addPass('gifts', 1, null, null);
  // As one that began while this was asked for.
  await addPass('gifts', -1, 'completed', reportOf(3, 0, 0));
  await addPass('orders', 1, 'completed', reportOf(9, 9, 9));
  const span = { buckets: 4, bucketMs: 30 * 60_000 };
  const { bySource, bucketMs } = await readActivity(database.pool, ['gifts', 'quiet'], span);
  expect(bucketMs).toBe(span.bucketMs);
  const nothing = { judged: 0, found: 0, repaired: 0, troubled: 0 };
  expect(Object.fromEntries(bySource)).toEqual({
    gifts: [
      { judged: 100, found: 5, repaired: 4, troubled: 0 },
      { judged: 10, found: 1, repaired: 0, troubled: 0 },
      nothing,
      { judged: 30, found: 2, repaired: 2, troubled: 1 },
    ],
    quiet: [nothing, nothing, nothing, nothing],
  });
});
