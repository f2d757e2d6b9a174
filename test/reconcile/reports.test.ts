/**
 * Reports of compensations that failed: found at once, repaired by a pass, never before the grace period is over.
 */
import { describe, expect, it } from 'vitest';
import { defaultPolicy } from '../../src/domain/verdict.ts';
import { run as runPassJob } from '../../jobs/pass.ts';
import { parseTemplate } from '../../src/domain/template.ts';
import { makeDue } from '../../src/postgres/discrepancy.ts';
import { dayMs } from './support/claim-tables.ts';
import { silentReporter } from './support/job-deps.ts';
import { knownDistributor } from './support/known-distributor.ts';
import { reportOn, reportsOf } from './support/report-on.ts';
import { useWorlds } from './support/use-world.ts';
import type { World } from './support/world.ts';

const worlds = useWorlds();
const patient = { graceMs: 3_600_000 };

/** What a crash, or a failed delete, leaves behind where the row was never written. */
async function rowless(world: World, uid: number, attempt = `lost-${uid}`) {
  await world.redis.set(`gift:${uid}`, attempt, 'PX', dayMs);
  return { key: `gift:${uid}`, attempt };
}

/** As if the grace period of all that was said so far were over, however long it is. */
async function letGracePass(world: World): Promise<void> {
  // Once this row is past the short one, there is a sample of the horizon that can be made old.
  await world.addGrab();
  await world.settle();
  await world.letHoursPass();
}

/** A pass that starts when all that was said so far is past its grace period. */
async function runPassAfterGrace(world: World, changes: Parameters<World['runPass']>[0] = {}) {
  await world.addGrab();
  return world.runPass(changes);
}

describe('an orphan after a failed delete', () => {
  it('is found at once, although its row was judged before, and repaired by the next pass', async () => {
    const world = await worlds.create();
    const claim = await world.addGift({ status: 'failed' });
    expect(await world.runPass()).toMatchObject({ checked: 1, open: 0 });
    // A delayed SET arrives, and a pass would not look there again: the row has not changed.
    await world.setMarker(claim);
    expect(await world.runPass()).toMatchObject({ checked: 0, open: 0 });
    const answer = await reportOn(world, claim);
    expect(answer).toMatchObject({ reportId: '1', verdict: 'orphan_marker', discrepancyId: '1' });
    expect(answer.note).toBe(
      'Discrepancy 1 (orphan_marker) is open. A pass repairs what is safe to repair, after the grace period (20 ms).',
    );
    expect(await world.discrepancies()).toMatchObject([{ claimId: claim.id, state: 'open' }]);
    expect(await world.readMarker(claim.key)).not.toBeNull();
    expect(await world.runPass()).toMatchObject({ actions: { delete_marker: { applied: 1 } }, open: 0 });
    expect(await world.readMarker(claim.key)).toBeNull();
    expect(await world.discrepancies()).toMatchObject([{ resolution: 'repaired' }]);
  });

  it('is left alone while its row is inside its grace period, whatever is made due', async () => {
    const world = await worlds.create();
    const claim = await world.addGift({ status: 'failed' });
    await world.setMarker(claim);
    expect(await reportOn(world, claim, { rules: patient })).toMatchObject({ verdict: 'orphan_marker' });
    await makeDue(world.pool, 'gifts');
    expect(await world.runPassNow({ rules: patient })).toMatchObject({ open: 1, repairs: { applied: 0 } });
    expect(await world.readMarker(claim.key)).not.toBeNull();
    await letGracePass(world);
    expect(await world.runPassNow({ rules: patient })).toMatchObject({ open: 0, repairs: { applied: 1 } });
  });

  it('in observe mode is recorded and told, and stays', async () => {
    const world = await worlds.create();
    const claim = await world.addGift({ status: 'failed' });
    await world.setMarker(claim);
    const rules = { mode: 'observe' } as const;
    const { note } = await reportOn(world, claim, { rules });
    expect(note).toContain('only observed');
    await world.runPass({ rules });
    expect(await world.readMarker(claim.key)).not.toBeNull();
    expect(await world.alerts()).toMatchObject([{ kind: 'orphan_marker' }]);
  });
});

