/**
 * Finding claims by attempt and by marker, and rows in JSON: by index, whatever the types; and statements that were
 * prepared before a column was altered.
 */
import * as fc from 'fast-check';
import pg from 'pg';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { findLiveClaim } from '../../src/postgres/claim-table.ts';
import { parseRow } from '../../src/postgres/exact-json.ts';
import { describeSource } from '../../src/postgres/source-sql.ts';
import { isUniqueViolation, sqlStateOf } from '../../src/postgres/sql-state.ts';
import { insertPending, readClaimRows, readClaimsByAttempt } from '../../src/postgres/write-claim.ts';
import { useGateShop } from './gate-table.ts';
import { shopSource } from './shop-table.ts';

const shop = useGateShop();
const { run, createGateTable, open } = shop;

const sql = describeSource(shopSource(), 'bigint');

async function fill(): Promise<void> {
  await run(`insert into shop.gift_claim (uid, attempt_id, status, expires_at)
    select n, md5(n::text)::uuid::text, 'granted', now() from generate_series(1, 2000) n; analyze shop.gift_claim;`);
}

/** The plan of the only query that `work` makes. */
async function planOf(work: (pool: pg.Pool) => Promise<unknown>): Promise<string> {
  const pool = shop.pool();
  const query = vi.spyOn(pool, 'query');
  onTestFinished(() => query.mockRestore());
  await work(pool);
  const [[text, values] = []] = query.mock.calls as unknown[][];
  query.mockRestore();
  const { rows } = await pool.query<{ 'QUERY PLAN': string }>(`explain ${String(text)}`, values as unknown[]);
  return rows.map((row) => row['QUERY PLAN']).join('\n');
}

describe('claims by attempt', () => {
  const [first, second] = ['5d1e0a52-0ef4-4e57-9a2c-6d4c53e9b4a1', '6d1e0a52-0ef4-4e57-9a2c-6d4c53e9b4a1'];

  it.each(['text', 'uuid', 'varchar(80)'])('of type %s are found, the others have no row', async (type) => {
    await createGateTable({ attempt_id: `${type} not null unique` });
    await run(`insert into shop.gift_claim (uid, attempt_id, status, expires_at) values
      (1, '${first}', 'granted', now()), (2, '${second}', 'shipped', now())`);
    const odd = ['', 'no uuid', 'nul \u0000', '{"', "'", '7d1e0a52-0ef4-4e57-9a2c-6d4c53e9b4a1'];
    const found = await readClaimsByAttempt(shop.pool(), sql, [...odd, first, second, first]);
    expect([...found].map(([attempt, { kind }]) => [attempt, kind])).toEqual([
      ...odd.map((attempt) => [attempt, 'no_row']),
      [first, 'readable'],
      [second, 'unreadable'],
    ]);
    expect(found.get(first)).toMatchObject({ id: '1', attempt: first, markerKey: 'gift:1' });
    expect(await readClaimsByAttempt(shop.pool(), sql, [])).toEqual(new Map());
    expect(await readClaimsByAttempt(shop.pool(), sql, [second])).toMatchObject(
      new Map([[second, { kind: 'unreadable' }]]),
    );
  });

  it('are found however an attempt was written', async () => {
    await createGateTable({ attempt_id: 'uuid not null unique' });
    await run(`insert into shop.gift_claim (uid, attempt_id, status, expires_at) values
      (1, '${first}', 'granted', now()), (2, '${second}', 'granted', now())`);
    const written = [first.toUpperCase(), `{${second}}`, 'nobody'];
    const found = await readClaimsByAttempt(shop.pool(), sql, written);
    expect(written.map((attempt) => found.get(attempt))).toMatchObject([
      { id: '1', attempt: first },
      { id: '2', attempt: second },
      { kind: 'no_row' },
    ]);
  });

  it('are the newest where several rows have one attempt', async () => {
    await createGateTable({ attempt_id: 'text' }, '');
    for (const uid of [1, 2, 3]) {
      await run(
        `insert into shop.gift_claim (uid, attempt_id, status, expires_at) values (${uid}, 'a', 'granted', now())`,
      );
    }
    await run('update shop.gift_claim set uid = 7 where id = 2');
    for (const asked of [['a'], ['a', 'b']]) {
      expect((await readClaimsByAttempt(shop.pool(), sql, asked)).get('a')).toMatchObject({
        markerKey: 'gift:7',
      });
    }
  });

  it.each(['text', 'uuid'])('of type %s are looked up by index', async (type) => {
    await createGateTable({ attempt_id: 'text not null' });
    await fill();
    await run(`alter table shop.gift_claim alter column attempt_id type ${type} using attempt_id::${type};
      create unique index by_attempt on shop.gift_claim (attempt_id); analyze shop.gift_claim;`);
    const plan = await planOf(async (pool) => readClaimsByAttempt(pool, sql, [first, second]));
    expect(plan).toMatch(/Index Scan.* (using|on) by_attempt/);
  });
});

