/**
 * Horizons on a server of their own, since any transaction on a server holds its horizon: never beyond an open
 * transaction, never younger than the grace period.
 */
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  readDatabaseTime,
  horizonAgo,
  sampleHorizon,
  thinHorizonSamples,
} from '../../src/postgres/horizon.ts';
import { waitFor } from '../support/wait-for.ts';
import { insertClaims, useShopClaims } from './shop-claims.ts';

const shop = useShopClaims({ ownServer: true });

async function openTransaction(url = shop.url()): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(async () => client.end());
  await client.query('begin');
  return client;
}

async function xidOf(client: pg.Client): Promise<bigint> {
  const { rows } = await client.query<{ xid: string }>('select pg_current_xact_id()::text as xid');
  return BigInt(rows[0]?.xid ?? '');
}

/** Makes all samples older, as if that much time had passed. */
async function letPass(seconds: number): Promise<void> {
  await shop.ask(`update reconciler.horizon_sample set sampled_at = sampled_at - $1 * interval '1 second'`, [
    seconds,
  ]);
}

async function current(): Promise<bigint> {
  return BigInt((await sampleHorizon(shop.pool(), 0)).current);
}

describe('the horizon', () => {
  it('passes a transaction only after it has ended, however it ends', async () => {
    for (const ending of ['commit', 'rollback']) {
      const client = await openTransaction();
      const xid = await xidOf(client);
      await insertClaims(shop.pool(), [{}]);
      expect(await current()).toBe(xid);
      await client.query(ending);
      expect(await current()).toBeGreaterThan(xid);
    }
  });

  it.each([
    ['in another database', 'select pg_current_xact_id()', true],
    ['that only locks rows', 'select from shop.claim for update', false],
    ['with a temporary table', 'create temp table t (n int)', false],
    ['inside a savepoint only', 'savepoint s; insert into shop.claim (uid) values (1)', false],
  ])('waits for a transaction %s', async (_what, sql, elsewhere) => {
    await insertClaims(shop.pool(), [{}]);
    const client = await openTransaction(elsewhere ? shop.otherUrl() : undefined);
    await client.query(sql);
    const held = await current();
    await insertClaims(shop.pool(), [{}]);
    await insertClaims(shop.pool(), [{}]);
    expect(await current()).toBe(held);
    await client.query('rollback');
    expect(await current()).toBeGreaterThan(held);
  });

  it('is not held by who only reads', async () => {
    const reader = await openTransaction();
    await reader.query('set transaction isolation level repeatable read; select from shop.claim');
    const before = await current();
    await insertClaims(shop.pool(), [{}]);
    expect(await current()).toBeGreaterThan(before);
  });

  it('waits for a prepared transaction', async () => {
    const client = await openTransaction();
    const xid = await xidOf(client);
    await client.query(`prepare transaction 'left behind'`);
    await insertClaims(shop.pool(), [{}]);
    expect(await current()).toBe(xid);
    await shop.ask(`rollback prepared 'left behind'`);
    expect(await current()).toBeGreaterThan(xid);
  });

  it('is not held by its own sampling', async () => {
    const [first, second] = [await current(), await current()];
    expect(second).toBeGreaterThan(first);
  });
});

