/**
 * Writing pending claims and moving them on, on a real server: values of every kind, many at once, and what is refused.
 */
import { describe, expect, it } from 'vitest';
import type { ColumnValue } from '../../src/domain/open-claim.ts';
import type { Source } from '../../src/domain/source.ts';
import { findLiveClaim, openClaimTable } from '../../src/postgres/claim-table.ts';
import { inTransaction } from '../../src/postgres/connect.ts';
import { sqlStateOf } from '../../src/postgres/sql-state.ts';
import {
  insertPending,
  readClaimRows,
  settleClaim,
  type Insertion,
  type NewClaim,
} from '../../src/postgres/write-claim.ts';
import { useGateShop } from './gate-table.ts';
import { shopSource, type Changes } from './shop-table.ts';

const shop = useGateShop();
const { run, createGateTable, open } = shop;

const claimOf = (attempt: string, columns: NewClaim['columns'] = { uid: 1 }): NewClaim => ({
  attempt,
  columns,
  window: { ttlMs: 60_000 },
});

async function insert(claim: NewClaim, changes: Changes = {}): Promise<Insertion> {
  return insertPending(shop.pool(), await open(changes), claim);
}

async function ask<Row extends object>(sql: string): Promise<Row[]> {
  return (await shop.pool().query<Row>(sql)).rows;
}

/** How many milliseconds after now the window of the only row ends, or began. */
async function windowMs(column: string): Promise<number> {
  const [row] = await ask<{ ms: number }>(
    `select (extract(epoch from ${column}) - extract(epoch from clock_timestamp()))::float8 * 1000 as ms from shop.gift_claim`,
  );
  return row?.ms ?? Number.NaN;
}

