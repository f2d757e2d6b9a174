/**
 * Claims in doubt: pending past their grace period, settled by what the distributor says, row and marker.
 */
import { describe, expect, it } from 'vitest';
import type { Distributor } from '../../src/domain/distributor.ts';
import { waitFor } from '../support/wait-for.ts';
import { knownDistributor } from './support/known-distributor.ts';
import { useWorlds } from './support/use-world.ts';
import type { Gift, World } from './support/world.ts';

const worlds = useWorlds();

async function statusOf(world: World, { id }: Pick<Gift, 'id'>): Promise<string | undefined> {
  const { rows } = await world.pool.query<{ status: string }>('select status from gift_claim where id = $1', [
    id,
  ]);
  return rows[0]?.status;
}

describe('a claim in doubt that the distributor granted', () => {
  it('is settled to granted, and its marker is set', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const claim = await world.addGift({ status: 'pending' });
    distributor.knows(claim.attempt, { kind: 'granted' });
    expect(await world.runPass({ distributor })).toMatchObject({
      verdicts: { in_doubt: 1 },
      actions: { settle_granted: { applied: 1 } },
      open: 0,
    });
    expect(await statusOf(world, claim)).toBe('granted');
    expect(await world.readMarker(claim.key)).toMatchObject({ value: claim.attempt });
    const marker = await world.readMarker(claim.key);
    expect(Math.abs((marker?.expiresAtMs ?? 0) - claim.expiresAtMs)).toBeLessThan(5_000);
    expect(await world.repairs()).toMatchObject([{ action: 'settle_granted', outcome: 'applied' }]);
    expect(await world.runPass({ distributor })).toMatchObject({ verdicts: { consistent: 1 }, open: 0 });
    expect(distributor.grants).toEqual([]);
  });

  it('keeps the marker that it has, and an immortal one gets its expiry', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const claim = await world.addGift({ status: 'pending' });
    await world.setMarker(claim, { expiresInMs: null });
    distributor.knows(claim.attempt, { kind: 'granted' });
    await world.runPass({ distributor });
    const marker = await world.readMarker(claim.key);
    expect(Math.abs((marker?.expiresAtMs ?? 0) - claim.expiresAtMs)).toBeLessThan(5_000);
  });
});

describe('a claim in doubt that a person settles in the table', () => {
  it('is closed by the pass that reads it, with its alert, and not when its next look comes; others wait on', async () => {
    const world = await worlds.create();
    const [claim, other] = [
      await world.addGift({ status: 'pending' }),
      await world.addGift({ status: 'pending' }),
    ];
    expect(await world.runPass()).toMatchObject({ verdicts: { in_doubt: 2 }, open: 2 });
    expect(await world.runPass()).toMatchObject({ checked: 0, open: 2 });
    await world.setMarker(claim);
    await world.setGiftStatus(claim, 'granted');
    expect(await world.runPass()).toMatchObject({ verdicts: { consistent: 1 }, open: 1 });
    expect(await world.discrepancies()).toMatchObject([
      { claimId: claim.id, state: 'resolved', resolution: 'went_away' },
      { claimId: other.id, state: 'open' },
    ]);
    const { rows } = await world.pool.query<{ checks: number }>(
      'select checks from reconciler.discrepancy where claim_id = $1',
      [other.id],
    );
    expect(rows).toEqual([{ checks: 1 }]);
  });
});

describe('a claim in doubt that was refused', () => {
  it('is settled to released, then its marker goes', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const claim = await world.addGift({ status: 'pending' });
    await world.setMarker(claim);
    distributor.knows(claim.attempt, { kind: 'refused', reason: 'sold out' });
    expect(await world.runPass({ distributor })).toMatchObject({
      actions: { settle_released: { applied: 1 } },
      open: 0,
    });
    expect(await statusOf(world, claim)).toBe('failed');
    expect(await world.readMarker(claim.key)).toBeNull();
    expect(await world.runPass({ distributor })).toMatchObject({ open: 0, repairs: { applied: 0 } });
  });

  it("leaves another attempt's marker alone", async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const claim = await world.addGift({ status: 'pending' });
    await world.setMarker(claim, { value: 'newer' });
    distributor.knows(claim.attempt, { kind: 'refused', reason: 'sold out' });
    await world.runPass({ distributor });
    expect(await statusOf(world, claim)).toBe('failed');
    expect(await world.readMarker(claim.key)).toMatchObject({ value: 'newer' });
  });
});

