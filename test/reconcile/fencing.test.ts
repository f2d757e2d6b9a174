/**
 * Two holders at once, as after a failover of the lease's Redis: Postgres refuses the older one's next write.
 */
import { describe, expect, it } from 'vitest';
import { giftSource } from './support/claim-tables.ts';
import { before, claimLooks, readsClaims, takesTerm } from './support/intercept.ts';
import { silentReporter } from './support/job-deps.ts';
import { knownDistributor } from './support/known-distributor.ts';
import { useWorlds } from './support/use-world.ts';
import type { Gift, World } from './support/world.ts';
import { run as runUndo } from '../../jobs/undo.ts';
import { holdTerm, type Term } from '../../src/reconcile/hold-term.ts';
import { preflight } from '../../src/reconcile/preflight.ts';
import { reconcilePass } from '../../src/reconcile/reconcile-pass.ts';
import { openSource } from '../../src/reconcile/source-context.ts';

const worlds = useWorlds();
const never = new AbortController().signal;

/** Begins a term although another is held: its lease is lost without its holder noticing. */
async function takeOver(world: World): Promise<void> {
  await world.breakLease();
  const context = await openSource(world.deps(), giftSource);
  await holdTerm({ ...world.deps(), source: 'gifts', patienceMs: 0 }, never, async (term) =>
    preflight(context, term),
  );
}

/** The same, and it closes what it finds begun; it only looks, so that it changes no marker itself. */
async function lookAsAnother(world: World): Promise<void> {
  await world.breakLease();
  await world.runPassNow({ rules: { mode: 'observe' }, limits: { callTimeoutMs: 100 } });
}

async function statusOf(world: World, { id }: Gift): Promise<string | undefined> {
  const { rows } = await world.pool.query<{ status: string }>('select status from gift_claim where id = $1', [
    id,
  ]);
  return rows[0]?.status;
}

describe('a holder that another has followed', () => {
  it('cannot record what it found, nor advance the checkpoint', async () => {
    const world = await worlds.create();
    const claim = await world.addGift();
    const pool = before(world.pool, readsClaims, claimLooks.confirmAgain, async () => takeOver(world));
    const report = await world.runPass({ pool });
    expect(report).toMatchObject({ outcome: 'aborted', checked: 0 });
    expect(report.reason).toContain('was taken over or moved by somebody else');
    expect(await world.checkpoint()).toEqual({ changeXid: '0', id: null });
    expect(await world.discrepancies()).toEqual([]);
    expect(await world.readMarker(claim.key)).toBeNull();
    expect(await world.runPass()).toMatchObject({
      outcome: 'completed',
      checked: 1,
      repairs: { applied: 1 },
    });
  });

  it('cannot journal a repair, and so makes none', async () => {
    const world = await worlds.create();
    const claim = await world.addGift();
    const pool = before(world.pool, readsClaims, claimLooks.plan, async () => takeOver(world));
    const report = await world.runPass({ pool });
    expect(report).toMatchObject({ outcome: 'aborted', checked: 1, open: 1, repairs: { applied: 0 } });
    expect(report.reason).toContain('was taken over or moved by somebody else');
    expect(await world.repairs()).toEqual([]);
    expect(await world.readMarker(claim.key)).toBeNull();
  });

  it('makes no change that the newer one has closed as not made', async () => {
    const world = await worlds.create();
    const claim = await world.addGift();
    const pool = before(world.pool, readsClaims, claimLooks.apply, async () => lookAsAnother(world));
    const report = await world.runPass({ pool });
    expect(report).toMatchObject({ outcome: 'aborted', open: 1, repairs: { applied: 0 } });
    expect(report.reason).toContain('was taken over or moved by somebody else');
    expect(await world.readMarker(claim.key)).toBeNull();
    expect(await world.repairs()).toMatchObject([
      { outcome: 'superseded', note: 'interrupted before the change was made' },
    ]);
    expect(await world.runPass()).toMatchObject({ outcome: 'completed', open: 0, repairs: { applied: 1 } });
  });

  it('settles no claim that the newer one has left to its own turn', async () => {
    const world = await worlds.create();
    const claim = await world.addGift({ status: 'pending' });
    const pool = before(world.pool, takesTerm, 2, async () => lookAsAnother(world));
    const distributor = knownDistributor();
    distributor.knows(claim.attempt, { kind: 'granted' });
    expect(await world.runPass({ pool, distributor })).toMatchObject({ outcome: 'aborted', open: 1 });
    expect(await statusOf(world, claim)).toBe('pending');
    expect(await world.runPass({ distributor })).toMatchObject({ outcome: 'completed', open: 0 });
    expect(await statusOf(world, claim)).toBe('granted');
  });

  it('undoes nothing that the newer one has closed as not made', async () => {
    const world = await worlds.create();
    const claim = await world.addGift();
    await world.runPass();
    const [repair] = await world.repairs();
    const pool = before(world.pool, takesTerm, 2, async () => lookAsAnother(world));
    const payload = { which: { repairId: repair?.id ?? '' }, force: false, by: 'a person' };
    const undoing = runUndo(payload, world.deps({ pool }), silentReporter, never);
    await expect(undoing).rejects.toMatchObject({ code: 'fenced_out' });
    expect(await world.readMarker(claim.key)).toMatchObject({ value: claim.attempt });
    expect((await world.repairs()).map(({ outcome }) => outcome)).toEqual(['applied', 'superseded']);
  });

  it('cannot begin another pass under its old token', async () => {
    const world = await worlds.create();
    const context = await openSource(world.deps(), giftSource);
    const options = { ...world.deps(), source: 'gifts', patienceMs: 0 };
    const stale = await holdTerm(options, never, async (term): Promise<Term> => term);
    await takeOver(world);
    const pass = reconcilePass(
      context,
      { ...stale, guard: () => undefined },
      { by: 'test', force: false },
      never,
    );
    await expect(pass).rejects.toMatchObject({ code: 'fenced_out' });
  });

  it('leaves repairs alone that the newer one has begun', async () => {
    const world = await worlds.create();
    const claim = await world.addGift();
    await world.runPass({ rules: { mode: 'observe' } });
    await world.intendExpiries([claim]);
    await world.pool.query('update reconciler.repair set fencing_token = 1000');
    await world.runPass({ rules: { mode: 'observe' } });
    expect(await world.repairs()).toMatchObject([{ outcome: 'intended' }]);
  });
});

it('two passes at the same time: one of them is told that the other holds the lease', async () => {
  const world = await worlds.create();
  await world.addGift();
  await world.settle();
  const outcomes = await Promise.allSettled([world.runPassNow(), world.runPassNow()]);
  const [refused] = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  expect(refused).toMatchObject({ code: 'lease_held' });
});
