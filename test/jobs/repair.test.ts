/**
 * Repairs by hand: the plan writes nothing, and applying does what the plan said.
 */
import { describe, expect, it } from 'vitest';
import { run, type Payload, type RepairResult } from '../../jobs/repair.ts';
import { defaultPolicy } from '../../src/domain/verdict.ts';
import { jobDeps, silentReporter, type PassChanges } from '../reconcile/support/job-deps.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { Gift, World } from '../reconcile/support/world.ts';

const worlds = useWorlds();

interface RepairChanges extends PassChanges {
  readonly apply?: boolean;
}

async function repair(
  world: World,
  target: Payload['target'],
  changes: RepairChanges = {},
): Promise<RepairResult> {
  await world.settle();
  const { apply = false, force = false } = changes;
  const payload = { source: 'gifts', target, apply, force, by: 'a person' };
  return run(payload, world.deps(changes), silentReporter, new AbortController().signal);
}

/** All that could have been written: rows of every table of ours, and every key with value and expiry. */
async function snapshot(world: World): Promise<Record<string, unknown>> {
  const { rows: tables } = await world.pool.query<{ name: string }>(
    `select table_name as name from information_schema.tables
     where table_schema = 'reconciler' and table_name <> 'horizon_sample' order by 1`,
  );
  const found: Record<string, unknown> = {};
  for (const { name } of tables) {
    found[name] = (await world.pool.query(`select * from reconciler.${name} order by 1`)).rows;
  }
  const keys = (await world.redis.keys('*')).toSorted();
  found['keys'] = await Promise.all(
    keys.map(async (key) => [key, await world.redis.get(key), await world.redis.call('PEXPIRETIME', key)]),
  );
  return found;
}

/** missing, immortal, right, orphan, in doubt: in the order of their ids. */
async function createDrift(world: World): Promise<Gift[]> {
  const claims = [
    await world.addGift(),
    await world.addGift(),
    await world.addGift(),
    await world.addGift({ status: 'failed' }),
    await world.addGift({ status: 'pending' }),
  ];
  const [, immortal, right, orphan, pending] = claims;
  if (immortal !== undefined) await world.setMarker(immortal, { expiresInMs: null });
  for (const claim of [right, orphan, pending]) if (claim !== undefined) await world.setMarker(claim);
  return claims;
}

describe('without apply', () => {
  it.each([['before any pass'], ['after a pass that told people']])('writes nothing: %s', async (when) => {
    const world = await worlds.create();
    const claims = await createDrift(world);
    if (when !== 'before any pass') await world.runPass({ rules: { mode: 'observe' } });
    const earlier = await snapshot(world);
    const result = await repair(world, { kind: 'range', fromId: '1', toId: '99' });
    expect(await snapshot(world)).toEqual(earlier);
    expect(result.report).toBeNull();
    expect(result.checked).toBe(5);
    const lines = new Map(result.plan.map((line) => [line.claimId, line]));
    const [missing, immortal, , orphan, pending] = claims;
    expect(lines.size).toBe(4);
    expect(lines.get(missing?.id ?? '')).toMatchObject({ verdict: 'missing_marker', repairs: true });
    expect(lines.get(missing?.id ?? '')?.would).toMatch(/^set attempt-1 for 23 h 59 m, if still absent$/);
    expect(lines.get(immortal?.id ?? '')?.would).toMatch(/^let it expire in 23 h 59 m, if unchanged$/);
    expect(lines.get(orphan?.id ?? '')?.would).toBe('delete the marker, if unchanged');
    expect(lines.get(pending?.id ?? '')).toMatchObject({ would: 'tell people: in_doubt', repairs: false });
  });
});

