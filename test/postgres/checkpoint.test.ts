/**
 * The checkpoint: moved only from where it is, only under the newest token, back only by a rewind; with the evidence of
 * where and when it was stored.
 */
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import type { Position } from '../../src/domain/claim.ts';
import { refusals } from '../../src/domain/validity.ts';
import {
  advanceCheckpoint,
  assertTerm,
  readCheckpoint,
  takeCheckpoint,
  type Checkpoint,
} from '../../src/postgres/checkpoint.ts';
import { inTransaction } from '../../src/postgres/connect.ts';
import { sampleHorizon } from '../../src/postgres/horizon.ts';
import { rewindAfterStoreChange, rewindCheckpoint } from '../../src/postgres/rewind-checkpoint.ts';
import { waitFor } from '../support/wait-for.ts';
import { claimSql, insertClaims, useShopClaims } from './shop-claims.ts';

const shop = useShopClaims();
const sql = claimSql();
const store = { runId: 'r1', replicationId: 'p1', flushes: 2 };
const start: Position = { changeXid: '0', id: null };
const fencedOut = {
  code: 'fenced_out',
  message: expect.stringContaining('taken over or moved by somebody else'),
};

async function take(fencingToken: string): Promise<void> {
  await takeCheckpoint(shop.pool(), sql, fencingToken, store);
}

async function advance(from: Position, to: Position, fencingToken: string): Promise<void> {
  await inTransaction(shop.pool(), async (client) =>
    advanceCheckpoint(client, sql, { from, to, fencingToken }),
  );
}

async function stored(): Promise<Checkpoint | null> {
  return (await readCheckpoint(shop.pool(), sql)).checkpoint;
}

async function reasons(): Promise<string[]> {
  const { checkpoint, database } = await readCheckpoint(shop.pool(), sql);
  return refusals(checkpoint?.database ?? null, database);
}

describe('taking the checkpoint', () => {
  it('begins at the beginning, and goes on from where it is', async () => {
    expect(await stored()).toBeNull();
    await take('3');
    expect(await stored()).toMatchObject({ position: start, markerStore: store, fencingToken: '3' });
    await advance(start, { changeXid: '9', id: '5' }, '3');
    await takeCheckpoint(shop.pool(), sql, '4', { ...store, runId: 'r2' });
    expect(await stored()).toMatchObject({
      position: { changeXid: '9', id: '5' },
      // Which Redis it was is known until somebody acts on the change.
      markerStore: store,
      fencingToken: '4',
    });
  });

  it('writes nothing a second time, and is refused under an older token', async () => {
    await take('10');
    const version = async (): Promise<unknown> =>
      (await shop.ask('select xmin from reconciler.checkpoint'))[0];
    const before = await version();
    await take('10');
    expect(await version()).toEqual(before);
    await expect(take('9')).rejects.toMatchObject(fencedOut);
    expect(await stored()).toMatchObject({ fencingToken: '10' });
  });

  it('at the same time by many goes to the newest token', async () => {
    const tokens = ['7', '12', '3', '9', '12', '11'];
    const outcomes = await Promise.allSettled(tokens.map(take));
    expect(await stored()).toMatchObject({ fencingToken: '12' });
    expect([outcomes[1]?.status, outcomes[4]?.status]).toEqual(['fulfilled', 'fulfilled']);
  });
});