describe('a marker whose attempt has no row', () => {
  it('goes when it was not granted, but not before the grace period after the report', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const said = await rowless(world, 5);
    const answer = await reportOn(world, said, { rules: patient });
    expect(answer).toMatchObject({ verdict: 'rowless_marker', discrepancyId: '1' });
    expect(await world.discrepancies()).toMatchObject([{ claimId: null, verdict: 'rowless_marker' }]);
    for (let looks = 0; looks < 2; looks += 1) {
      // What `resume`, or a change from observing to repairing, makes due is not repaired sooner either.
      await makeDue(world.pool, 'gifts');
      expect(await world.runPassNow({ rules: patient, distributor })).toMatchObject({ open: 1 });
    }
    expect(await world.readMarker(said.key)).not.toBeNull();
    expect(await world.repairs()).toEqual([]);
    await letGracePass(world);
    expect(await world.runPassNow({ rules: patient, distributor })).toMatchObject({ open: 0 });
    expect(await world.readMarker(said.key)).toBeNull();
    expect(distributor.grants).toEqual([]);
  });

  it('gets its row when it was granted, with the columns of its key and the end of its marker', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const said = await rowless(world, 7);
    distributor.knows(said.attempt, { kind: 'granted' });
    await reportOn(world, said);
    const report = await runPassAfterGrace(world, { distributor });
    expect(report).toMatchObject({ actions: { write_claim: { applied: 1 } }, open: 0 });
    const { rows } = await world.pool.query(
      `select uid::text, attempt_id, status, expires_at > now() + interval '23 hours' as open from gift_claim`,
    );
    expect(rows).toEqual([{ uid: '7', attempt_id: 'lost-7', status: 'granted', open: true }]);
    expect(await world.runPass({ distributor })).toMatchObject({ checked: 1, open: 0 });
  });

  it('and which has no expiry goes too, or stays shut for good: it is not opened on a guess', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    distributor.knows('kept', { kind: 'granted' });
    for (const [uid, attempt] of [
      [1, 'kept'],
      [2, 'lost'],
    ] as const) {
      await world.redis.set(`gift:${uid}`, attempt);
      await reportOn(world, { key: `gift:${uid}`, attempt });
    }
    expect(await runPassAfterGrace(world, { distributor })).toMatchObject({ open: 0 });
    expect(await world.readMarker('gift:2')).toBeNull();
    // The row that was written is read in its own turn.
    expect(await world.runPass({ distributor })).toMatchObject({ actions: { set_expiry: { applied: 1 } } });
    const marker = await world.readMarker('gift:1');
    expect(marker?.value).toBe('kept');
    expect((marker?.expiresAtMs ?? 0) - Date.now()).toBeGreaterThan(99 * 365 * dayMs);
  });

  it('is let go of when the row comes after all', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const said = await rowless(world, 3);
    await reportOn(world, said);
    await world.addGift({ uid: 3, attempt: said.attempt });
    expect(await runPassAfterGrace(world, { distributor })).toMatchObject({ open: 0 });
    expect(await world.discrepancies()).toMatchObject([{ resolution: 'went_away' }]);
    expect(await world.readMarker(said.key)).not.toBeNull();
    expect(distributor.asked).toEqual([]);
  });

  it('of one attempt makes room for the next one', async () => {
    const world = await worlds.create();
    await reportOn(world, await rowless(world, 4, 'first'));
    const second = await reportOn(world, await rowless(world, 4, 'second'));
    expect(second.discrepancyId).toBe('2');
    await runPassAfterGrace(world, { distributor: knownDistributor() });
    expect(await world.readMarker('gift:4')).toBeNull();
    expect(await world.discrepancies()).toMatchObject([
      { resolution: 'went_away' },
      { resolution: 'repaired' },
    ]);
  });
});

