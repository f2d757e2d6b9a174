/**
 * Nothing may bring a source to a halt for good, hide what is new, or keep an alert open for ever: one odd marker, one
 * undo, one claim that waits, one person's repair.
 */
import { expect, it } from 'vitest';
import { run as runRepair } from '../../jobs/repair.ts';
import { run as runUndo } from '../../jobs/undo.ts';
import type { Distributor } from '../../src/domain/distributor.ts';
import { defaultPolicy } from '../../src/domain/verdict.ts';
import { silentReporter } from './support/job-deps.ts';
import { useWorlds } from './support/use-world.ts';
import type { World } from './support/world.ts';

const worlds = useWorlds();
const { signal } = new AbortController();
const smallShare = { repairsPerPlan: 500, repairsPerHour: 2_000, share: 0.05, shareSample: 20 };

async function undoPass(world: World, passId: string): Promise<void> {
  const payload = { which: { passId }, force: false, by: 'a person' };
  await runUndo(payload, world.deps(), silentReporter, signal);
}

it('a marker that holds U+0000 stops no other repair', async () => {
  const world = await worlds.create();
  await world.setMarker(await world.addGift(), { value: 'odd\u0000attempt' });
  const missing = await world.addGift();
  expect(await world.runPass()).toMatchObject({ outcome: 'completed', repairs: { applied: 1 } });
  expect(await world.readMarker(missing.key)).toMatchObject({ value: missing.attempt });
  await world.letHoursPass();
  expect(await world.runPass()).toMatchObject({ outcome: 'completed' });
});

it('a discrepancy whose id is no value of its column any more goes away', async () => {
  const world = await worlds.create();
  await world.addGift();
  await world.runPass();
  await world.pool.query(
    `update reconciler.discrepancy set state = 'open', resolution = null, resolved_at = null,
       claim_id = 'f81d4fae', subject = 'claim:f81d4fae', next_check_at = null`,
  );
  expect(await world.runPass()).toMatchObject({ outcome: 'completed', open: 0 });
});

it('what is only told to people, or left alone by policy, does not trip the brake', async () => {
  const world = await worlds.create();
  for (let count = 0; count < 15; count += 1) await world.addGift({ status: 'pending' });
  for (let count = 0; count < 25; count += 1) await world.setMarker(await world.addGift());
  await world.addGift();
  const rules = { brake: smallShare };
  expect(await world.runPass({ rules })).toMatchObject({ outcome: 'completed', repairs: { applied: 1 } });
  await world.addGift({ status: 'pending' });
  const spared = { ...rules, policy: { ...defaultPolicy, in_doubt: 'ignore' as const } };
  expect(await world.runPass({ rules: spared })).toMatchObject({ outcome: 'completed' });
});

it('a repair by hand weighs nothing in the share of the passes after it', async () => {
  const world = await worlds.create();
  const broken = [];
  for (let count = 0; count < 10; count += 1) broken.push(await world.addGift());
  await world.settle();
  const target = { kind: 'range' as const, fromId: broken[0]?.id ?? '', toId: broken.at(-1)?.id ?? '' };
  const payload = { source: 'gifts', target, apply: true, force: false, by: 'a person' };
  expect(await runRepair(payload, world.deps(), silentReporter, signal)).toMatchObject({
    report: { repairs: { applied: 10 } },
  });
  for (let count = 0; count < 30; count += 1) await world.setMarker(await world.addGift());
  await world.addGift();
  expect(await world.runPass({ rules: { brake: smallShare } })).toMatchObject({ outcome: 'completed' });
});

it('a hold ends when the claim is wrong in another way', async () => {
  const world = await worlds.create();
  const claim = await world.addGift();
  await undoPass(world, (await world.runPass()).passId);
  expect(await world.readMarker(claim.key)).toBeNull();
  await world.setGiftStatus(claim, 'failed');
  await world.setMarker(claim);
  expect(await world.runPass()).toMatchObject({ repairs: { applied: 1 }, open: 0 });
  expect(await world.readMarker(claim.key)).toBeNull();
});

it('an alert ends with what it was about, also when that was told anew by another', async () => {
  const world = await worlds.create();
  const claim = await world.addGift({ status: 'pending' });
  const rules = { mode: 'observe' as const };
  await world.runPass({ rules });
  await world.setGiftStatus(claim, 'granted');
  await world.runPass({ rules });
  await world.setMarker(claim);
  await world.letHoursPass();
  expect(await world.runPass({ rules })).toMatchObject({ open: 0 });
  expect((await world.alerts()).map(({ kind, state }) => `${kind} ${state}`)).toEqual([
    'in_doubt resolved',
    'missing_marker resolved',
  ]);
});

it('what does not settle by itself is told to people in the end', async () => {
  const world = await worlds.create();
  const claim = await world.addGift();
  await world.setMarker(claim, { value: 'somebody' });
  // Longer than a pass takes: an attempt that nobody knows has so long before its marker is replaced.
  const rules = { graceMs: 2_000 };
  await world.runPass({ rules });
  await world.pool.query('update reconciler.discrepancy set checks = 8');
  await world.setMarker(claim, { value: 'somebody else' });
  await world.makeDue();
  await world.runPassNow({ rules });
  expect(await world.alerts()).toMatchObject([{ kind: 'conflicting_marker', state: 'open' }]);
});

it('the alert about repairs that fail lasts until none waits for another try, whatever else is repaired', async () => {
  const world = await worlds.create();
  const claim = await world.addGift({ status: 'pending' });
  const distributor: Distributor = {
    lookup: async () => ({ kind: 'not_granted' }),
    grant: async () => ({ kind: 'unknown', reason: 'the answer was lost' }),
  };
  await world.runPass({ distributor });
  await world.pool.query(
    `update reconciler.discrepancy set next_check_at = clock_timestamp() + interval '1 hour'`,
  );
  await world.addGift();
  expect(await world.runPass({ distributor })).toMatchObject({ repairs: { applied: 1 } });
  expect(await world.alerts()).toMatchObject([{ kind: 'repair_failed', state: 'open' }]);
  await world.setGiftStatus(claim, 'granted');
  await world.setMarker(claim);
  await world.letHoursPass();
  expect(await world.runPass({ distributor })).toMatchObject({ open: 0, repairs: { applied: 0 } });
  expect(await world.alerts()).toMatchObject([{ kind: 'repair_failed', state: 'resolved' }]);
});

it('an undo finishes what was interrupted first, and takes that back too', async () => {
  const world = await worlds.create();
  const claim = await world.addGift();
  const { passId } = await world.runPass();
  await world.pool.query(`update reconciler.repair set outcome = 'intended', ended_at = null`);
  await undoPass(world, passId);
  expect(await world.readMarker(claim.key)).toBeNull();
  expect(await world.repairs()).toMatchObject([{ outcome: 'applied' }, { outcome: 'applied' }]);
});
