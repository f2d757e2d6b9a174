/**
 * Taking repairs back: the state before each, or the reason why not; and what was undone stays as it is.
 */
import { expect, it } from 'vitest';
import { run as runUndo, type Payload, type UndoResult } from '../../jobs/undo.ts';
import { dayMs } from './support/claim-tables.ts';
import { silentReporter } from './support/job-deps.ts';
import { useWorlds } from './support/use-world.ts';
import type { World } from './support/world.ts';

const worlds = useWorlds();

async function undo(world: World, which: Payload['which']): Promise<UndoResult['undone']> {
  const payload = { which, force: false, by: 'a person' };
  const { undone } = await runUndo(payload, world.deps(), silentReporter, new AbortController().signal);
  return undone;
}

async function lastRepair(world: World): Promise<{ repairId: string; passId: string }> {
  const repair = (await world.repairs()).at(-1);
  if (repair?.passId === undefined || repair.passId === null) throw new Error('there is no repair of a pass');
  return { repairId: repair.id, passId: repair.passId };
}

it('restores what each repair of a pass had changed, and says why where it cannot', async () => {
  const world = await worlds.create();
  const missing = await world.addGift();
  const tooLong = await world.addGift();
  const immortal = await world.addGift();
  const released = await world.addGift({ status: 'failed' });
  const rival = await world.addGift({ uid: 50, attempt: 'rival', status: 'failed' });
  await world.addGift({ uid: 50, attempt: 'mine' });
  await world.setMarker(tooLong, { expiresInMs: 10 * dayMs });
  await world.setMarker(immortal, { expiresInMs: null });
  await world.setMarker(released);
  await world.setMarker(rival);
  expect(await world.runPass()).toMatchObject({ open: 0, repairs: { applied: 5 } });
  const { passId } = await lastRepair(world);

  const undone = await undo(world, { passId });
  const outcomes = new Map(undone.map(({ markerKey, outcome, why }) => [markerKey, why ?? outcome]));
  expect(outcomes).toEqual(
    new Map([
      [missing.key, 'undone'],
      [tooLong.key, 'undone'],
      [immortal.key, 'the marker had no expiry before, and nothing is ever written without one'],
      [released.key, 'undone'],
      [rival.key, 'undone'],
    ]),
  );
  expect(await world.readMarker(missing.key)).toBeNull();
  expect(((await world.readMarker(tooLong.key))?.expiresAtMs ?? 0) - Date.now()).toBeGreaterThan(9 * dayMs);
  expect((await world.readMarker(immortal.key))?.expiresAtMs).not.toBeNull();
  expect(await world.readMarker(released.key)).toMatchObject({ value: released.attempt });
  expect(await world.readMarker(rival.key)).toMatchObject({ value: 'rival' });
});

it('holds what was undone: no pass repairs it again, even when it is read anew', async () => {
  const world = await worlds.create();
  const claim = await world.addGift();
  await world.runPass();
  await undo(world, { repairId: (await lastRepair(world)).repairId });
  await world.letHoursPass();
  expect(await world.runPass()).toMatchObject({ outcome: 'completed', open: 1, repairs: { applied: 0 } });
  await world.setGiftStatus(claim, 'granted');
  expect(await world.runPass()).toMatchObject({ checked: 1, open: 1, repairs: { applied: 0 } });
  expect(await world.discrepancies()).toMatchObject([{ state: 'open', held: true }]);
  expect(await world.readMarker(claim.key)).toBeNull();
});

it('undoes a repair once', async () => {
  const world = await worlds.create();
  await world.addGift();
  await world.runPass();
  const { repairId } = await lastRepair(world);
  expect(await undo(world, { repairId })).toMatchObject([{ outcome: 'undone' }]);
  expect(await undo(world, { repairId })).toEqual([]);
});

it('leaves a marker alone that is no longer the one that the repair left', async () => {
  const world = await worlds.create();
  const claim = await world.addGift();
  await world.runPass();
  await world.setMarker(claim, { value: 'newer' });
  expect(await undo(world, { repairId: (await lastRepair(world)).repairId })).toMatchObject([
    { outcome: 'not_undone', why: 'the marker is no longer the one that the repair left' },
  ]);
  expect(await world.readMarker(claim.key)).toMatchObject({ value: 'newer' });
});

it('goes backwards through a pass of many repairs', async () => {
  const world = await worlds.create();
  for (let count = 0; count < 12; count += 1) await world.addGift();
  await world.runPass();
  const ids = (await undo(world, { passId: (await lastRepair(world)).passId })).map(
    ({ repairId }) => repairId,
  );
  expect(ids).toEqual(
    (await world.repairs())
      .slice(0, 12)
      .map(({ id }) => id)
      .toReversed(),
  );
});

it('says so when the journal has no such repair', async () => {
  const world = await worlds.create();
  await expect(undo(world, { repairId: '7' })).rejects.toMatchObject({ code: 'not_found' });
});
