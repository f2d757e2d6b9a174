/**
 * Markers whose row was never written: found in the open-claims index, settled by what the distributor says.
 */
import { describe, expect, it } from 'vitest';
import { encodeOpenClaim, openClaimsKey, type OpenClaim } from '../../src/domain/open-claim.ts';
import { defaultPolicy } from '../../src/domain/verdict.ts';
import { dayMs, graceMs } from './support/claim-tables.ts';
import { knownDistributor } from './support/known-distributor.ts';
import { useWorlds } from './support/use-world.ts';
import type { World } from './support/world.ts';

const worlds = useWorlds();
const index = openClaimsKey('own', 'gifts');

function openClaim(uid: number, changes: Partial<OpenClaim> = {}): OpenClaim {
  return {
    markerKey: `gift:${uid}`,
    markerValue: `lost-${uid}`,
    attempt: `lost-${uid}`,
    columns: { uid },
    expiresAtMs: Date.now() + dayMs,
    ...changes,
  };
}

/** What a crash after the first step leaves behind: marker and entry, `agoMs` old. */
async function crashAfterMarker(world: World, open: OpenClaim, agoMs = 2 * graceMs): Promise<void> {
  await world.redis.set(open.markerKey, open.markerValue, 'PX', dayMs);
  await listed(world, encodeOpenClaim(open), agoMs);
}

async function listed(world: World, member: string, agoMs = 2 * graceMs): Promise<void> {
  const [seconds] = await world.redis.time();
  await world.redis.zadd(index, Number(seconds) * 1000 - agoMs, member);
}

async function rowsOf(world: World): Promise<unknown[]> {
  const { rows } = await world.pool.query(
    'select uid::text, attempt_id, status, extract(epoch from expires_at) * 1000 > $1 as open from gift_claim order by id',
    [Date.now()],
  );
  return rows;
}

describe('a marker without a row', () => {
  it('goes when its attempt was not granted, and its entry with it', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    distributor.knows('lost-2', { kind: 'refused', reason: 'sold out' });
    for (const uid of [1, 2]) await crashAfterMarker(world, openClaim(uid));
    expect(await world.runPass({ distributor })).toMatchObject({
      checked: 2,
      verdicts: { rowless_marker: 2 },
      actions: { delete_marker: { applied: 2 } },
      open: 0,
    });
    for (const uid of [1, 2]) expect(await world.readMarker(`gift:${uid}`)).toBeNull();
    expect(await rowsOf(world)).toEqual([]);
    expect(await world.runPass({ distributor })).toMatchObject({ checked: 0, open: 0 });
    expect(await world.redis.zcard(index)).toBe(0);
    expect(distributor.grants).toEqual([]);
  });

  it('gets its row when its attempt was granted', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    distributor.knows('lost-7', { kind: 'granted' });
    await crashAfterMarker(world, openClaim(7));
    expect(await world.runPass({ distributor })).toMatchObject({
      actions: { write_claim: { applied: 1 } },
      open: 0,
    });
    expect(await rowsOf(world)).toEqual([{ uid: '7', attempt_id: 'lost-7', status: 'granted', open: true }]);
    expect(await world.readMarker('gift:7')).toMatchObject({ value: 'lost-7' });
    expect(await world.runPass({ distributor })).toMatchObject({ verdicts: { consistent: 1 }, open: 0 });
    expect(await world.redis.zcard(index)).toBe(0);
  });

  it('is left alone within its grace period', async () => {
    const world = await worlds.create();
    await crashAfterMarker(world, openClaim(1), -60_000);
    expect(await world.runPass({ distributor: knownDistributor() })).toMatchObject({ checked: 0, open: 0 });
    expect(await world.readMarker('gift:1')).not.toBeNull();
    expect(await world.redis.zcard(index)).toBe(1);
  });

  it('stays when nobody answers or can be asked, and keeps its backoff', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    distributor.goAway(true);
    await crashAfterMarker(world, openClaim(1));
    expect(await world.runPass({ distributor })).toMatchObject({ open: 1, verdicts: { rowless_marker: 1 } });
    expect(await world.runPass({ distributor })).toMatchObject({ open: 1, verdicts: { rowless_marker: 0 } });
    expect(distributor.asked).toEqual(['lost-1']);
    await world.makeDue();
    await world.runPass();
    expect(await world.alerts()).toMatchObject([
      { kind: 'rowless_marker', summary: expect.stringContaining('marker gift:1') },
    ]);
    expect(await world.readMarker('gift:1')).not.toBeNull();

    distributor.goAway(false);
    await world.makeDue();
    await world.runPass({ distributor });
    expect(await world.readMarker('gift:1')).toBeNull();
    expect(await world.alerts()).toMatchObject([{ kind: 'rowless_marker', state: 'resolved' }]);
  });

  it('that the policy ignores stays as it is, and is not put on record by every pass', async () => {
    const world = await worlds.create();
    await crashAfterMarker(world, openClaim(1));
    const rules = { policy: { ...defaultPolicy, rowless_marker: 'ignore' } } as const;
    for (let passes = 0; passes < 3; passes += 1)
      await world.runPass({ distributor: knownDistributor(), rules });
    expect(await world.discrepancies()).toEqual([]);
    expect(await world.readMarker('gift:1')).not.toBeNull();
  });

  it('goes when its attempt made a claim for another thing, without anybody being asked', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const claim = await world.addGift({ uid: 1, attempt: 'lost-5' });
    await world.setMarker(claim);
    distributor.knows('lost-5', { kind: 'granted' });
    await crashAfterMarker(world, openClaim(5));
    expect(await world.runPass({ distributor })).toMatchObject({
      actions: { delete_marker: { applied: 1 } },
      open: 0,
    });
    expect(await world.readMarker('gift:5')).toBeNull();
    expect(await world.readMarker(claim.key)).toMatchObject({ value: 'lost-5' });
    expect(distributor.asked).toEqual([]);
    await world.runPass({ distributor });
    expect(await world.redis.zcard(index)).toBe(0);
  });

  it('of a granted attempt, while another claim holds the thing, is a double grant', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const winner = await world.addGift({ uid: 3 });
    distributor.knows('lost-3', { kind: 'granted' });
    await crashAfterMarker(world, openClaim(3));
    await world.runPass({ distributor, rules: { policy: policyWith('ignore') } });
    const [alert] = await world.alerts();
    expect(alert).toMatchObject({ kind: 'double_grant', severity: 'critical' });
    expect(alert?.summary).toContain(`claim ${winner.id}`);
  });
});