describe('the settled horizon', () => {
  const graceMs = 60_000;

  it('is the newest that was sampled a grace period ago; until there is one it says how long to wait', async () => {
    const none = await sampleHorizon(shop.pool(), graceMs);
    expect(none).toMatchObject({ settled: null, readyInMs: graceMs });
    await letPass(30);
    const half = await sampleHorizon(shop.pool(), graceMs);
    expect(half.settled).toBeNull();
    expect(half.readyInMs).toBeLessThanOrEqual(30_000);
    expect(half.readyInMs).toBeGreaterThan(0);
    await letPass(30);
    const ready = await sampleHorizon(shop.pool(), graceMs);
    expect(ready).toMatchObject({ settled: { horizon: none.current }, readyInMs: 0 });
    expect(ready.settled?.ageMs).toBeGreaterThanOrEqual(graceMs);
    await letPass(30);
    expect((await sampleHorizon(shop.pool(), graceMs)).settled?.horizon).toBe(half.current);
  });

  it('leaves a row alone that was committed within the grace period, though it was begun long before', async () => {
    await sampleHorizon(shop.pool(), graceMs);
    const client = await openTransaction();
    const xid = await xidOf(client);
    await insertClaims(client, [{}]);
    await sampleHorizon(shop.pool(), graceMs);
    await letPass(1_000);
    await sampleHorizon(shop.pool(), graceMs);
    await client.query('commit');
    const committed = await sampleHorizon(shop.pool(), graceMs);
    expect(BigInt(committed.settled?.horizon ?? '')).toBeLessThanOrEqual(xid);
    await letPass(60);
    const later = await sampleHorizon(shop.pool(), graceMs);
    expect(BigInt(later.settled?.horizon ?? '')).toBeGreaterThan(xid);
  });

  it('is never taken from samples of another history, which name transactions that have not begun here', async () => {
    await sampleHorizon(shop.pool(), graceMs);
    await letPass(120);
    await shop.ask(
      `insert into reconciler.horizon_sample (sampled_at, horizon, snapshot_xmax)
       values (clock_timestamp() - interval '100 s', '99999999998', '99999999999')`,
    );
    const [own] = await shop.ask<{ horizon: string }>(
      'select min(horizon::text::bigint)::text as horizon from reconciler.horizon_sample',
    );
    expect((await sampleHorizon(shop.pool(), graceMs)).settled?.horizon).toBe(own?.horizon);
    expect(await horizonAgo(shop.pool(), graceMs)).toBe(own?.horizon);
  });

  it('without a grace period is the last sample', async () => {
    const before = await sampleHorizon(shop.pool(), 0);
    expect(before).toMatchObject({ settled: null });
    expect(before.readyInMs).toBeGreaterThan(0);
    expect((await sampleHorizon(shop.pool(), 0)).settled?.horizon).toBe(before.current);
  });

  it('tells for how long a transaction has been holding it, and nothing where none does', async () => {
    expect((await sampleHorizon(shop.pool(), graceMs)).heldForMs).toBe(0);
    const client = await openTransaction();
    await xidOf(client);
    await sampleHorizon(shop.pool(), graceMs);
    await letPass(300);
    await insertClaims(shop.pool(), [{}]);
    expect((await sampleHorizon(shop.pool(), graceMs)).heldForMs).toBeGreaterThanOrEqual(300_000);
    await client.query('rollback');
    expect((await sampleHorizon(shop.pool(), graceMs)).heldForMs).toBe(0);
  });
});

describe('old samples', () => {
  it('tell where to go back to, and before them is the beginning', async () => {
    expect(await horizonAgo(shop.pool(), 0)).toBe('0');
    const first = await sampleHorizon(shop.pool(), 0);
    await letPass(100);
    const second = await sampleHorizon(shop.pool(), 0);
    await letPass(100);
    expect(await horizonAgo(shop.pool(), 150_000)).toBe(first.current);
    expect(await horizonAgo(shop.pool(), 50_000)).toBe(second.current);
    expect(await horizonAgo(shop.pool(), 250_000)).toBe('0');
  });

  it('are thinned: all of an hour, the first of each minute of a week, none before', async () => {
    await shop.ask(
      `insert into reconciler.horizon_sample (sampled_at, horizon, snapshot_xmax)
       select date_trunc('minute', clock_timestamp()) - ago::interval, '5', '6'
       from unnest($1::text[]) ago`,
      [
        [
          '8 days',
          '7 days 1 hour',
          '6 days',
          '6 days -10 s',
          '6 days -20 s',
          '2 hours',
          '2 hours 10 s',
          '30 min',
          '30 min -10 s',
        ],
      ],
    );
    expect(await thinHorizonSamples(shop.pool())).toBe(4);
    expect(await thinHorizonSamples(shop.pool())).toBe(0);
    expect(await shop.ask('select from reconciler.horizon_sample')).toHaveLength(5);
  });
});

it('the time of the database is Unix time in milliseconds', async () => {
  const [{ at } = { at: NaN }] = await shop.ask<{ at: number }>(
    `select (extract(epoch from clock_timestamp()) * 1000)::float8 as at`,
  );
  const time = await readDatabaseTime(shop.pool());
  expect(time).toBeGreaterThanOrEqual(at);
  await waitFor(async () => (await readDatabaseTime(shop.pool())) > time, { what: 'time to go on' });
});