describe('a pending claim', () => {
  it('is written and told as Postgres has it, all digits kept, without the column of changes', async () => {
    await createGateTable({
      note: 'jsonb',
      raw: 'json',
      price: 'numeric',
      ratio: 'float8',
      claim: "text not null default 'by default'",
      key: 'text',
      part: 'boolean',
    });
    const columns = {
      uid: '9007199254740993',
      note: '{"order": 12345678901234567890, "text": "1234567890123456789"}',
      raw: '{"nul": "\\u0000"}',
      price: '1.50',
      ratio: 0.30000000000000004,
      key: '9007199254740993',
      part: false,
    };
    const result = await insert(claimOf('a1', columns));
    expect(result).toEqual({
      kind: 'inserted',
      row: {
        id: '1',
        markerKey: 'gift:9007199254740993',
        markerValue: 'a1',
        claim: {
          id: 1,
          uid: '9007199254740993',
          attempt_id: 'a1',
          status: 'pending',
          expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*\+00:00$/),
          note: { order: '12345678901234567890', text: '1234567890123456789' },
          raw: { nul: '\u0000' },
          price: 1.5,
          ratio: 0.30000000000000004,
          claim: 'by default',
          key: '9007199254740993',
          part: false,
        },
      },
    });
  });

  it.each<[string, Record<string, ColumnValue>, string]>([
    ['integer', { part: -12 }, '-12'],
    ['smallint', { part: '7' }, '7'],
    ['uuid', { part: '5D1E0A52-0EF4-4E57-9A2C-6D4C53E9B4A1' }, '5d1e0a52-0ef4-4e57-9a2c-6d4c53e9b4a1'],
    ['boolean', { part: true }, 'true'],
    ['shop.size', { part: "L'" }, "L'"],
    ['shop.code', { part: 'x y ' }, 'x y '],
    ['varchar(20)', { part: '' }, ''],
  ])('has the key of a %s as Postgres prints it', async (type, columns, printed) => {
    await run(`create domain shop.code as varchar(20); create type shop.size as enum ('S', 'L''')`);
    await createGateTable({ part: `${type} not null` }, 'create unique index on shop.gift_claim (part)');
    const changes = { key: 'gift:{part}', value: '<{part}>' };
    expect(await insert(claimOf('a1', { uid: 1, ...columns }), changes)).toMatchObject({
      row: { markerKey: `gift:${printed}`, markerValue: `<${printed}>` },
    });
  });

  it.each([
    `'; drop table shop.gift_claim; --`,
    `"quoted" and $1 {uid} {} %s`,
    `tab\tnewline\nreturn\rbackslash\\ \\N \\x00`,
    `emoji 😀👩‍👧 漢字 e\u0301 \u202e \ufeff \u0001`,
    '漢'.repeat(10_000),
  ])('keeps texts as they are: %j', async (text) => {
    await createGateTable({ note: 'text not null' }, 'create unique index on shop.gift_claim (uid)');
    const changes = { value: '{note}' };
    const result = await insert(claimOf(`a${text}`.slice(0, 80), { uid: 1, note: text }), changes);
    expect(result).toMatchObject({ row: { markerValue: text, claim: { note: text } } });
    expect(await ask('select note from shop.gift_claim')).toEqual([{ note: text }]);
  });

  it('is written into columns whose names are as hostile', async () => {
    await run(`create table shop."Gift ""Claim" ("Id" uuid primary key default gen_random_uuid(), "or der" int not null,
        "at'tempt" uuid not null unique, "$1" text not null, "{end}" timestamptz not null, "select" xid8,
        "; drop --" text);
      create unique index on shop."Gift ""Claim" ("or der") where "$1" in ('it''s mine', 'had');`);
    // Templates cannot name such a column; a source that was put together in code can.
    const source: Source = {
      ...shopSource({ statuses: { pending: ["it's mine"], granted: ['had'], released: ['gone'] } }),
      table: { schema: 'shop', name: 'Gift "Claim' },
      columns: {
        id: 'Id',
        attempt: "at'tempt",
        status: '$1',
        change: 'select',
        expiry: { expiresAt: '{end}' },
      },
      marker: {
        key: [
          { kind: 'literal', text: "it's $1:" },
          { kind: 'column', name: 'or der' },
        ],
        value: [{ kind: 'column', name: "at'tempt" }],
      },
    };
    const table = await openClaimTable(shop.pool(), source);
    const attempt = '5d1e0a52-0ef4-4e57-9a2c-6d4c53e9b4a1';
    const columns = { 'or der': 7, '; drop --': "'" };
    const result = await insertPending(shop.pool(), table, claimOf(attempt, columns));
    expect(result).toMatchObject({ row: { markerKey: "it's $1:7", markerValue: attempt } });
    const id = 'row' in result ? result.row.id : '';
    const granting = { id, from: ['pending'], to: 'granted' } as const;
    expect(await settleClaim(shop.pool(), table.sql, granting)).toBe('settled');
    expect(await findLiveClaim(shop.pool(), table, columns)).toMatchObject({
      id,
      attempt,
      status: 'granted',
    });
    expect((await readClaimRows(shop.pool(), table.sql, [id])).get(id)).toMatchObject({ '; drop --': "'" });
  });

  it('ends its window so long after the database wrote it', async () => {
    await createGateTable();
    await insert(claimOf('a1'));
    expect(await windowMs('expires_at')).toBeGreaterThan(30_000);
    expect(await windowMs('expires_at')).toBeLessThanOrEqual(60_000);
  });

  it('ends its window when it is told to', async () => {
    await createGateTable();
    const expiresAtMs = Date.UTC(2031, 1, 3, 4, 5, 6, 789);
    await insert({ ...claimOf('a1'), window: { expiresAtMs: expiresAtMs + 0.9 } });
    const live = await findLiveClaim(shop.pool(), await open(), { uid: 1 });
    expect(live).toMatchObject({ expiresAtMs });
    const never = { ...claimOf('a2', { uid: 2 }), window: { expiresAtMs: Number.NaN } };
    await expect(insert(never)).rejects.toThrow('cannot end or begin at NaN ms; nothing was written');
  });

  it.each(['timestamptz', 'timestamp(3)'])(
    'begins it when written, where a %s says when it began',
    async (type) => {
      await run(
        `do $$ begin execute format('alter database %I set timezone = ''Asia/Tokyo''', current_database()); end $$`,
      );
      await createGateTable({ created_at: `${type} not null`, expires_at: 'date' });
      const changes: Changes = { columns: { expiry: { createdAt: 'created_at', ttlMs: 30_000 } } };
      const pool = await shop.poolAs(
        `grant usage on schema shop to ROLE; grant all on shop.gift_claim to ROLE;`,
      );
      const table = await open(changes);
      expect(await insertPending(pool, table, claimOf('a1'))).toMatchObject({ kind: 'inserted' });
      expect(Math.abs(await windowMs('created_at'))).toBeLessThan(30_000);
      await run('truncate shop.gift_claim');
      const expiresAtMs = Date.UTC(2031, 0, 1);
      await insertPending(pool, table, { ...claimOf('a2'), window: { expiresAtMs } });
      expect(await findLiveClaim(pool, table, { uid: 1 })).toMatchObject({ attempt: 'a2', expiresAtMs });
    },
  );

  it('is written with the first word of its status', async () => {
    await run("create type shop.state as enum ('had', 'held', 'new', 'gone')");
    await createGateTable(
      { status: 'shop.state not null' },
      "create unique index on shop.gift_claim (uid) where status <> 'gone'",
    );
    const changes = { statuses: { pending: ['new', 'held'], granted: ['had'], released: ['gone'] } };
    expect(await insert(claimOf('a1'), changes)).toMatchObject({ row: { claim: { status: 'new' } } });
  });
});

