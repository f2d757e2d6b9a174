/**
 * What repairs do, and what they refuse to do: order, plans of many pages, undo, claims whose value others may share.
 */
import { expect, it } from 'vitest';
import { useWorlds } from './support/use-world.ts';

const worlds = useWorlds();

it('repairs each of many discrepancies once, page after page', async () => {
  const world = await worlds.create();
  await world.pool.query(
    `insert into gift_claim (uid, attempt_id, status, expires_at)
     select n, 'attempt-' || n, 'granted', now() + interval '1 day' from generate_series(1, 1500) n`,
  );
  const brake = { repairsPerPlan: 2_000, repairsPerHour: 2_000, share: 1, shareSample: 10_000 };
  const report = await world.runPass({ rules: { brake } });
  expect(report).toMatchObject({ outcome: 'completed', open: 0, repairs: { applied: 1_500, superseded: 0 } });
  const repairs = await world.repairs();
  expect(new Set(repairs.map(({ discrepancyId }) => discrepancyId)).size).toBe(1_500);
  expect(repairs).toHaveLength(1_500);
});