describe('a claim in doubt of which the distributor knows nothing', () => {
  it('is granted again under the same key, and never under another', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const claim = await world.addGift({ status: 'pending' });
    expect(await world.runPass({ distributor })).toMatchObject({
      actions: { grant_again: { applied: 1 } },
      open: 0,
    });
    expect(distributor.granted).toEqual([claim.attempt]);
    expect(distributor.grants).toMatchObject([
      {
        attempt: claim.attempt,
        markerKey: claim.key,
        claim: { attempt_id: claim.attempt, status: 'pending' },
      },
    ]);
    expect(await statusOf(world, claim)).toBe('granted');
    expect(await world.readMarker(claim.key)).toMatchObject({ value: claim.attempt });
  });

  it('is settled to released where the policy says so', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const claim = await world.addGift({ status: 'pending' });
    await world.setMarker(claim);
    await world.runPass({ distributor, rules: { notGranted: 'release' } });
    expect(await statusOf(world, claim)).toBe('failed');
    expect(await world.readMarker(claim.key)).toBeNull();
    expect(distributor.grants).toEqual([]);
  });

  it('is not granted where another claim for the same thing was: it is settled to released', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const claim = await world.addGift({ uid: 1, status: 'pending' });
    const winner = await world.addGift({ uid: 1 });
    await world.setMarker(winner);
    await world.runPass({ distributor });
    expect(await statusOf(world, claim)).toBe('failed');
    expect(await world.readMarker(winner.key)).toMatchObject({ value: winner.attempt });
    expect(distributor.grants).toEqual([]);
  });

  it('takes its turn: of two for one thing the first is granted, then the other is released', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const first = await world.addGift({ uid: 1, status: 'pending' });
    const second = await world.addGift({ uid: 1, status: 'pending' });
    await world.runPass({ distributor });
    await world.makeDue();
    await world.runPass({ distributor });
    expect([await statusOf(world, first), await statusOf(world, second)]).toEqual(['granted', 'failed']);
    expect(distributor.granted).toEqual([first.attempt]);
    expect(await world.readMarker(first.key)).toMatchObject({ value: first.attempt });
  });
});

describe('a claim in doubt whose attempt and another were both granted', () => {
  it('is a double grant, told as critical with both rows', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const claim = await world.addGift({ uid: 1, status: 'pending' });
    const other = await world.addGift({ uid: 1 });
    await world.setMarker(other);
    distributor.knows(claim.attempt, { kind: 'granted' });
    await world.runPass({ distributor });
    const [alert] = await world.alerts();
    expect(alert).toMatchObject({ kind: 'double_grant', severity: 'critical', state: 'open' });
    expect(alert?.summary).toContain(`claim ${claim.id}`);
    expect(alert?.summary).toContain(`claim ${other.id}`);
    expect(await statusOf(world, claim)).toBe('pending');
  });
});

