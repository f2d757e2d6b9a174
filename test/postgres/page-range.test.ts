/**
 * Pages of a table without a stamped column: each row of the window once, in the order of (column, id), by an index, with
 * no digit of a time lost; and the checkpoint that moves along the column.
 */
import { describe, expect, it } from 'vitest';
import type { Position } from '../../src/domain/claim.ts';
import type { ClaimPosition } from '../../src/domain/source.ts';
import { advanceByColumn, takeCheckpoint } from '../../src/postgres/checkpoint.ts';
import { positionOfLine, readClaimPage } from '../../src/postgres/claim-pages.ts';
import { sampleHorizon, thinHorizonSamples } from '../../src/postgres/horizon.ts';
import { inRange, isSettled, type ColumnRange } from '../../src/postgres/page-range.ts';
import { rewindCheckpoint } from '../../src/postgres/rewind-checkpoint.ts';
import { describeSource, type SourceSql } from '../../src/postgres/source-sql.ts';
import { waitFor } from '../support/wait-for.ts';
import { claimSource, claimSql, nextXid, useShopClaims } from './shop-claims.ts';

const shop = useShopClaims();
const start: Position = { changeXid: '0', id: null };
const store = { runId: 'r1', replicationId: 'p1', flushes: 2 };

interface TableOptions {
  readonly idType?: string;
  readonly type?: string;
  readonly column?: string;
  readonly overlap?: ClaimPosition['overlap'];
  /** In partitions by their ids. */
  readonly isSplit?: boolean;
}

/** A table `shop.plain` with the columns of a claim and `seen`, by which it is read. */
async function createPlain({
  idType = 'bigint',
  type = 'timestamptz',
  column = 'seen',
  overlap = { kind: 'time', ms: 600_000 },
  isSplit = false,
}: TableOptions = {}): Promise<SourceSql> {
  await shop.ask(`drop table if exists shop.plain; create table shop.plain (id ${idType} primary key, uid bigint, note text,
    attempt_id text default 'a', status text default 'granted', expires_at timestamptz default now(), seen ${type})
    ${isSplit ? 'partition by hash (id)' : ''};
    ${[0, 1, 2].map((part) => (isSplit ? `create table shop.plain_${part} partition of shop.plain for values with (modulus 3, remainder ${part});` : '')).join('')}
    create index on shop.plain (seen, id);`);
  const source = claimSource({ table: 'plain', position: { column, overlap } });
  return describeSource(source, idType, column === 'id' ? idType : type);
}

async function readAll(
  sql: SourceSql,
  {
    rowsMax = 1_000,
    from = start,
    bound = '2100-01-01',
    horizon = '',
  }: Partial<ColumnRange & { rowsMax: number; horizon: string }> = {},
): Promise<{ id: string; value: string }[]> {
  const below = horizon === '' ? await nextXid(shop.pool()) : horizon;
  const read: { id: string; value: string }[] = [];
  for (let after: Position | null = null; ;) {
    const range: ColumnRange = { by: 'column', from, bound, after };
    const page = await readClaimPage(shop.pool(), sql, { range, horizon: below, rowsMax });
    for (let line = 0; line < page.rows; line += 1) {
      const { id, value = '' } = positionOfLine(sql, page.lines, line);
      read.push({ id, value });
    }
    if (page.last === null) return read;
    after = page.last;
  }
}

