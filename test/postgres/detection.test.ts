/**
 * How long a claim was wrong before it was found, on a server of its own: what other files do would move its horizon, and
 * transactions are held open here.
 */
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startPostgres } from '../../src/embedded/start-postgres.ts';
import { sampleHorizon } from '../../src/postgres/horizon.ts';
import { endPass } from '../../src/postgres/pass.ts';
import { recordDiscrepancies } from '../../src/postgres/discrepancy.ts';
import { foundOf, source, startPass } from './discrepancies.ts';
import { insertClaims, useShopClaims } from './shop-claims.ts';

const shop = useShopClaims({ ownServer: true });

async function sample(): Promise<void> {
  await sampleHorizon(shop.pool(), 0);
}

async function now(): Promise<number> {
  const [row] = await shop.ask<{ now: Date }>('select clock_timestamp() as now');
  return row?.now.getTime() ?? NaN;
}

async function committedXid(): Promise<string> {
  await insertClaims(shop.pool(), [{}]);
  const [row] = await shop.ask<{ xid: string }>(
    'select max(change_xid::text::bigint)::text as xid from shop.claim',
  );
  return row?.xid ?? '';
}

/** The bound of a transaction, in Unix milliseconds; null where there is none. */
async function boundOf(xid: string): Promise<number | null> {
  const [row] = await shop.ask<{ at: Date | null }>(
    'select reconciler.committed_after($1::text::xid8) as at',
    [xid],
  );
  return row?.at?.getTime() ?? null;
}

async function record(claimId: string, changeXid: string): Promise<number[]> {
  return recordDiscrepancies(shop.pool(), source, null, [foundOf(claimId, { changeXid })]);
}

/** Makes all samples older, as if that much time had passed since. */
async function letPass(seconds: number): Promise<void> {
  await shop.ask(
    `update reconciler.horizon_sample set sampled_at = sampled_at - $1 * interval '1 second',
       snapshot_after = snapshot_after - $1 * interval '1 second'`,
    [seconds],
  );
}

describe('the time that a row was not committed before', () => {
  it('lies between the last sample before it and its commit', async () => {
    await sample();
    await sample();
    const begun = await now();
    await sample();
    const sampled = await now();
    const xid = await committedXid();
    await sample();
    const bound = await boundOf(xid);
    expect(bound).toBeGreaterThanOrEqual(begun);
    expect(bound).toBeLessThanOrEqual(sampled);
  });

  it('is never after the commit of a transaction that was open while samples were taken', async () => {
    const client = new pg.Client({ connectionString: shop.url() });
    await client.connect();
    onTestFinished(async () => client.end());
    await client.query('begin');
    const { rows } = await client.query<{ xid: string }>('select pg_current_xact_id()::text as xid');
    await sample();
    await committedXid();
    await sample();
    const open = await now();
    await client.query('commit');
    const bound = await boundOf(rows[0]?.xid ?? '');
    expect(bound).not.toBeNull();
    expect(bound).toBeLessThanOrEqual(open);
  });

  it('is not known of a row that is older than all samples', async () => {
    const xid = await committedXid();
    await sample();
    expect(await boundOf(xid)).toBeNull();
    expect(await record('1', xid)).toEqual([]);
  });

  it('is not told by samples that do not say when their snapshot was taken', async () => {
    await sample();
    await shop.ask('update reconciler.horizon_sample set snapshot_after = null');
    expect(await boundOf(await committedXid())).toBeNull();
  });
});

describe('the latency of a detection', () => {
  it('counts from the commit and not from the reading, and is kept with the discrepancy', async () => {
    await sample();
    await letPass(90);
    const xid = await committedXid();
    const [latencyMs = 0, ...rest] = await record('1', xid);
    expect(rest).toEqual([]);
    expect(latencyMs).toBeGreaterThanOrEqual(90_000);
    const [kept] = await shop.ask<{ latency_ms: number }>(
      `select (extract(epoch from first_seen_at - committed_after) * 1000)::float8 as latency_ms
       from reconciler.discrepancy`,
    );
    expect(kept?.latency_ms).toBe(latencyMs);
  });

  it('is told once: what is found again while it is open keeps the time of its first commit', async () => {
    await sample();
    await letPass(90);
    expect(await record('1', await committedXid())).toHaveLength(1);
    const [first] = await shop.ask('select committed_after from reconciler.discrepancy');
    await sample();
    expect(await record('1', await committedXid())).toEqual([]);
    expect(await shop.ask('select committed_after from reconciler.discrepancy')).toEqual([first]);
  });

  it('is not known of a row that a pass had judged before and that is read again', async () => {
    await sample();
    const [before, after] = [await committedXid(), await committedXid()];
    for (const [outcome, horizon] of [
      ['completed', after],
      ['completed', '0'],
      ['aborted', '99999999'],
    ] as const) {
      await endPass(shop.pool(), await startPass(shop.pool()), outcome, { horizon });
    }
    await startPass(shop.pool());
    expect(await record('1', before)).toEqual([]);
    expect(await record('2', after)).toHaveLength(1);
    expect(
      await shop.ask('select claim_id, committed_after is null as unknown from reconciler.discrepancy'),
    ).toEqual([
      { claim_id: '1', unknown: true },
      { claim_id: '2', unknown: false },
    ]);
  });
});

it('where the server records commit times, they are taken', async () => {
  const server = await startPostgres({ env: process.env, settings: { track_commit_timestamp: 'on' } });
  onTestFinished(() => server.stop());
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  onTestFinished(async () => client.end());
  const sql = await definitionOf('reconciler.committed_after(xid8)');
  await client.query(`create schema reconciler;
    create table reconciler.horizon_sample (snapshot_xmax xid8, snapshot_after timestamptz); ${sql}`);
  await client.query('create table t (xid xid8)');
  const { rows: begun } = await client.query<{ now: Date }>('select clock_timestamp() as now');
  await client.query('insert into t values (pg_current_xact_id())');
  const { rows } = await client.query<{ at: Date; far: Date | null; frozen: Date | null }>(
    `select reconciler.committed_after(xid) as at, reconciler.committed_after('1') as frozen,
       reconciler.committed_after('99999999999999') as far from t`,
  );
  expect(rows[0]?.at.getTime()).toBeGreaterThanOrEqual(begun[0]?.now.getTime() ?? NaN);
  expect(rows[0]).toMatchObject({ far: null, frozen: null });
});

async function definitionOf(name: string): Promise<string> {
  const [row] = await shop.ask<{ sql: string }>('select pg_get_functiondef($1::regprocedure) as sql', [name]);
  return row?.sql ?? '';
}
