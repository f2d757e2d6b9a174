/**
 * Of claims for one thing at most one is granted, also in a table without a unique index, and whatever the application does
 * while a pass settles them: what was handed out to another, or may be right now, keeps an attempt from being granted again.
 */
import { describe, expect, it } from 'vitest';
import type { Distributor } from '../../src/domain/distributor.ts';
import { encodeOpenClaim, openClaimsKey } from '../../src/domain/open-claim.ts';
import { dayMs, graceMs } from './support/claim-tables.ts';
import { before } from './support/intercept.ts';
import { knownDistributor } from './support/known-distributor.ts';
import { useWorlds } from './support/use-world.ts';
import type { World } from './support/world.ts';

const worlds = useWorlds();
/** The row that the distributor is told of, read right before it is asked to grant again. */
const readsRowToGrant = /from \S+"gift_claim" as claim/;

async function statuses(world: World): Promise<string[]> {
  const { rows } = await world.pool.query<{ status: string }>('select status from gift_claim order by id');
  return rows.map(({ status }) => status);
}

describe('a claim that the application cancels while it is about to be granted again', () => {
  it('is not granted any more', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const claim = await world.addGift({ status: 'pending' });
    const pool = before(world.pool, readsRowToGrant, 1, async () => world.setGiftStatus(claim, 'revoked'));
    expect(await world.runPass({ distributor, pool })).toMatchObject({
      actions: { grant_again: { superseded: 1 } },
    });
    expect(distributor.grants).toEqual([]);
    expect(await statuses(world)).toEqual(['revoked']);
  });

  it('is on record as granted, with its marker, if it was handed out all the same', async () => {
    const world = await worlds.create();
    const claim = await world.addGift({ status: 'pending' });
    const known = knownDistributor();
    const distributor: Distributor = {
      lookup: async (attempt, signal) => known.lookup(attempt, signal),
      grant: async (grant, signal) => {
        await world.setGiftStatus(claim, 'revoked');
        return known.grant(grant, signal);
      },
    };
    expect(await world.runPass({ distributor })).toMatchObject({ actions: { grant_again: { applied: 1 } } });
    expect(known.granted).toEqual([claim.attempt]);
    expect(await statuses(world)).toEqual(['granted']);
    expect(await world.readMarker(claim.key)).toMatchObject({ value: claim.attempt });
  });

  it('and whose thing somebody else claimed in that moment is told as failed, with the reason', async () => {
    const world = await worlds.create();
    await world.pool.query(
      `create unique index gift_live on gift_claim (uid) where status in ('pending', 'granted')`,
    );
    const claim = await world.addGift({ uid: 1, status: 'pending' });
    const known = knownDistributor();
    const distributor: Distributor = {
      lookup: async (attempt, signal) => known.lookup(attempt, signal),
      grant: async (grant, signal) => {
        await world.setGiftStatus(claim, 'revoked');
        await world.addGift({ uid: 1 });
        return known.grant(grant, signal);
      },
    };
    await world.runPass({ distributor });
    expect(await statuses(world)).toEqual(['revoked', 'granted']);
    expect(await world.alerts()).toMatchObject([
      { kind: 'repair_failed', summary: expect.stringContaining('handed out') },
    ]);
  });
});

describe('without a unique index, a claim in doubt is not granted again', () => {
  it('while a later pending one was granted already: that one keeps the thing', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    await world.addGift({ uid: 1, status: 'pending' });
    const later = await world.addGift({ uid: 1, status: 'pending' });
    await world.setMarker(later);
    distributor.knows(later.attempt, { kind: 'granted' });
    await world.runPass({ distributor });
    expect(distributor.granted).toEqual([]);
    expect(await statuses(world)).toEqual(['failed', 'granted']);
    expect(await world.readMarker(later.key)).toMatchObject({ value: later.attempt });
  });

  it('while nobody says what became of a later one', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    await world.addGift({ uid: 1, status: 'pending' });
    const later = await world.addGift({ uid: 1, status: 'pending' });
    distributor.knows(later.attempt, { kind: 'unknown', reason: 'in progress' });
    await world.runPass({ distributor });
    expect(distributor.granted).toEqual([]);
    expect(await statuses(world)).toEqual(['pending', 'pending']);
  });

  it('while a claim for the same thing cannot be read', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    await world.addGift({ uid: 1, status: 'pending' });
    const other = await world.addGift({ uid: 1 });
    await world.pool.query('update gift_claim set expires_at = null where id = $1', [other.id]);
    await world.runPass({ distributor });
    expect(distributor.granted).toEqual([]);
    expect((await world.alerts()).map(({ kind }) => kind).toSorted()).toEqual([
      'in_doubt',
      'unreadable_claim',
    ]);
  });

  it('after its window, when somebody else was granted the thing since', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    await world.addGift({ uid: 1, status: 'pending', expiresInMs: -dayMs });
    await world.addGift({ uid: 1, expiresInMs: -1_000 });
    await world.runPass({ distributor });
    expect(distributor.granted).toEqual([]);
    expect(await statuses(world)).toEqual(['failed', 'granted']);
  });
});

describe('a claim in doubt whose marker another attempt holds', () => {
  it('is released if that one was granted, whose row is written then', async () => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const claim = await world.addGift({ uid: 1, status: 'pending' });
    await world.setMarker(claim, { value: 'rowless' });
    const open = { markerKey: claim.key, markerValue: 'rowless', attempt: 'rowless', columns: { uid: 1 } };
    const [seconds] = await world.redis.time();
    const member = encodeOpenClaim({ ...open, expiresAtMs: Date.now() + dayMs });
    await world.redis.zadd(openClaimsKey('own', 'gifts'), Number(seconds) * 1000 - 2 * graceMs, member);
    distributor.knows('rowless', { kind: 'granted' });
    await world.runPass({ distributor });
    await world.makeDue();
    await world.runPass({ distributor });
    expect(distributor.granted).toEqual([]);
    expect(await statuses(world)).toEqual(['failed', 'granted']);
  });
});