describe('of claims on one marker', () => {
  it('only one is written, however many come at once', async () => {
    await createGateTable();
    const table = await open();
    const results = await Promise.all(
      Array.from({ length: 50 }, async (_, at) => insertPending(shop.pool(), table, claimOf(`a${at}`))),
    );
    const kinds = results.map(({ kind }) => kind).toSorted((a, b) => a.localeCompare(b));
    expect(kinds).toEqual(['inserted', ...Array.from({ length: 49 }, () => 'live_elsewhere')]);
    expect(await ask('select status from shop.gift_claim')).toEqual([{ status: 'pending' }]);
  });

  it('the next is written once the one before is released', async () => {
    await createGateTable();
    const { sql } = await open();
    await insert(claimOf('a1'));
    expect(await insert(claimOf('a2'))).toEqual({ kind: 'live_elsewhere' });
    await settleClaim(shop.pool(), sql, { id: '1', from: ['pending'], to: 'released' });
    expect(await insert(claimOf('a3'))).toMatchObject({ kind: 'inserted' });
    expect(await findLiveClaim(shop.pool(), await open(), { uid: 1 })).toMatchObject({ attempt: 'a3' });
    expect(await findLiveClaim(shop.pool(), await open(), { uid: 2 })).toBeNull();
    expect(await findLiveClaim(shop.pool(), await open(), {})).toBeNull();
  });

  it('one whose attempt is there already is told apart from one whose place is taken', async () => {
    await createGateTable();
    await insert(claimOf('a1'));
    expect(await insert(claimOf('a1', { uid: 2 }))).toEqual({ kind: 'attempt_exists' });
    expect(await ask('select uid from shop.gift_claim')).toEqual([{ uid: '1' }]);
  });

  it('is told so by partitions too, whose indexes have names of their own', async () => {
    await run(`create table shop.gift_claim (id uuid not null default gen_random_uuid(), uid bigint not null,
        attempt_id text not null, status text not null, expires_at timestamptz not null, change_xid xid8)
        partition by list (uid);
      create table shop.ones partition of shop.gift_claim for values in (1);
      create unique index on shop.ones (id); create unique index on shop.ones (attempt_id);
      create unique index on shop.gift_claim (uid) where status in ('pending', 'granted');`);
    const partition = await open({ table: 'ones' });
    const whole = { ...partition, sql: { ...partition.sql, table: 'shop.gift_claim' } };
    expect(await insertPending(shop.pool(), whole, claimOf('a1'))).toMatchObject({ kind: 'inserted' });
    expect(await insertPending(shop.pool(), whole, claimOf('a2'))).toEqual({ kind: 'live_elsewhere' });
    await run(`update shop.gift_claim set status = 'failed'`);
    expect(await insertPending(shop.pool(), whole, claimOf('a1'))).toEqual({ kind: 'attempt_exists' });
    expect(await insertPending(shop.pool(), partition, claimOf('a1'))).toEqual({ kind: 'attempt_exists' });
  });
});

describe('a claim that the table does not take', () => {
  it.each<[string, string, NewClaim['columns']]>([
    ['23502', 'null value in column "note"', { uid: 1 }],
    ['23514', 'violates check constraint', { uid: 1, note: 'short' }],
    ['23505', 'violates unique constraint "other"', { uid: 1, note: 'a note that was there' }],
    ['22P02', 'invalid input syntax for type bigint', { uid: 'one', note: 'a longer note' }],
    ['22003', 'out of range', { uid: '99999999999999999999', note: 'a longer note' }],
    ['22021', 'invalid byte sequence', { uid: 1, note: 'nul \u0000 inside' }],
  ])('throws what the server said: %s %s', async (sqlState, words, columns) => {
    await createGateTable({ note: 'text not null check (length(note) > 8)' });
    await run('create unique index other on shop.gift_claim (note)');
    await insert(claimOf('a0', { uid: 0, note: 'a note that was there' }));
    const error: unknown = await insert(claimOf('a1', columns)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: expect.stringContaining(words) });
    expect(sqlStateOf(error)).toBe(sqlState);
    expect(await ask('select attempt_id from shop.gift_claim')).toEqual([{ attempt_id: 'a0' }]);
  });

  it.each(['status', 'attempt_id', 'expires_at', 'change_xid', 'nowhere'])(
    'is a mistake of the caller when it gives %s',
    async (name) => {
      await createGateTable();
      await expect(insert(claimOf('a1', { uid: 1, [name]: 'x' }))).rejects.toThrow(
        `columns that cannot be given: ${name}`,
      );
    },
  );
});