describe('the live claim on a marker', () => {
  it.each(['text', 'shop.state'])('is looked up by its index, with a status of type %s', async (type) => {
    await run("create type shop.state as enum ('pending', 'granted', 'failed')");
    await createGateTable({ status: `${type} not null` }, '');
    await run(`insert into shop.gift_claim (uid, attempt_id, status, expires_at)
      select n % 7, n, 'failed', now() from generate_series(1, 2000) n;
      insert into shop.gift_claim (uid, attempt_id, status, expires_at) values (1, 'live', 'pending', now());
      create unique index live on shop.gift_claim (uid) where status in ('granted', 'pending'); analyze shop.gift_claim;`);
    const table = await open();
    expect(await findLiveClaim(shop.pool(), table, { uid: '1' })).toMatchObject({
      attempt: 'live',
      status: 'pending',
    });
    expect(await planOf(async (pool) => findLiveClaim(pool, table, { uid: 1 }))).toMatch(
      /Index Scan.* (using|on) live/,
    );
  });

  it('is none where it cannot be understood', async () => {
    await createGateTable({ expires_at: 'timestamptz' });
    await run(
      `insert into shop.gift_claim (uid, attempt_id, status, expires_at) values (1, 'a', 'granted', 'infinity')`,
    );
    expect(await findLiveClaim(shop.pool(), await open(), { uid: 1 })).toBeNull();
  });
});

describe('rows in JSON', () => {
  it('are read by id, without the column of changes; those that are not there are left out', async () => {
    await createGateTable({ claim: 'text', note: 'text' });
    await run(`insert into shop.gift_claim (uid, attempt_id, status, expires_at, claim) values
      (9223372036854775807, 'a', 'granted', '2030-01-01Z', 'x')`);
    expect(await readClaimRows(shop.pool(), sql, ['1', '2'])).toEqual(
      new Map([
        [
          '1',
          {
            id: 1,
            uid: '9223372036854775807',
            attempt_id: 'a',
            status: 'granted',
            expires_at: expect.stringContaining('2030-01-01T00:00:00'),
            claim: 'x',
            note: null,
          },
        ],
      ]),
    );
  });

  it.each([
    ['0', 0],
    ['-0', -0],
    ['9007199254740991', 9007199254740991],
    ['9007199254740992', 9007199254740992],
    ['9007199254740993', '9007199254740993'],
    ['-9223372036854775808', '-9223372036854775808'],
    ['1.50', 1.5],
    ['0.000', 0],
    ['0.1', 0.1],
    ['0.30000000000000004', 0.30000000000000004],
    ['0.300000000000000041', '0.300000000000000041'],
    ['1e+300', 1e300],
    ['1E-7', 1e-7],
    ['0.0000001', 1e-7],
    ['1e999', '1e999'],
    ['100000000000000000000000', 1e23],
    ['100000000000000000000001', '100000000000000000000001'],
  ])('keep the number %s exactly', (text, value) => {
    const row = parseRow(`{"a" : ${text} ,"b":[${text},"${text}"],"${text}":true}`, sql);
    expect(row).toEqual({ a: value, b: [value, text], [text]: true });
  });

  it('keep everything else as JSON has it', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), (row) => {
        const json = JSON.stringify(row);
        expect(JSON.stringify(parseRow(json, sql))).toBe(json);
      }),
    );
  });
});

describe('a prepared insert', () => {
  it('goes on when a column is altered under a connection that lives', async () => {
    const pool = new pg.Pool({ connectionString: shop.pool().options.connectionString, max: 1 });
    onTestFinished(async () => pool.end());
    const insert = async (uid: string, attempt: string): Promise<unknown> =>
      insertPending(pool, await open(), { attempt, columns: { uid }, window: { ttlMs: 1_000 } });
    await run("create type shop.state as enum ('pending', 'granted', 'failed')");
    await createGateTable({ uid: 'int not null' });
    expect(await insert('1', 'a1')).toMatchObject({ kind: 'inserted' });
    await run('alter table shop.gift_claim alter column uid type bigint, add column more text');
    expect(await insert('99999999999', 'a2')).toMatchObject({
      row: { markerKey: 'gift:99999999999', claim: { more: null } },
    });
    await run(`drop index shop.live_claim; alter table shop.gift_claim alter column status type shop.state using status::shop.state;
      create unique index live on shop.gift_claim (uid) where status in ('pending', 'granted')`);
    expect(await insert('3', 'a3')).toMatchObject({ kind: 'inserted' });
    expect(await insert('3', 'a4')).toEqual({ kind: 'live_elsewhere' });
    await expect(insert('x', 'a5')).rejects.toThrow('invalid input syntax');
    await pool.query('deallocate all');
    expect(await insert('4', 'a6')).toMatchObject({ kind: 'inserted' });
  });
});

describe('what a server said', () => {
  it('is told by state, whichever copy of the driver threw; other codes are none', () => {
    const foreign = Object.assign(new Error('duplicate key'), { severity: 'ERROR', code: '23505' });
    expect(isUniqueViolation(foreign)).toBe(true);
    const others = [
      Object.assign(new Error('broken'), { code: 'EPIPE' }),
      new Error('x'),
      { severity: 'x', code: '1' },
    ];
    for (const other of [...others, null, Object.assign(new Error('x'), { severity: 'x', code: 5 })]) {
      expect(sqlStateOf(other)).toBeNull();
    }
  });
});
