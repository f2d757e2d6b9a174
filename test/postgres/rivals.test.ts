/**
 * Other claims for the same thing: those that hold a marker's value, and those that are live.
 */
import { describe, expect, it } from 'vitest';
import { lookUpLiveRivals, lookUpRivals } from '../../src/postgres/rivals.ts';
import { claimSql, insertClaims, nextXid, useShopClaims, type ClaimRow } from './shop-claims.ts';

const shop = useShopClaims();

const nobody = { rival: 'unknown', claimId: null };

describe('rivals', () => {
  const conflict = (value: string): { id: string; value: string }[] => [{ id: '1', value }];

  it.each([
    ['granted', 'granted'],
    ['pending', 'pending'],
    ['failed', 'released'],
    ['shipped', 'unreadable'],
  ])('whose row is %s are %s', async (status, rival) => {
    await insertClaims(shop.pool(), [
      { uid: 7 },
      { uid: 7, attempt_id: 'theirs', status },
      { uid: 8, attempt_id: 'elsewhere' },
      { uid: 7, attempt_id: 'third', status: 'granted' },
    ]);
    expect(await lookUpRivals(shop.pool(), claimSql(), conflict('theirs'))).toEqual(
      new Map([['1', { rival, claimId: '2' }]]),
    );
    for (const value of ['elsewhere', 'a1', 'nobody']) {
      expect(await lookUpRivals(shop.pool(), claimSql(), conflict(value))).toEqual(new Map([['1', nobody]]));
    }
  });

  it('of one value: the weightiest counts, granted first', async () => {
    const rows = ['failed', 'shipped', 'pending', 'granted'].map((status) => ({
      uid: 7,
      attempt_id: 'same',
      status,
    }));
    const changes = { value: '{attempt_id}' };
    const found: unknown[] = [];
    for (const upTo of [1, 2, 3, 4]) {
      await shop.ask('truncate shop.claim restart identity');
      await insertClaims(shop.pool(), [{ uid: 7, attempt_id: 'mine' }, ...rows.slice(0, upTo)]);
      found.push((await lookUpRivals(shop.pool(), claimSql(changes), conflict('same'))).get('1')?.rival);
    }
    expect(found).toEqual(['released', 'unreadable', 'pending', 'granted']);
  });

  it('are all others on the marker where any value will do', async () => {
    await insertClaims(shop.pool(), [{ uid: 7 }, { uid: 7, status: 'pending' }, { uid: 8 }]);
    const sql = claimSql({ value: null });
    expect(await lookUpRivals(shop.pool(), sql, conflict('whatever'))).toEqual(
      new Map([['1', { rival: 'pending', claimId: '2' }]]),
    );
  });

  it('are looked up for many claims at once', async () => {
    await insertClaims(shop.pool(), [{ uid: 7 }, { uid: 7, status: 'failed' }, { uid: 8 }, { uid: 9 }]);
    const asked = [
      { id: '1', value: 'a2' },
      { id: '2', value: 'a1' },
      { id: '3', value: 'a1' },
      { id: '99', value: 'a1' },
    ];
    expect(Object.fromEntries(await lookUpRivals(shop.pool(), claimSql(), asked))).toEqual({
      1: { rival: 'released', claimId: '2' },
      2: { rival: 'granted', claimId: '1' },
      3: nobody,
      99: nobody,
    });
    expect(await lookUpRivals(shop.pool(), claimSql(), [])).toEqual(new Map());
  });
});

describe('live rivals', () => {
  const nowMs = Date.UTC(2029, 0, 1);
  const over = '2028-01-01T00:00:00Z';
  const open = '2030-01-01T00:00:00Z';

  async function rivalsOf(ids: readonly string[], rows: readonly ClaimRow[]): Promise<object> {
    await insertClaims(shop.pool(), rows);
    const horizon = await nextXid(shop.pool());
    return Object.fromEntries(await lookUpLiveRivals(shop.pool(), claimSql(), ids, { nowMs, horizon }));
  }

  it('are granted claims whose window is open, and pending ones that were there before', async () => {
    const rows = [
      { uid: 7, status: 'pending' },
      { uid: 7, status: 'pending' },
      { uid: 7, status: 'failed', expires_at: open },
      { uid: 8, status: 'granted', expires_at: open },
      { uid: 8, status: 'pending' },
      { uid: 9, status: 'granted', expires_at: over },
      { uid: 9, status: 'pending' },
    ];
    expect(await rivalsOf(['1', '2', '5', '7', '99'], rows)).toEqual({
      1: { ...nobody, later: ['a2'] },
      2: { rival: 'pending', claimId: '1' },
      5: { rival: 'granted', claimId: '4' },
      7: nobody,
      99: nobody,
    });
  });

  it('are later pending ones too, while they may be on their way to the distributor', async () => {
    const horizon = await insertClaims(shop.pool(), [
      { uid: 7, status: 'pending' },
      { uid: 7, status: 'pending' },
    ]);
    const found = await lookUpLiveRivals(shop.pool(), claimSql(), ['1'], { nowMs, horizon });
    expect(Object.fromEntries(found)).toEqual({ 1: { rival: 'pending', claimId: '2' } });
  });

  it('are rows that cannot be read, and granted ones whose window ended after the own', async () => {
    const rows = [
      { uid: 7, status: 'pending', expires_at: open },
      { uid: 7, status: 'shipped' },
      { uid: 8, status: 'pending', expires_at: '2027-01-01T00:00:00Z' },
      { uid: 8, status: 'granted', expires_at: over },
    ];
    expect(await rivalsOf(['1', '3'], rows)).toEqual({
      1: { rival: 'unreadable', claimId: '2' },
      3: { rival: 'granted', claimId: '4' },
    });
  });

  it('are asked for by nobody', async () => {
    expect(await rivalsOf([], [{ uid: 7 }])).toEqual({});
  });
});