describe('with apply', () => {
  it('does what the plan said, writes it down, and leaves the checkpoint where it was', async () => {
    const world = await worlds.create();
    const claims = await createDrift(world);
    const target = { kind: 'range', fromId: '1', toId: '99' } as const;
    const planned = (await repair(world, target)).plan.filter(({ repairs }) => repairs);
    const { report, plan } = await repair(world, target, { apply: true });
    expect(plan.filter(({ repairs }) => repairs)).toHaveLength(planned.length);
    expect(report).toMatchObject({ outcome: 'completed', checked: 5, open: 1, repairs: { applied: 3 } });
    const made = (await world.repairs()).map(({ key, outcome }) => `${key} ${outcome}`).toSorted();
    expect(made).toEqual(planned.map(({ markerKey }) => `${markerKey} applied`).toSorted());
    expect(await world.checkpoint()).toEqual({ changeXid: '0', id: null });
    const [missing, immortal, right, orphan] = claims;
    for (const claim of [missing, immortal, right]) {
      const marker = await world.readMarker(claim?.key ?? '');
      expect(marker?.value).toBe(claim?.attempt);
      expect(Math.abs((marker?.expiresAtMs ?? 0) - (claim?.expiresAtMs ?? 0))).toBeLessThan(1_000);
    }
    expect(await world.readMarker(orphan?.key ?? '')).toBeNull();
    expect((await repair(world, target)).plan.filter(({ repairs }) => repairs)).toEqual([]);
  });

  it('repairs one claim only', async () => {
    const world = await worlds.create();
    const [first, second] = [await world.addGift(), await world.addGift()];
    const { report } = await repair(world, { kind: 'claim', id: second.id }, { apply: true });
    expect(report).toMatchObject({ checked: 1, open: 0, repairs: { applied: 1 } });
    expect(await world.readMarker(first.key)).toBeNull();
    expect(await world.readMarker(second.key)).not.toBeNull();
  });

  it('repairs all claims of one marker, named by its key', async () => {
    const world = await worlds.create();
    const mine = await world.addGift({ uid: 1, attempt: 'mine' });
    const rival = await world.addGift({ uid: 1, attempt: 'rival', status: 'failed' });
    const other = await world.addGift();
    await world.setMarker(rival);
    const { report } = await repair(world, { kind: 'marker', key: mine.key }, { apply: true });
    expect(report).toMatchObject({ checked: 2, open: 0 });
    expect(await world.readMarker(mine.key)).toMatchObject({ value: 'mine' });
    expect(await world.readMarker(other.key)).toBeNull();
  });

  it('finds nothing under a key that is no marker of the source', async () => {
    const world = await worlds.create();
    await world.addGift();
    const { report } = await repair(world, { kind: 'marker', key: 'coupon:1' }, { apply: true });
    expect(report).toMatchObject({ checked: 0, repairs: { applied: 0 } });
  });

  it('repairs what an undo holds, since a person asks for it by name', async () => {
    const world = await worlds.create();
    const claim = await world.addGift();
    await world.runPass();
    await world.redis.del(claim.key);
    await world.pool.query(
      "update reconciler.discrepancy set state = 'open', resolution = null, resolved_at = null, held = true",
    );
    const { report } = await repair(world, { kind: 'claim', id: claim.id }, { apply: true });
    expect(report).toMatchObject({ open: 0, repairs: { applied: 1 } });
  });

  it('is held by the brake, and passes it by force', async () => {
    const world = await worlds.create();
    await world.addGift();
    await world.addGift();
    const brake = { repairsPerPlan: 1, repairsPerHour: 10, share: 1, shareSample: 100 };
    const target = { kind: 'range', fromId: '1', toId: '9' } as const;
    const held = await repair(world, target, { apply: true, rules: { brake } });
    expect(held.report).toMatchObject({ outcome: 'braked', open: 2, repairs: { applied: 0, withheld: 2 } });
    const forced = await repair(world, target, { apply: true, force: true, rules: { brake } });
    expect(forced.report).toMatchObject({ outcome: 'completed', open: 0, repairs: { applied: 2 } });
  });

  it('keeps to the policy', async () => {
    const world = await worlds.create();
    const claim = await world.addGift();
    const policy = { ...defaultPolicy, missing_marker: 'alert' } as const;
    const { report } = await repair(
      world,
      { kind: 'claim', id: claim.id },
      { apply: true, rules: { policy } },
    );
    expect(report).toMatchObject({ open: 1, repairs: { applied: 0 } });
  });
});

it('names the sources that there are when asked for another', async () => {
  const world = await worlds.create();
  const payload = {
    source: 'seats',
    target: { kind: 'claim', id: '1' },
    apply: false,
    force: false,
    by: 'x',
  } as const;
  const { pool, markers, leases } = world.deps();
  const deps = jobDeps({ pool, markers, leases }, {});
  await expect(run(payload, deps, silentReporter, new AbortController().signal)).rejects.toThrow(
    /There is no source "seats". Configured: gifts, orders./,
  );
});