describe('settling', () => {
  const settle = async (
    claim: Parameters<typeof settleClaim>[2],
    changes: Changes = {},
  ): ReturnType<typeof settleClaim> => settleClaim(shop.pool(), (await open(changes)).sql, claim);
  const statusOf = async (id: string): Promise<unknown> =>
    (await ask<{ status: unknown }>(`select status from shop.gift_claim where id = ${id}`))[0]?.status;

  it('moves a claim on from where it is, and from nowhere else', async () => {
    await createGateTable();
    await insert(claimOf('a1'));
    expect(await settle({ id: '1', from: ['released'], to: 'granted' })).toBe('moved_on');
    expect(await settle({ id: '1', from: [], to: 'granted' })).toBe('moved_on');
    expect(await statusOf('1')).toBe('pending');
    expect(await settle({ id: '1', from: ['pending'], to: 'granted' })).toBe('settled');
    expect(await settle({ id: '1', from: ['pending'], to: 'released' })).toBe('moved_on');
    expect(await statusOf('1')).toBe('granted');
    expect(await settle({ id: '1', from: ['pending', 'granted'], to: 'released' })).toBe('settled');
    expect(await statusOf('1')).toBe('failed');
    expect(await settle({ id: '7', from: ['pending'], to: 'released' })).toBe('moved_on');
  });

  it('moves on the version that was judged, and no newer one', async () => {
    await createGateTable();
    await insert(claimOf('a1'));
    const [row] = await ask<{ change_xid: string }>('select change_xid::text from shop.gift_claim');
    const claim = { id: '1', from: ['pending'], to: 'granted', changeXid: row?.change_xid ?? '' } as const;
    await run('update shop.gift_claim set uid = 2');
    expect(await settle(claim)).toBe('moved_on');
    const [now] = await ask<{ change_xid: string }>('select change_xid::text from shop.gift_claim');
    expect(await settle({ ...claim, changeXid: now?.change_xid ?? '' })).toBe('settled');
  });

  it('of many at once settles one', async () => {
    await createGateTable();
    await insert(claimOf('a1'));
    const results = await Promise.all(
      Array.from({ length: 50 }, async (_, at) =>
        settle({ id: '1', from: ['pending'], to: at % 2 === 0 ? 'granted' : 'released' }),
      ),
    );
    expect(results.filter((result) => result === 'settled')).toHaveLength(1);
    expect(results.filter((result) => result === 'moved_on')).toHaveLength(49);
  });

  it('does not bring back a released claim whose place is taken', async () => {
    await createGateTable();
    await insert(claimOf('a1'));
    await settle({ id: '1', from: ['pending'], to: 'released' });
    await insert(claimOf('a2'));
    const back = { id: '1', from: ['released'], to: 'granted' } as const;
    expect(await settle(back)).toBe('live_elsewhere');
    expect(await statusOf('1')).toBe('failed');
    const { sql } = await open();
    const work = inTransaction(shop.pool(), async (client) => {
      expect(await settleClaim(client, sql, back)).toBe('live_elsewhere');
      await client.query('select 1');
    });
    await expect(work).rejects.toThrow('current transaction is aborted');
  });

  it('writes words in the type of the column', async () => {
    await createGateTable(
      { status: 'smallint not null' },
      'create unique index on shop.gift_claim (uid) where status < 3',
    );
    const statuses = { pending: ['0'], granted: ['1', '2'], released: ['3', '4'] };
    await insert(claimOf('a1'), { statuses });
    expect(await settle({ id: '1', from: ['pending'], to: 'granted' }, { statuses })).toBe('settled');
    await run('update shop.gift_claim set status = 2');
    expect(await settle({ id: '1', from: ['granted'], to: 'released' }, { statuses })).toBe('settled');
    expect(await statusOf('1')).toBe(3);
  });

  it('says so when there is no word to write, or the table minds', async () => {
    await createGateTable();
    await insert(claimOf('a1'));
    const { sql } = await open();
    const wordless = { ...sql, words: { ...sql.words, released: [] } };
    const release = { id: '1', from: ['pending'], to: 'released' } as const;
    await expect(settleClaim(shop.pool(), wordless, release)).rejects.toThrow(
      'statuses.released of the source gifts names no word that could be written',
    );
    await run(`insert into shop.gift_claim (uid, attempt_id, status, expires_at) values (1, 'a2', 'failed', now());
      create unique index on shop.gift_claim (uid, status)`);
    await expect(settle(release)).rejects.toThrow('duplicate key value');
    expect(await statusOf('1')).toBe('pending');
  });
});
