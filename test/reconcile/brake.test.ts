/**
 * The brake on real stores: it admits a plan as a whole or not at all, tells people once, and waits for a person.
 */
import { expect, it } from 'vitest';
import type { BrakeLimits } from '../../src/domain/source.ts';
import { resumeSource } from '../../src/reconcile/rewind-source.ts';
import { useWorlds } from './support/use-world.ts';
import type { Gift, World } from './support/world.ts';

const worlds = useWorlds();

function limited(limits: Partial<BrakeLimits>): { rules: { brake: BrakeLimits } } {
  const wide = { repairsPerPlan: 1_000, repairsPerHour: 1_000, share: 1, shareSample: 1_000 };
  return { rules: { brake: { ...wide, ...limits } } };
}

async function addMissing(world: World, count: number): Promise<Gift[]> {
  const claims: Gift[] = [];
  for (let added = 0; added < count; added += 1) claims.push(await world.addGift());
  return claims;
}

async function markersOf(world: World, claims: readonly Gift[]): Promise<number> {
  return world.redis.exists(...claims.map(({ key }) => key));
}

const brakeAlert = { kind: 'brake', severity: 'critical', state: 'open' };

it('applies nothing of a plan that is too large, tells people once, and goes on after resume', async () => {
  const world = await worlds.create();
  const claims = await addMissing(world, 6);
  const limits = limited({ repairsPerPlan: 5 });
  for (let passes = 0; passes < 2; passes += 1) {
    const report = await world.runPass(limits);
    expect(report).toMatchObject({
      outcome: 'braked',
      brake: 'tripped',
      open: 6,
      // What was held back is not planned anew by each pass.
      repairs: { applied: 0, withheld: passes === 0 ? 6 : 0 },
    });
    expect(report.reason).toContain('6 repairs planned, the limit for one plan is 5');
  }
  expect(await markersOf(world, claims)).toBe(0);
  expect(await world.repairs()).toEqual([]);
  expect(await world.alerts()).toMatchObject([brakeAlert]);

  expect(await resumeSource(world.pool, 'gifts', 60_000, 'a person')).toBe(true);
  expect(await world.runPass(limits)).toMatchObject({
    outcome: 'completed',
    brake: 'lifted',
    open: 0,
    repairs: { applied: 6, withheld: 0 },
  });
  expect(await world.alerts()).toMatchObject([{ ...brakeAlert, state: 'resolved' }]);
  expect(await resumeSource(world.pool, 'gifts', 60_000, 'a person')).toBe(false);
});

it('counts the repairs of the last hour over passes', async () => {
  const world = await worlds.create();
  const limits = limited({ repairsPerHour: 5 });
  await addMissing(world, 3);
  expect(await world.runPass(limits)).toMatchObject({ outcome: 'completed', repairs: { applied: 3 } });
  const more = await addMissing(world, 3);
  const report = await world.runPass(limits);
  expect(report).toMatchObject({ outcome: 'braked', repairs: { applied: 0, withheld: 3 } });
  expect(report.reason).toContain('3 repairs planned after 3 in the last hour, the limit is 5');
  expect(await markersOf(world, more)).toBe(0);

  await world.letHoursPass();
  await world.pool.query('delete from reconciler.brake');
  expect(await world.runPass(limits)).toMatchObject({ outcome: 'completed', repairs: { applied: 3 } });
});

it('does not admit a plan when too large a share of the judged claims is bad', async () => {
  const world = await worlds.create();
  for (const claim of await addMissing(world, 8)) await world.setMarker(claim);
  const bad = await addMissing(world, 2);
  const report = await world.runPass(limited({ share: 0.1, shareSample: 10 }));
  expect(report).toMatchObject({ outcome: 'braked', checked: 10, open: 2, repairs: { withheld: 2 } });
  expect(report.reason).toContain('2 of 10 judged claims are bad (20.0 %), the limit is 10.0 %');
  expect(await markersOf(world, bad)).toBe(0);
});

it('stops reading when the share is far too large: what was judged before is kept, the rest is read later', async () => {
  const world = await worlds.create();
  const right = await addMissing(world, 4);
  for (const claim of right) await world.setMarker(claim);
  const bad = await addMissing(world, 8);
  const changes = { ...limited({ share: 0.1, shareSample: 4 }), limits: { rowsPerPage: 4 } };
  for (let passes = 0; passes < 2; passes += 1) {
    const report = await world.runPass(changes);
    expect(report).toMatchObject({ outcome: 'braked', open: 0, repairs: { applied: 0 } });
    expect(report.reason).toContain('reading was stopped');
    expect(await world.checkpoint()).toMatchObject({ id: right.at(-1)?.id });
  }
  expect(await world.discrepancies()).toEqual([]);
  expect(await world.alerts()).toMatchObject([brakeAlert]);

  await resumeSource(world.pool, 'gifts', 60_000, 'a person');
  expect(await world.runPass(changes)).toMatchObject({
    outcome: 'completed',
    checked: 8,
    repairs: { applied: 8 },
  });
  expect(await markersOf(world, bad)).toBe(8);
});

it('holds again when the time of a resume is over', async () => {
  const world = await worlds.create();
  await addMissing(world, 2);
  const limits = limited({ repairsPerPlan: 1 });
  expect(await world.runPass(limits)).toMatchObject({ outcome: 'braked' });
  await resumeSource(world.pool, 'gifts', 1, 'a person');
  expect(await world.runPass(limits)).toMatchObject({ outcome: 'braked', brake: 'tripped' });
});

it('lets a person pass it by force, and counts what that repaired', async () => {
  const world = await worlds.create();
  await addMissing(world, 3);
  const limits = limited({ repairsPerPlan: 2, repairsPerHour: 3 });
  expect(await world.runPass({ ...limits, force: true })).toMatchObject({
    outcome: 'completed',
    repairs: { applied: 3 },
  });
  await addMissing(world, 1);
  expect(await world.runPass(limits)).toMatchObject({ outcome: 'braked' });
});
