/**
 * Pages of claims: every row below the horizon once, in the order of (change_xid, id), for ids of any type.
 */
import * as fc from 'fast-check';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Position } from '../../src/domain/claim.ts';
import { positionOfLine, readClaimPage, type ClaimPage } from '../../src/postgres/claim-pages.ts';
import type { PageRange } from '../../src/postgres/page-range.ts';
import { describeSource, type SourceSql } from '../../src/postgres/source-sql.ts';
import { claimSource, claimSql, insertClaims, nextXid, useShopClaims } from './shop-claims.ts';

const shop = useShopClaims();
const start: Position = { changeXid: '0', id: null };

async function read(
  range: PageRange,
  changes: { horizon?: string; rowsMax?: number; sql?: SourceSql } = {},
): Promise<ClaimPage> {
  const { sql = claimSql(), rowsMax = 1_000 } = changes;
  const horizon = changes.horizon ?? (await nextXid(shop.pool()));
  return readClaimPage(shop.pool(), sql, { range, horizon, rowsMax });
}

function idsOf({ lines }: ClaimPage): string[] {
  return Array.from({ length: lines.count }, (_, line) => positionOfLine(claimSql(), lines, line).id);
}

/** Page after page until an empty one. */
async function readAll(options: { rowsMax: number; sql?: SourceSql }): Promise<string[]> {
  const ids: string[] = [];
  let after = start;
  for (;;) {
    const page = await read({ by: 'change', after }, options);
    ids.push(...idsOf(page));
    if (page.last === null) return ids;
    after = page.last;
  }
}

describe('pages by change', () => {
  it('hold each row once, in order, whatever their size', async () => {
    for (const count of [7, 1, 5, 3])
      await insertClaims(
        shop.pool(),
        Array.from({ length: count }, () => ({})),
      );
    await shop.ask('update shop.claim set note = 1 where id in (2, 9)');
    const expected = await shop.ask<{ id: string }>('select id from shop.claim order by change_xid, id');
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 20 }), async (rowsMax) => {
        expect(await readAll({ rowsMax })).toEqual(expected.map(({ id }) => id));
      }),
      { numRuns: 40 },
    );
    expect(expected.slice(-2).map(({ id }) => id)).toEqual(['2', '9']);
  });

  it('say where they end; an empty one says nothing', async () => {
    const xid = await insertClaims(shop.pool(), [{}, {}, {}]);
    const page = await read({ by: 'change', after: start }, { rowsMax: 2 });
    expect(page).toMatchObject({ rows: 2, last: { changeXid: xid, id: '2' } });
    const empty = await read({ by: 'change', after: { changeXid: xid, id: '3' } });
    expect(empty).toMatchObject({ lines: { count: 0 }, rows: 0, last: null });
  });

  it('begin with all rows of a transaction where the position names none of them', async () => {
    await insertClaims(shop.pool(), [{}]);
    const xid = await insertClaims(shop.pool(), [{}, {}]);
    expect(idsOf(await read({ by: 'change', after: { changeXid: xid, id: null } }))).toEqual(['2', '3']);
    expect(idsOf(await read({ by: 'change', after: { changeXid: xid, id: '2' } }))).toEqual(['3']);
  });

  it('stop below the horizon', async () => {
    const first = await insertClaims(shop.pool(), [{}]);
    const second = await insertClaims(shop.pool(), [{}]);
    expect(idsOf(await read({ by: 'change', after: start }, { horizon: first }))).toEqual([]);
    expect(idsOf(await read({ by: 'change', after: start }, { horizon: second }))).toEqual(['1']);
  });

  it('hold nothing that is not committed or was rolled back', async () => {
    const client = new pg.Client({ connectionString: shop.url() });
    await client.connect();
    onTestFinished(async () => client.end());
    await client.query('begin');
    await insertClaims(client, [{}]);
    expect(idsOf(await read({ by: 'change', after: start }))).toEqual([]);
    await client.query('savepoint one');
    await insertClaims(client, [{}]);
    await client.query('rollback to one');
    await insertClaims(client, [{}]);
    await client.query('commit');
    expect(idsOf(await read({ by: 'change', after: start }))).toEqual(['1', '3']);
  });

  it('are read with ids of other types, in the order that Postgres gives them', async () => {
    for (const [type, values] of [
      ['text', ['B', 'a', '', "it's", 'ä', '10', '9', '\\N', 'a\tb']],
      ['uuid', Array.from({ length: 9 }, () => crypto.randomUUID())],
      ['numeric', ['10', '9', '9.5', '-1']],
    ] as const) {
      await shop.ask(`drop table if exists shop.other; create table shop.other (like shop.claim)`);
      await shop.ask(`alter table shop.other alter id type ${type} using id::text::${type}`);
      await shop.ask(
        `insert into shop.other select v::${type}, 1, null, 'a', 'granted', '2100-01-01', (3 + n % 2)::text::xid8
         from unnest($1::text[]) with ordinality as u (v, n)`,
        [values],
      );
      const sql = describeSource(claimSource({ table: 'other' }), type);
      const rows = await shop.ask<{ id: string }>(
        'select id::text as id from shop.other order by change_xid, shop.other.id',
      );
      expect(await readAll({ rowsMax: 2, sql })).toEqual(rows.map(({ id }) => id));
    }
  });

  it('are in order of the id also where its column is called like something that is built', async () => {
    await shop.ask(`drop table if exists shop.other; create table shop.other (like shop.claim)`);
    await shop.ask('alter table shop.other rename id to marker_key');
    await shop.ask(`insert into shop.other select n, 20 - n, null, 'a', 'granted', '2100-01-01', '5'
      from generate_series(1, 9) n`);
    const changes = { table: 'other', columns: { id: 'marker_key' } };
    const sql = describeSource(claimSource(changes), 'bigint');
    expect(await readAll({ rowsMax: 2, sql })).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9']);
  });
});

describe('pages by id', () => {
  it('hold the rows of a range, both ends included, and go on after the last', async () => {
    await insertClaims(
      shop.pool(),
      Array.from({ length: 12 }, () => ({})),
    );
    await shop.ask('update shop.claim set note = 1 where id = 3');
    const range = { by: 'id', fromId: '2', toId: '11', afterId: null } as const;
    const page = await read(range, { rowsMax: 4 });
    expect(idsOf(page)).toEqual(['2', '3', '4', '5']);
    const rest = await read({ ...range, afterId: page.last?.id ?? null });
    expect(idsOf(rest)).toEqual(['6', '7', '8', '9', '10', '11']);
    expect((await read({ ...range, afterId: '11' })).last).toBeNull();
    expect(idsOf(await read({ ...range, fromId: '7', toId: '3' }))).toEqual([]);
  });

  it('respect the horizon, and refuse an id that is none', async () => {
    await insertClaims(shop.pool(), [{}]);
    const horizon = await insertClaims(shop.pool(), [{}]);
    const range = { by: 'id', fromId: '1', toId: '9', afterId: null } as const;
    expect(idsOf(await read(range, { horizon }))).toEqual(['1']);
    await expect(read({ ...range, fromId: "1' or true --" })).rejects.toThrow('invalid input syntax');
  });
});
