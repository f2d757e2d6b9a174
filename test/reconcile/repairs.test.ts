/**
 * What repairs do, and what they refuse to do: order, plans of many pages, undo, claims whose value others may share.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { dayMs } from './support/claim-tables.ts';
import { useWorlds } from './support/use-world.ts';
import type { Gift } from './support/world.ts';

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

it('replaces a released rival marker without ever leaving the granted claim without one', async () => {
  const world = await worlds.create();
  const rival = await world.addGift({ uid: 1, attempt: 'rival', status: 'failed' });
  const granted = await world.addGift({ uid: 1, attempt: 'mine' });
  await world.setMarker(rival);
  // Repairs of one step are sent side by side; a script that the server does not know yet comes second.
  await world.redis.script('FLUSH');
  await world.redis.script('LOAD', readFileSync('src/redis/delete-marker.lua', 'utf8'));
  const report = await world.runPass();
  expect(report).toMatchObject({ open: 0, verdicts: { conflicting_marker: 1, orphan_marker: 1 } });
  expect(await world.readMarker(granted.key)).toMatchObject({ value: 'mine' });
  expect((await world.repairs()).map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
    'replace_marker applied',
    'delete_marker superseded',
  ]);
});

it('gives an interrupted change of an expiry the outcome that the marker shows', async () => {
  const world = await worlds.create();
  const claims = [await world.addGift(), await world.addGift(), await world.addGift(), await world.addGift()];
  const [shortUnmade, shortMade, longUnmade, longMade] = claims as [Gift, Gift, Gift, Gift];
  await world.setMarker(shortUnmade, { expiresInMs: 3_600_000 });
  await world.setMarker(shortMade, { expiresInMs: 3_600_000 });
  await world.setMarker(longUnmade, { expiresInMs: 10 * dayMs });
  await world.setMarker(longMade, { expiresInMs: 10 * dayMs });
  await world.runPass({ rules: { mode: 'observe' } });
  // As a process would leave it that was killed after it had made every other change.
  await world.intendExpiries(claims);
  await world.setMarker(shortMade);
  await world.setMarker(longMade);
  await world.makeDue();
  const report = await world.runPass();
  expect(report).toMatchObject({ open: 0, repairs: { applied: 2 } });
  expect((await world.repairs()).slice(0, 4).map(({ key, outcome }) => [key, outcome])).toEqual([
    [shortUnmade.key, 'superseded'],
    [shortMade.key, 'applied'],
    [longUnmade.key, 'superseded'],
    [longMade.key, 'applied'],
  ]);
});

it('holds what an interrupted undo had taken back', async () => {
  const world = await worlds.create();
  const claim = await world.addGift();
  await world.runPass();
  // As a process would leave it that was killed after it had deleted the re-issued marker.
  await world.pool.query(
    `insert into reconciler.repair (discrepancy_id, source, action, marker_key, intent, before, undo_of, done_by,
       fencing_token)
     select discrepancy_id, source, 'delete_marker', marker_key,
       jsonb_build_object('kind', 'delete_marker', 'key', marker_key, 'observed', after),
       before, id, 'test', 0 from reconciler.repair`,
  );
  await world.redis.del(claim.key);
  await world.runPass();
  expect(await world.discrepancies()).toMatchObject([{ state: 'open', held: true }]);
  expect((await world.repairs()).map(({ outcome }) => outcome)).toEqual(['applied', 'applied']);
  expect(await world.readMarker(claim.key)).toBeNull();
});