describe('pages by a column', () => {
  it('hold each row once, in order, though many share a time, and whatever type the ids have', async () => {
    const sql = await createPlain({ idType: 'uuid' });
    await shop.ask(`insert into shop.plain (id, uid, seen)
      select gen_random_uuid(), n, '2026-01-01T00:00:00Z'::timestamptz + (n / 20) * interval '1 us'
      from generate_series(1, 60) n`);
    const rows = await shop.ask<{ id: string; value: string }>(
      'select id::text, seen::text as value from shop.plain order by seen, plain.id',
    );
    for (const rowsMax of [1, 3, 7, 60]) expect(await readAll(sql, { rowsMax })).toEqual(rows);
    expect(new Set(rows.map(({ value }) => value)).size).toBe(4);
  });

  it.each([
    [
      'timestamptz',
      '2026-11-21 22:00:00.123456+00',
      '2026-11-21 21:50:00.123456+00',
      '2026-11-21 21:50:00.123455+00',
    ],
    ['timestamp', '2026-11-21 22:00:00.000001', '2026-11-21 21:50:00.000001', '2026-11-21 21:50:00'],
    ['bigint', '9223372036854775807', '9223372036853775807', '9223372036853775806'],
    ['integer', '-5', '-1000005', '-1000006'],
  ])('of type %s begin exactly an overlap before the checkpoint', async (type, value, first, before) => {
    const overlap = type.startsWith('time')
      ? ({ kind: 'time', ms: 600_000 } as const)
      : ({ kind: 'ids', count: 1_000_000 } as const);
    const sql = await createPlain({ type, overlap });
    await shop.ask('insert into shop.plain (id, seen) values (1, $1), (2, $2), (3, $3)', [
      before,
      first,
      value,
    ]);
    const read = await readAll(sql, { from: { changeXid: '3', id: null, value }, bound: value });
    expect(read).toEqual([
      { id: '2', value: first },
      { id: '3', value },
    ]);
  });

  it('hold the rows of all partitions', async () => {
    const sql = await createPlain({ isSplit: true });
    await shop.ask(`insert into shop.plain (id, uid, seen)
      select n, n, '2026-01-01T00:00:00Z'::timestamptz + (n % 5) * interval '1 s' from generate_series(1, 40) n`);
    const rows = await shop.ask<{ id: string; value: string }>(
      'select id::text, seen::text as value from shop.plain order by seen, plain.id',
    );
    for (const rowsMax of [3, 100]) expect(await readAll(sql, { rowsMax })).toEqual(rows);
    await sampleHorizon(shop.pool(), 0, sql);
  });

  it('leave out what an earlier window held, what is not settled, and rows without a value', async () => {
    const sql = await createPlain();
    const now = new Date().toISOString();
    await shop.ask(`insert into shop.plain (id, seen) values (1, $1)`, [now]);
    const second = await nextXid(shop.pool());
    await shop.ask(`insert into shop.plain (id, seen) values (2, $1), (3, null)`, [now]);
    const third = await nextXid(shop.pool());
    await shop.ask(`insert into shop.plain (id, seen) values (4, $1)`, [now]);
    const from = { changeXid: second, id: null, value: now };
    expect(await readAll(sql, { from, horizon: third, bound: now })).toMatchObject([{ id: '2' }]);
    expect(await readAll(sql, { horizon: third, bound: now })).toMatchObject([{ id: '1' }, { id: '2' }]);
    expect(await readAll(sql, { from, bound: null })).toEqual([]);
  });

  it('of a first reading hold old rows whatever their version: 32 bits do not tell how old that is', async () => {
    const sql = await createPlain();
    await shop.ask(`insert into shop.plain (id, seen) values (1, '2026-01-01'), (2, '2026-01-02')`);
    const bound = '2026-01-02T00:05:00Z';
    expect(await readAll(sql, { horizon: '3', bound })).toMatchObject([{ id: '1' }]);
    const from = { changeXid: '3', id: null };
    expect(await readAll(sql, { from, horizon: '3', bound })).toEqual([]);
  });

  it.each([
    ['(seen, id)', ''],
    ['(seen)', 'drop index shop.plain_seen_id_idx; create index on shop.plain (seen);'],
  ])('are read by an index on %s', async (_columns, change) => {
    const sql = await createPlain();
    if (change !== '') await shop.ask(change);
    await shop.ask(`insert into shop.plain (id, uid, seen)
      select n, n, '2026-01-01'::timestamptz + n * interval '1 s' from generate_series(1, 20000) n; analyze shop.plain;`);
    const value = '2026-01-01 05:00:00+00';
    const from = { changeXid: '3', id: null, value };
    expect(await readAll(sql, { from, rowsMax: 500, bound: value })).toHaveLength(
      20_000 - 5 * 3_600 + 600 + 1,
    );
    for (const after of [null, { changeXid: '3', id: '17500', value }]) {
      const range = { by: 'column', from, bound: value, after } as const;
      const lines = await shop.ask<{ 'QUERY PLAN': string }>(
        `explain select from shop.plain claim where ${inRange(sql, range)} and ${isSettled(sql, range, '9999999')}
         order by claim.seen, claim.id limit 500`,
      );
      const plan = lines.map((line) => line['QUERY PLAN']).join('\n');
      expect(plan).toMatch(/Index Scan (using|on) plain_seen[\s\S]*Index Cond: .*seen/);
    }
  });
});

it.each([
  [5_000n, 4_321n, 4_321n],
  [(3n << 32n) + 7n, 5n, (3n << 32n) + 5n],
  [(3n << 32n) + 7n, 4_294_967_290n, (2n << 32n) + 4_294_967_290n],
  [(1n << 32n) + 7n, 8n, 8n],
])('the version of a row is the newest up to %i that ends in %i', async (next, xmin, version) => {
  const { change } = await createPlain();
  const text = change
    .replaceAll('pg_snapshot_xmax(pg_current_snapshot())', String(next))
    .replace('xmin', `${xmin}`);
  const [row] = await shop.ask<{ version: string }>(`select ${text}::text as version`);
  expect(row?.version).toBe(String(version));
});