describe('nothing is recorded', () => {
  it('of a marker that is gone, or somebody else’s', async () => {
    const world = await worlds.create();
    const claim = await world.addGift();
    await world.setMarker(claim);
    const released = await world.addGift({ uid: 1, attempt: 'lost', status: 'failed' });
    const answers = [
      await reportOn(world, released),
      await reportOn(world, { key: claim.key, attempt: 'nobody' }),
      await reportOn(world, { key: 'gift:77', attempt: 'nobody' }),
    ];
    for (const answer of answers)
      expect(answer).toMatchObject({ verdict: 'consistent', discrepancyId: null });
    expect(answers.map(({ note }) => note)).toEqual([
      `Claim ${released.id}, which is released, and its marker agree. Nothing is to be done.`,
      'The attempt has no claim, and the marker is not its own and stays. Nothing is to be done.',
      'The attempt has no claim, and the marker is gone. Nothing is to be done.',
    ]);
    expect(await world.discrepancies()).toEqual([]);
    expect(await reportsOf(world)).toHaveLength(3);
  });

  it('of an attempt whose claim has another marker than was said', async () => {
    const world = await worlds.create();
    const claim = await world.addGift({ uid: 8 });
    await world.redis.set('gift:9', claim.attempt, 'PX', dayMs);
    const { verdict, note } = await reportOn(world, { key: 'gift:9', attempt: claim.attempt });
    expect(verdict).toBe('consistent');
    expect(note).toContain(`claim ${claim.id}, whose marker is gift:8`);
    expect(await world.discrepancies()).toEqual([]);
  });

  it('of a marker that a live claim may own, where values do not name the attempt', async () => {
    const world = await worlds.create();
    const live = await world.addGift({ uid: 6 });
    await world.setMarker(live, { value: 'taken' });
    const { verdict, note } = await reportOn(withConstant(world), { key: live.key, attempt: 'lost' });
    expect(verdict).toBe('consistent');
    expect(note).toContain(`claim ${live.id}, which is live`);
    await world.setGiftStatus(live, 'failed');
    expect(await reportOn(withConstant(world), { key: live.key, attempt: 'lost' })).toMatchObject({
      verdict: 'rowless_marker',
    });
  });
});

/** The same world, where every gift's marker holds the same word. */
function withConstant(world: World, distributor = knownDistributor()): World {
  const deps = world.deps({ distributor });
  const sources = deps.sources.map((source) => ({
    ...source,
    marker: { ...source.marker, value: parseTemplate('taken') },
    rules: { ...source.rules, valueNamesAttempt: false },
  }));
  return { ...world, deps: () => ({ ...deps, sources }) };
}

it('a marker that a newer attempt took with the same word is not deleted for an older one', async () => {
  const world = await worlds.create();
  const constant = withConstant(world);
  await world.redis.set('gift:6', 'taken', 'PX', dayMs);
  expect(await reportOn(constant, { key: 'gift:6', attempt: 'lost' })).toMatchObject({
    verdict: 'rowless_marker',
  });
  const newer = await world.addGift({ uid: 6 });
  await world.setMarker(newer, { value: 'taken' });
  await world.addGrab();
  const { signal } = new AbortController();
  const payload = { source: 'gifts', by: 'test', force: false, waits: true };
  for (let passes = 0; passes < 3; passes += 1) {
    await world.makeDue();
    await world.settle();
    await runPassJob(payload, constant.deps(), silentReporter, signal);
    expect(await world.readMarker(newer.key)).toMatchObject({ value: 'taken' });
  }
  await world.setGiftStatus(newer, 'failed');
  await world.letHoursPass();
  await world.settle();
  await runPassJob(payload, constant.deps(), silentReporter, signal);
  expect(await world.readMarker(newer.key)).toBeNull();
});

describe('a claim', () => {
  it('that is pending is in doubt, and settled by what the distributor says', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const claim = await world.addGift({ status: 'pending' });
    await world.setMarker(claim);
    distributor.knows(claim.attempt, { kind: 'refused', reason: 'sold out' });
    expect(await reportOn(world, claim)).toMatchObject({ verdict: 'in_doubt' });
    expect(await world.runPass({ distributor })).toMatchObject({ open: 0 });
    expect(await world.readMarker(claim.key)).toBeNull();
  });

  it('that cannot be understood is told as such, also by its attempt', async () => {
    const world = await worlds.create();
    const claim = await world.addGift({ status: 'odd' });
    expect(await reportOn(world, claim)).toMatchObject({ verdict: 'unreadable_claim', discrepancyId: '1' });
    expect(await world.discrepancies()).toMatchObject([{ claimId: claim.id }]);
  });

  it('is the newest of those with that attempt on the marker', async () => {
    const world = await worlds.create();
    await world.addGrab({ order: 1, status: 'released' });
    const newest = await world.addGrab({ order: 1 });
    const said = { source: 'orders', key: newest.key, attempt: newest.driver };
    expect(await reportOn(world, said)).toMatchObject({ verdict: 'missing_marker' });
    expect(await world.discrepancies()).toMatchObject([{ claimId: newest.id }]);
  });

  it('whose policy is to ignore it is recorded, and let go of by the next pass', async () => {
    const world = await worlds.create();
    const claim = await world.addGift({ status: 'pending' });
    const rules = { policy: { ...defaultPolicy, in_doubt: 'ignore' } } as const;
    expect((await reportOn(world, claim, { rules })).note).toContain('leave it alone');
    await world.runPass({ rules });
    expect(await world.discrepancies()).toMatchObject([{ resolution: 'ignored' }]);
  });
});
