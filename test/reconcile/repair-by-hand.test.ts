/**
 * A person's repair of one marker that has no row: planned, and carried out, by its discrepancy.
 */
import { describe, expect, it } from 'vitest';
import { run, type RepairResult } from '../../jobs/repair.ts';
import { encodeOpenClaim, openClaimsKey } from '../../src/domain/open-claim.ts';
import { dayMs, graceMs } from './support/claim-tables.ts';
import { silentReporter } from './support/job-deps.ts';
import { knownDistributor, type KnownDistributor } from './support/known-distributor.ts';
import { useWorlds } from './support/use-world.ts';
import type { World } from './support/world.ts';

const worlds = useWorlds();

/** A crash after the first step of the gate, found by a pass while the distributor was away. */
async function createRowless(distributor: KnownDistributor): Promise<World> {
  const world = await worlds.create();
  const open = { markerKey: 'gift:7', markerValue: 'lost-7', attempt: 'lost-7', columns: { uid: 7 } };
  await world.redis.set('gift:7', 'lost-7', 'PX', dayMs);
  const [seconds] = await world.redis.time();
  const member = encodeOpenClaim({ ...open, expiresAtMs: Date.now() + dayMs });
  await world.redis.zadd(openClaimsKey('own', 'gifts'), Number(seconds) * 1000 - 2 * graceMs, member);
  distributor.goAway(true);
  await world.runPass({ distributor });
  distributor.goAway(false);
  return world;
}

async function repair(world: World, distributor: KnownDistributor, apply: boolean): Promise<RepairResult> {
  await world.settle();
  const target = { kind: 'marker', key: 'gift:7' } as const;
  const payload = { source: 'gifts', target, apply, force: false, by: 'a person' };
  return run(payload, world.deps({ distributor }), silentReporter, new AbortController().signal);
}

describe('repair of a marker without a row', () => {
  it('plans what the distributor says, and changes nothing', async () => {
    const distributor = knownDistributor();
    const world = await createRowless(distributor);
    const { checked, plan, report } = await repair(world, distributor, false);
    expect({ checked, report }).toEqual({ checked: 1, report: null });
    expect(plan).toMatchObject([
      {
        claimId: null,
        markerKey: 'gift:7',
        verdict: 'rowless_marker',
        would: 'delete the marker, if unchanged',
      },
    ]);
    expect(await world.readMarker('gift:7')).not.toBeNull();
    expect(await world.repairs()).toEqual([]);
  });

  it('deletes the marker of an attempt that was not granted', async () => {
    const distributor = knownDistributor();
    const world = await createRowless(distributor);
    const { report } = await repair(world, distributor, true);
    expect(report).toMatchObject({ open: 0, checked: 1, verdicts: { rowless_marker: 1, consistent: 0 } });
    expect(await world.readMarker('gift:7')).toBeNull();
    expect(await world.repairs()).toMatchObject([
      { action: 'delete_marker', outcome: 'applied', key: 'gift:7' },
    ]);
    expect(await repair(world, distributor, false)).toMatchObject({ checked: 0, plan: [] });
  });

  it('writes the row of one that was granted', async () => {
    const distributor = knownDistributor();
    distributor.knows('lost-7', { kind: 'granted' });
    const world = await createRowless(distributor);
    expect((await repair(world, distributor, true)).report).toMatchObject({ open: 0 });
    const { rows } = await world.pool.query('select uid::text, attempt_id, status from gift_claim');
    expect(rows).toEqual([{ uid: '7', attempt_id: 'lost-7', status: 'granted' }]);
    expect(await world.readMarker('gift:7')).toMatchObject({ value: 'lost-7' });
  });

  it('leaves it alone while nobody answers, and closes it when it went away', async () => {
    const distributor = knownDistributor();
    const world = await createRowless(distributor);
    distributor.goAway(true);
    const away = await repair(world, distributor, true);
    expect(away.plan).toMatchObject([{ repairs: false, would: expect.stringContaining('did not answer') }]);
    expect(await world.readMarker('gift:7')).not.toBeNull();
    await world.redis.del('gift:7');
    expect((await repair(world, distributor, true)).report).toMatchObject({ open: 0 });
    expect(await world.repairs()).toEqual([]);
  });
});