describe('the checkpoint of a column', () => {
  const time = (minute: number): string => `2026-01-01 00:${String(minute).padStart(2, '0')}:00.000001+00`;
  const advance = async (
    sql: SourceSql,
    move: Partial<Parameters<typeof advanceByColumn>[2]>,
  ): Promise<Position> =>
    advanceByColumn(shop.pool(), sql, { reached: time(0), bound: time(59), fencingToken: '1', ...move });

  it('goes to what was reached, at most to the bound, and never back', async () => {
    const sql = await createPlain();
    expect(await takeCheckpoint(shop.pool(), sql, '1', store)).toEqual(start);
    expect(await advance(sql, { reached: time(10) })).toEqual({ ...start, value: time(10) });
    expect(await advance(sql, { reached: time(5) })).toEqual({ ...start, value: time(10) });
    expect(await advance(sql, { reached: time(30), bound: time(20), horizon: '50' })).toEqual({
      changeXid: '50',
      id: null,
      value: time(20),
    });
    expect(await advance(sql, { reached: time(1), bound: time(1), horizon: '40' })).toMatchObject({
      changeXid: '50',
      value: time(20),
    });
    await expect(advance(sql, { fencingToken: '0' })).rejects.toMatchObject({ code: 'fenced_out' });
    await expect(advance(sql, { bound: null })).rejects.toThrow('nothing was read');
  });

  it('counts ids as numbers', async () => {
    const sql = await createPlain({ type: 'bigint', overlap: { kind: 'ids', count: 5 } });
    await takeCheckpoint(shop.pool(), sql, '1', store);
    await advance(sql, { reached: '9', bound: '1000' });
    expect(await advance(sql, { reached: '10', bound: '1000' })).toMatchObject({ value: '10' });
  });

  it('goes back to the value that was sampled at that horizon, or to the beginning', async () => {
    const sql = await createPlain();
    await takeCheckpoint(shop.pool(), sql, '1', store);
    await advance(sql, { reached: time(30), horizon: '50' });
    await shop.ask(
      `insert into reconciler.horizon_sample (horizon, snapshot_xmax, source, value)
       values ('20', '20', 'gifts', $1), ('40', '45', 'gifts', $2), ('30', '30', 'others', $2)`,
      [time(10), time(25)],
    );
    const rewind = async (changeXid: string): Promise<unknown> => {
      await rewindCheckpoint(shop.pool(), sql, { changeXid, fencingToken: '1' });
      return takeCheckpoint(shop.pool(), sql, '1', store);
    };
    expect(await rewind('99')).toEqual({ changeXid: '50', id: null, value: time(30) });
    expect(await rewind('50')).toEqual({ changeXid: '50', id: null, value: time(25) });
    expect(await rewind('44')).toEqual({ changeXid: '44', id: null, value: time(10) });
    expect(await rewind('19')).toEqual({ changeXid: '19', id: null });
    expect(await rewind('0')).toEqual(start);
  });
});

describe('a sample of the horizon', () => {
  it('holds how far the column went, and tells it once no transaction of that time is unjudged', async () => {
    const sql = await createPlain({ type: 'bigint', column: 'id', overlap: { kind: 'ids', count: 5 } });
    const reached = async (): Promise<string | null | undefined> =>
      (await sampleHorizon(shop.pool(), 0, sql)).settled?.bound;
    expect(await reached()).toBeUndefined();
    await shop.ask('insert into shop.plain (id) values (7), (12)');
    await waitFor(async () => (await reached()) === '12', { what: 'a bound above what is there' });
    await sampleHorizon(shop.pool(), 0);
    expect((await sampleHorizon(shop.pool(), 0, claimSql())).settled?.bound).toBeNull();
  });

  it('of a time is not ahead of the database, and is there for an empty table', async () => {
    const sql = await createPlain();
    await shop.ask(`insert into shop.plain (id, seen) values (1, now() + interval '1 day'), (2, 'infinity')`);
    await sampleHorizon(shop.pool(), 0, sql);
    await shop.ask('truncate shop.plain');
    await sampleHorizon(shop.pool(), 0, sql);
    const rows = await shop.ask<{ ahead: boolean }>(
      'select value::timestamptz > sampled_at as ahead from reconciler.horizon_sample',
    );
    expect(rows).toEqual([{ ahead: false }, { ahead: false }]);
  });

  it('is thinned out for each source by itself', async () => {
    await shop.ask(`insert into reconciler.horizon_sample (sampled_at, horizon, snapshot_xmax, source)
      select date_trunc('minute', now() - interval '2 hours') + n * interval '1 s', '5', '5', source
      from generate_series(0, 9) n, unnest(array['gifts', 'grabs', null]) source`);
    expect(await thinHorizonSamples(shop.pool())).toBe(27);
  });
});