describe('moving the checkpoint', () => {
  const there: Position = { changeXid: '9', id: '5' };

  it('is refused under an old token, and from where it is not any more', async () => {
    await take('1');
    await advance(start, there, '1');
    await take('2');
    await expect(advance(there, { changeXid: '10', id: '1' }, '1')).rejects.toMatchObject(fencedOut);
    await expect(advance(start, { changeXid: '10', id: '1' }, '2')).rejects.toMatchObject(fencedOut);
    await expect(advance({ ...there, id: null }, start, '2')).rejects.toMatchObject(fencedOut);
    expect(await stored()).toMatchObject({ position: there });
    await advance(there, { changeXid: '10', id: '1' }, '2');
    expect(await stored()).toMatchObject({ position: { changeXid: '10', id: '1' } });
  });

  it('is refused after a rewind in the meantime', async () => {
    await take('1');
    await advance(start, there, '1');
    expect(await rewindCheckpoint(shop.pool(), sql, { changeXid: '4', fencingToken: '1' })).not.toBeNull();
    await expect(advance(there, { changeXid: '10', id: '1' }, '1')).rejects.toMatchObject(fencedOut);
    expect(await stored()).toMatchObject({ position: { changeXid: '4', id: null } });
  });

  it('is undone together with what else its transaction wrote', async () => {
    await take('1');
    const failing = inTransaction(shop.pool(), async (client) => {
      await advanceCheckpoint(client, sql, { from: start, to: there, fencingToken: '1' });
      await client.query('select 1 / 0');
    });
    await expect(failing).rejects.toThrow('division by zero');
    expect(await stored()).toMatchObject({ position: start });
  });

  it('waits where a transaction has made sure of its term, so that a newer one begins only after it', async () => {
    await take('1');
    const order: string[] = [];
    let taking: Promise<void> | undefined;
    await inTransaction(shop.pool(), async (client) => {
      await assertTerm(client, sql.name, '1');
      taking = take('2').then(() => void order.push('taken'));
      await waitFor(async () => (await countWaiting()) > 0, { what: 'the newer term to wait' });
      order.push('committed');
    });
    await taking;
    expect(order).toEqual(['committed', 'taken']);
    await expect(assertTerm(shop.pool(), sql.name, '1')).rejects.toMatchObject(fencedOut);
    await expect(assertTerm(shop.pool(), 'no such source', '2')).rejects.toMatchObject(fencedOut);
  });

  async function countWaiting(): Promise<number> {
    const rows = await shop.ask(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return rows.length;
  }
});

describe('rewinding', () => {
  const there: Position = { changeXid: '90', id: '5' };

  it('goes back, never forward, and keeps the row reached where it is of the same transaction or earlier', async () => {
    await take('1');
    await advance(start, there, '1');
    const to = async (changeXid: string, fencingToken = '1'): Promise<string | null> =>
      rewindCheckpoint(shop.pool(), sql, { changeXid, fencingToken });
    expect(await to('100')).toBe(there.changeXid);
    expect(await stored()).toMatchObject({ position: there });
    expect(await to('90')).toBe('90');
    expect(await stored()).toMatchObject({ position: { changeXid: '90', id: null } });
    expect(await to('9', '5')).toBe('9');
    expect(await stored()).toMatchObject({ position: { changeXid: '9', id: null }, fencingToken: '5' });
    await expect(to('0', '4')).rejects.toMatchObject(fencedOut);
    expect(await stored()).toMatchObject({ position: { changeXid: '9', id: null }, fencingToken: '5' });
    expect(await to('0', '5')).toBe('0');
    expect(await stored()).toMatchObject({ position: start });
  });

  it('comes down to what this server has reached, and forgets the horizons of another', async () => {
    await sampleHorizon(shop.pool(), 0);
    await take('1');
    await advance(start, { changeXid: '99999999999', id: '5' }, '1');
    await rewindCheckpoint(shop.pool(), sql, { changeXid: '99999999999', fencingToken: '1' });
    const [{ horizon } = { horizon: '0' }] = await shop.ask<{ horizon: string }>(
      'select pg_snapshot_xmin(pg_current_snapshot())::text as horizon',
    );
    expect(BigInt((await stored())?.position.changeXid ?? '')).toBeLessThanOrEqual(BigInt(horizon));
    expect(await shop.ask('select from reconciler.horizon_sample')).toHaveLength(1);
    await shop.ask(`update reconciler.checkpoint set system_identifier = '9'`);
    await rewindCheckpoint(shop.pool(), sql, { changeXid: '0', fencingToken: '1' });
    expect(await shop.ask('select from reconciler.horizon_sample')).toEqual([]);
  });

  it('of a source that has no checkpoint does nothing', async () => {
    expect(await rewindCheckpoint(shop.pool(), sql, { changeXid: '0', fencingToken: '1' })).toBeNull();
  });

  it('after another Redis goes back to the horizon of that time, and notes which it is now', async () => {
    const { current } = await sampleHorizon(shop.pool(), 0);
    await shop.ask(`update reconciler.horizon_sample set sampled_at = sampled_at - interval '2 hours'`);
    await sampleHorizon(shop.pool(), 0);
    const beyond = { changeXid: String(BigInt(current) + 100n), id: '5' };
    await take('2');
    await advance(start, beyond, '2');
    const change = { markerStore: { runId: 'r2', replicationId: 'p2', flushes: 0 }, rewindMs: 3_600_000 };
    await expect(
      rewindAfterStoreChange(shop.pool(), sql, { ...change, fencingToken: '1' }),
    ).rejects.toMatchObject(fencedOut);
    expect(await stored()).toMatchObject({ position: beyond, markerStore: store });
    await rewindAfterStoreChange(shop.pool(), sql, { ...change, fencingToken: '2' });
    expect(await stored()).toMatchObject({
      position: { changeXid: current, id: null },
      markerStore: change.markerStore,
    });
    await rewindAfterStoreChange(shop.pool(), sql, { ...change, rewindMs: 1e9, fencingToken: '2' });
    expect(await stored()).toMatchObject({ position: start });
  });

  it('never goes forward after another Redis', async () => {
    await sampleHorizon(shop.pool(), 0);
    await take('1');
    await advance(start, { changeXid: '3', id: '4' }, '1');
    const change = { markerStore: { ...store, runId: 'r2' }, rewindMs: 0, fencingToken: '1' };
    await rewindAfterStoreChange(shop.pool(), sql, change);
    expect(await stored()).toMatchObject({
      position: { changeXid: '3', id: '4' },
      markerStore: { runId: 'r2' },
    });
  });
});

describe('the evidence', () => {
  it('agrees with the server that stored it', async () => {
    await insertClaims(shop.pool(), [{}]);
    expect(await reasons()).toEqual([]);
    await take('1');
    expect(await reasons()).toEqual([]);
    expect((await readCheckpoint(shop.pool(), sql)).database).toMatchObject({
      timeline: '00000001',
      systemIdentifier: expect.stringMatching(/^\d+$/),
      inRecovery: false,
    });
  });

  it.each([
    ['system_identifier', `'9'`, /another database cluster/],
    ['timeline', `'00000007'`, /timeline changed/],
    ['database_oid', '1', /database was recreated/],
    ['table_oid', '1', /table was recreated/],
    ['lsn', `'FFFFFF/0'`, /went back in time/],
    ['snapshot_xmax', `'9999999999'`, /transaction ids went backwards/],
  ])('disagrees by its %s, until a person rewinds', async (column, value, reason) => {
    await take('1');
    await shop.ask(`update reconciler.checkpoint set ${column} = ${value}`);
    expect(await reasons()).toEqual([expect.stringMatching(reason)]);
    await rewindCheckpoint(shop.pool(), sql, { changeXid: '0', fencingToken: '1' });
    expect(await reasons()).toEqual([]);
  });

  it('finds a row from a future that this server has not reached', async () => {
    await insertClaims(shop.pool(), [{}]);
    await inTransaction(shop.pool(), async (client: pg.PoolClient) => {
      await client.query('alter table shop.claim disable trigger stamp_change');
      await client.query(`update shop.claim set change_xid = '99999999999'`);
      await client.query('alter table shop.claim enable trigger stamp_change');
    });
    expect(await reasons()).toEqual([expect.stringContaining('dump and restore')]);
  });

  it('moves on with the checkpoint', async () => {
    await take('1');
    const read = async (): Promise<unknown> =>
      (await shop.ask(`select lsn, snapshot_xmax from reconciler.checkpoint`))[0];
    const before = await read();
    await insertClaims(shop.pool(), [{}]);
    await advance(start, { changeXid: '9', id: null }, '1');
    expect(await read()).not.toEqual(before);
  });
});
