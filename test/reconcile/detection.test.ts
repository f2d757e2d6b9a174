/**
 * What passes tell of how long claims had been wrong: once for each, when that is on record, and counted from the commit.
 */
import { describe, expect, it } from 'vitest';
import { run as runPassJob } from '../../jobs/pass.ts';
import type { PassReport } from '../../src/reconcile/pass-report.ts';
import { rewindSource } from '../../src/reconcile/rewind-source.ts';
import { underTerm } from '../../src/reconcile/under-term.ts';
import { sampleHorizon } from '../../src/postgres/horizon.ts';
import { silentReporter, type PassChanges } from './support/job-deps.ts';
import { before, claimLooks, readsClaims } from './support/intercept.ts';
import { useWorlds } from './support/use-world.ts';
import type { World } from './support/world.ts';

const worlds = useWorlds();
const never = new AbortController().signal;

interface Told {
  readonly source: string;
  readonly latenciesMs: readonly number[];
}

/** A pass over all that is committed, and what it told. */
async function watchedPass(
  world: World,
  changes: PassChanges = {},
): Promise<{ report: PassReport; told: Told[] }> {
  await world.settle();
  const told: Told[] = [];
  const deps = {
    ...world.deps(changes),
    onDetected: (source: string, latenciesMs: readonly number[]) => {
      if (latenciesMs.length > 0) told.push({ source, latenciesMs });
    },
  };
  const payload = { source: 'gifts', by: 'test', force: false, waits: true };
  return { report: await runPassJob(payload, deps, silentReporter, never), told };
}

async function rewind(world: World): Promise<void> {
  await underTerm(world.deps(), { source: 'gifts', patienceMs: 0 }, never, (context, term) =>
    rewindSource(context, term, { kind: 'beginning' }),
  );
}

async function samplesBecomeOlder(world: World, seconds: number): Promise<void> {
  await world.pool.query(
    `update reconciler.horizon_sample set snapshot_after = snapshot_after - $1 * interval '1 s'`,
    [seconds],
  );
}

describe('a pass that finds claims bad', () => {
  it('tells for how long they had been so, one number for each', async () => {
    const world = await worlds.create();
    await sampleHorizon(world.pool, 0);
    await samplesBecomeOlder(world, 100);
    await Promise.all([world.addGift(), world.addGift()]);
    await world.setMarker(await world.addGift());
    const { report, told } = await watchedPass(world);
    expect(report.verdicts).toMatchObject({ consistent: 1, missing_marker: 2 });
    expect(told.map(({ source, latenciesMs }) => [source, latenciesMs.length])).toEqual([['gifts', 2]]);
    for (const latencyMs of told[0]?.latenciesMs ?? []) expect(latencyMs).toBeGreaterThan(100_000);
    expect((await watchedPass(world)).told).toEqual([]);
  });

  it('tells nothing when it could not record them', async () => {
    const world = await worlds.create();
    await sampleHorizon(world.pool, 0);
    await world.addGift();
    const pool = before(world.pool, readsClaims, claimLooks.confirmAgain, async () => {
      await world.breakLease();
      await rewind(world);
    });
    const { report, told } = await watchedPass(world, { pool });
    expect(report.outcome).toBe('aborted');
    expect(told).toEqual([]);
    expect((await watchedPass(world)).told).toHaveLength(1);
  });

  it('does not know since when, where rows are read again after a rewind', async () => {
    const world = await worlds.create();
    await sampleHorizon(world.pool, 0);
    const gift = await world.addGift();
    await world.setMarker(gift);
    expect((await watchedPass(world)).report.verdicts).toMatchObject({ consistent: 1 });
    await world.redis.del(gift.key);
    await rewind(world);
    const { report, told } = await watchedPass(world);
    expect(report.verdicts).toMatchObject({ missing_marker: 1 });
    expect(told).toEqual([]);
  });
});
