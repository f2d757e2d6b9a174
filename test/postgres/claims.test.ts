/**
 * Single claims read in full: what is understood, what is not and why, and who else is on a marker.
 */
import { describe, expect, it } from 'vitest';
import type { ClaimReading } from '../../src/domain/claim.ts';
import { findClaimsOnMarker, readClaims } from '../../src/postgres/claims.ts';
import { claimSql, insertClaims, useShopClaims, type ClaimRow } from './shop-claims.ts';
import type { Changes } from './shop-table.ts';

const shop = useShopClaims();

async function readOne(row: ClaimRow, changes: Changes = {}): Promise<ClaimReading | undefined> {
  await insertClaims(shop.pool(), [row]);
  return (await readClaims(shop.pool(), claimSql(changes), ['1'])).get('1');
}

describe('a claim', () => {
  it.each([
    ['pending', 'pending'],
    ['granted', 'granted'],
    ['failed', 'released'],
  ])('whose status is %s is %s, with key, value and window', async (word, status) => {
    const changeXid = await insertClaims(shop.pool(), [
      { status: word, expires_at: '2030-01-02T03:04:05.678Z' },
    ]);
    expect((await readClaims(shop.pool(), claimSql(), ['1'])).get('1')).toEqual({
      kind: 'readable',
      id: '1',
      changeXid,
      status,
      attempt: 'a1',
      markerKey: 'gift:1',
      markerValue: 'a1',
      expiresAtMs: Date.UTC(2030, 0, 2, 3, 4, 5, 678),
    });
  });

  it('has no expected value where any will do, and a window counted from its beginning where so mapped', async () => {
    const changes: Changes = {
      value: null,
      columns: { expiry: { createdAt: 'expires_at', ttlMs: 30_000 } },
    };
    expect(await readOne({ expires_at: '2030-01-01T00:00:00Z' }, changes)).toMatchObject({
      markerValue: null,
      expiresAtMs: Date.UTC(2030, 0, 1) + 30_000,
    });
  });

  it.each<[string, ClaimRow, Changes, RegExp]>([
    ['an unknown status', { status: 'shipped' }, {}, /the status "shipped" is not in the mapping/],
    ['another spelling', { status: 'Granted' }, {}, /the status "Granted" is not in the mapping/],
    ['an empty status', { status: '' }, {}, /the status "" is not/],
    ['an unknown status and no window', { status: 'x', expires_at: null }, {}, /the status "x" is not/],
    ['no status', { status: null }, {}, /the status is null/],
    ['no attempt', { attempt_id: null }, {}, /attempt \("attempt_id"::text\) is null/],
    ['half a key', { uid: null }, {}, /column of the marker key is null/],
    ['no value', { note: null }, { value: '{note}' }, /column of the marker value is null/],
    ['no window', { expires_at: null }, {}, /granted, but when its window ends is null or infinite/],
    ['a window for ever', { expires_at: 'infinity' }, {}, /granted, but when its window ends/],
  ])('with %s is unreadable, and says why', async (_what, row, changes, reason) => {
    const found = await readOne(row, changes);
    expect(found).toMatchObject({ kind: 'unreadable', id: '1', reason: expect.stringMatching(reason) });
    expect(found).toMatchObject({ markerKey: row.uid === null ? null : 'gift:1' });
  });

  it.each(['pending', 'failed'])('that is %s needs no window', async (status) => {
    expect(await readOne({ status, expires_at: null })).toMatchObject({ kind: 'readable', expiresAtMs: 0 });
  });

  it('keeps odd text in key and value', async () => {
    const odd = 'a\t\n\\N "é漢😀{uid}%\u0001';
    const changes = { key: "it's:{note}:\\{{uid}}", value: '<{note}>' };
    expect(await readOne({ note: odd }, changes)).toMatchObject({
      markerKey: `it's:${odd}:\\{1}`,
      markerValue: `<${odd}>`,
    });
  });

  it('that is not there is no row; each id is answered once', async () => {
    await insertClaims(shop.pool(), [{}, {}]);
    const found = await readClaims(shop.pool(), claimSql(), ['2', '7', '2', '1']);
    expect([...found].map(([id, { kind }]) => [id, kind])).toEqual([
      ['2', 'readable'],
      ['7', 'no_row'],
      ['1', 'readable'],
    ]);
    expect(await readClaims(shop.pool(), claimSql(), [])).toEqual(new Map());
  });
});

describe('claims on one marker', () => {
  it('are found by the key, newest change first, no more than asked for', async () => {
    for (const uid of [7, 8, 7, 7]) await insertClaims(shop.pool(), [{ uid }]);
    await shop.ask(`update shop.claim set note = 'touched' where id = 1`);
    const marker = { key: 'gift:7', keyValues: new Map([['uid', '7']]) };
    expect(await findClaimsOnMarker(shop.pool(), claimSql(), marker, 10)).toEqual(['1', '4', '3']);
    expect(await findClaimsOnMarker(shop.pool(), claimSql(), marker, 2)).toEqual(['1', '4']);
    const other = { key: 'gift:9', keyValues: new Map([['uid', '9']]) };
    expect(await findClaimsOnMarker(shop.pool(), claimSql(), other, 10)).toEqual([]);
    // What was guessed of the columns does not outweigh the key itself.
    const wrong = { key: 'gift:8', keyValues: new Map([['uid', '7']]) };
    expect(await findClaimsOnMarker(shop.pool(), claimSql(), wrong, 10)).toEqual([]);
  });

  it('are none where the key names what cannot be a value of its column', async () => {
    await insertClaims(shop.pool(), [{ uid: 7 }]);
    for (const uid of ['', 'seven', '7.5', '9'.repeat(30), '7\u0000']) {
      const marker = { key: `gift:${uid}`, keyValues: new Map([['uid', uid]]) };
      expect(await findClaimsOnMarker(shop.pool(), claimSql(), marker, 10), uid).toEqual([]);
    }
  });
});