describe('a distributor that does not answer', () => {
  it('changes nothing: looked at again with backoff, then told to people, settled when it answers', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const claim = await world.addGift({ status: 'pending' });
    await world.setMarker(claim);
    distributor.goAway(true);
    expect(await world.runPass({ distributor })).toMatchObject({ open: 1, repairs: { applied: 0 } });
    expect(await world.alerts()).toEqual([]);
    for (let looks = 0; looks < 5; looks += 1) {
      await world.makeDue();
      await world.runPass({ distributor });
    }
    expect(await world.alerts()).toMatchObject([{ kind: 'in_doubt', state: 'open' }]);
    expect(await statusOf(world, claim)).toBe('pending');
    expect(await world.readMarker(claim.key)).toMatchObject({ value: claim.attempt });
    expect(await world.repairs()).toEqual([]);

    distributor.goAway(false);
    distributor.knows(claim.attempt, { kind: 'granted' });
    await world.makeDue();
    await world.runPass({ distributor });
    expect(await statusOf(world, claim)).toBe('granted');
    expect(await world.alerts()).toMatchObject([{ kind: 'in_doubt', state: 'resolved' }]);
  });

  it('is not asked about each of many claims: after some without an answer the pass goes on without it', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    for (let at = 0; at < 40; at += 1) await world.addGift({ status: 'pending' });
    distributor.goAway(true);
    expect(await world.runPass({ distributor })).toMatchObject({ outcome: 'completed', open: 40 });
    expect(distributor.asked).toHaveLength(8);
  });

  it('that answers a look but not the grant leaves the claim in doubt, and its repair as failed', async () => {
    const world = await worlds.create();
    const claim = await world.addGift({ status: 'pending' });
    const distributor: Distributor = {
      lookup: async () => ({ kind: 'not_granted' }),
      grant: async () => ({ kind: 'unknown', reason: 'the answer was lost' }),
    };
    expect(await world.runPass({ distributor })).toMatchObject({ open: 1, repairs: { failed: 1 } });
    expect(await statusOf(world, claim)).toBe('pending');
    expect(await world.repairs()).toMatchObject([
      { action: 'grant_again', outcome: 'failed', note: expect.stringContaining('the answer was lost') },
    ]);
    expect(await world.alerts()).toMatchObject([
      { kind: 'repair_failed', state: 'open', summary: expect.stringContaining('the answer was lost') },
    ]);
    await world.makeDue();
    const settled = knownDistributor();
    await world.runPass({ distributor: settled });
    expect(settled.granted).toEqual([claim.attempt]);
    expect(await world.alerts()).toMatchObject([{ kind: 'repair_failed', state: 'resolved' }]);
  });
});

describe('a stop while the distributor is asked', () => {
  it('ends the pass at once, with nothing changed', async () => {
    const world = await worlds.create();
    const claim = await world.addGift({ status: 'pending' });
    const stop = new AbortController();
    const distributor: Distributor = {
      lookup: async () => {
        stop.abort(new Error('SIGTERM received'));
        return new Promise(() => undefined);
      },
      grant: async () => ({ kind: 'unknown', reason: 'not asked' }),
    };
    expect(await world.runPass({ distributor, signal: stop.signal })).toMatchObject({
      outcome: 'stopped',
      reason: 'SIGTERM received',
      repairs: { applied: 0 },
    });
    expect(await statusOf(world, claim)).toBe('pending');
  });
});

describe('what the application does meanwhile', () => {
  it('wins: a claim that it settled between look and change is left as it is', async () => {
    const world = await worlds.create();
    const claim = await world.addGift({ status: 'pending' });
    const distributor: Distributor = {
      lookup: async () => {
        await world.setGiftStatus(claim, 'granted');
        return { kind: 'refused', reason: 'late' };
      },
      grant: async () => ({ kind: 'unknown', reason: 'not asked' }),
    };
    expect(await world.runPass({ distributor })).toMatchObject({ repairs: { applied: 0, superseded: 1 } });
    expect(await statusOf(world, claim)).toBe('granted');
  });
});

describe('a pass that takes over while the distributor is still asked to grant', () => {
  it('waits for that grant, so that the journal says what came of it', async () => {
    const world = await worlds.create();
    const claim = await world.addGift({ status: 'pending' });
    let answer = (): void => undefined;
    const distributor: Distributor = {
      lookup: async () => ({ kind: 'not_granted' }),
      grant: async () => new Promise((resolve) => (answer = () => resolve({ kind: 'granted' }))),
    };
    const first = world.runPass({ distributor });
    await waitFor(async () => (await world.repairs()).length === 1, { what: 'the journal row of the grant' });
    await world.breakLease();
    const second = world.runPassNow({ distributor });
    // Longer than a change of a marker takes: as the second pass would have waited for that.
    const slow = setTimeout(() => answer(), 1_500);
    await Promise.all([first, second]);
    clearTimeout(slow);
    expect(await statusOf(world, claim)).toBe('granted');
    expect(await world.repairs()).toMatchObject([{ action: 'grant_again', outcome: 'applied' }]);
  });
});

describe('observe mode', () => {
  it('asks, tells people, and changes no row', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const claim = await world.addGift({ status: 'pending' });
    distributor.knows(claim.attempt, { kind: 'granted' });
    await world.runPass({ distributor, rules: { mode: 'observe' } });
    expect(await statusOf(world, claim)).toBe('pending');
    expect(await world.alerts()).toMatchObject([{ kind: 'in_doubt' }]);
    expect(distributor.grants).toEqual([]);
  });
});