function policyWith(conflicts: 'ignore' | 'repair') {
  return {
    missing_marker: 'repair',
    immortal_marker: 'repair',
    wrong_expiry: 'repair',
    conflicting_marker: conflicts,
    in_doubt: 'repair',
    orphan_marker: 'repair',
    rowless_marker: 'repair',
    unreadable_marker: 'alert',
    unreadable_claim: 'alert',
  } as const;
}

describe('an entry of the index', () => {
  it('is forgotten once its row is there, or its marker is gone or taken by another attempt', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const claim = await world.addGift({ uid: 1, attempt: 'lost-1', status: 'pending' });
    await crashAfterMarker(world, openClaim(1));
    await crashAfterMarker(world, openClaim(2));
    await world.redis.del('gift:2');
    await crashAfterMarker(world, openClaim(3));
    await world.redis.set('gift:3', 'newer', 'PX', dayMs);
    distributor.knows(claim.attempt, { kind: 'granted' });
    expect(await world.runPass({ distributor })).toMatchObject({
      verdicts: { rowless_marker: 0, in_doubt: 1 },
      open: 0,
    });
    expect(await world.redis.zcard(index)).toBe(0);
    expect(await world.readMarker('gift:3')).toMatchObject({ value: 'newer' });
  });

  it('that another program wrote is left alone and told to people', async () => {
    const world = await worlds.create();
    await listed(world, 'gift:1|lost-1');
    await world.runPass({ distributor: knownDistributor() });
    expect(await world.redis.zcard(index)).toBe(1);
    expect(await world.alerts()).toMatchObject([{ kind: 'open_claims_index', state: 'open' }]);
    await world.redis.del(index);
    await world.runPass({ distributor: knownDistributor() });
    expect(await world.alerts()).toMatchObject([{ kind: 'open_claims_index', state: 'resolved' }]);
  });

  it('stays in observe mode, where nothing is changed', async () => {
    const world = await worlds.create();
    await crashAfterMarker(world, openClaim(1));
    await world.redis.del('gift:1');
    await world.runPass({ distributor: knownDistributor(), rules: { mode: 'observe' } });
    expect(await world.redis.zcard(index)).toBe(1);
  });

  it('is found among many, page by page', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    distributor.goAway(true);
    for (let uid = 1; uid <= 1_201; uid += 1) await crashAfterMarker(world, openClaim(uid));
    expect(await world.runPass({ distributor })).toMatchObject({ open: 1_201 });
  });
});

describe('an attempt that holds the marker of a granted claim', () => {
  it('is asked about before its marker is replaced', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const claim = await world.addGift();
    await world.setMarker(claim, { value: 'stranger' });
    distributor.knows('stranger', { kind: 'granted' });
    await world.runPass({ distributor });
    const [alert] = await world.alerts();
    expect(alert).toMatchObject({ kind: 'double_grant', severity: 'critical' });
    expect(alert?.summary).toContain('which has no row');
    expect(await world.readMarker(claim.key)).toMatchObject({ value: 'stranger' });

    distributor.knows('stranger', { kind: 'refused', reason: 'sold out' });
    await world.letHoursPass();
    await world.runPass({ distributor });
    expect(await world.readMarker(claim.key)).toMatchObject({ value: claim.attempt });
  });
});
