/**
 * Transactions that are repeated, and a pool that has run dry (FAULTS "The daemon" 11 and 12), on a real server.
 */
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectPostgres, endPool, inTransaction } from '../../src/postgres/connect.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createDatabase();
  await database.pool.query('create table account (id int primary key, balance int not null)');
});
afterAll(async () => database.drop());
beforeEach(async () => {
  await database.pool.query('truncate account; insert into account values (1, 0), (2, 0)');
  pool = connectPostgres({
    url: database.url,
    applicationName: 'connect test',
    connectionsMax: 2,
    statementTimeoutMs: 10_000,
    onError: () => undefined,
  });
});
afterEach(async () => endPool(pool, 1_000));

/** Calls back once both have come. */
function rendezvous(): () => Promise<void> {
  let come = 0;
  let open: () => void = () => undefined;
  const both = new Promise<void>((resolve) => {
    open = resolve;
  });
  return async () => {
    come += 1;
    if (come === 2) open();
    await both;
  };
}

async function add(client: pg.PoolClient, id: number): Promise<void> {
  await client.query('update account set balance = balance + 1 where id = $1', [id]);
}

async function balances(): Promise<number[]> {
  const { rows } = await database.pool.query<{ balance: number }>('select balance from account order by id');
  return rows.map(({ balance }) => balance);
}

describe('a transaction', () => {
  it('12: that Postgres ended for a deadlock is repeated as a whole, and only that', async () => {
    const meet = rendezvous();
    let runs = 0;
    const both = async (first: number, second: number): Promise<void> =>
      inTransaction(pool, async (client) => {
        runs += 1;
        await add(client, first);
        if (runs <= 2) await meet();
        await add(client, second);
      });
    await Promise.all([both(1, 2), both(2, 1)]);
    expect(runs).toBe(3);
    expect(await balances()).toEqual([2, 2]);
  });

  it('12: that could not be serialized is repeated, and reads anew', async () => {
    const meet = rendezvous();
    let runs = 0;
    const increase = async (): Promise<void> =>
      inTransaction(pool, async (client) => {
        runs += 1;
        await client.query('set transaction isolation level repeatable read');
        const { rows } = await client.query<{ balance: number }>('select balance from account where id = 1');
        if (runs <= 2) await meet();
        await client.query('update account set balance = $1 where id = 1', [(rows[0]?.balance ?? 0) + 1]);
      });
    await Promise.all([increase(), increase()]);
    expect(runs).toBe(3);
    expect(await balances()).toEqual([2, 0]);
  });

  it('12: that fails so each time is given up after three tries, and leaves nothing', async () => {
    let runs = 0;
    const work = inTransaction(pool, async (client) => {
      runs += 1;
      await add(client, 1);
      await client.query(`do $$ begin raise exception 'again' using errcode = '40001'; end $$`);
    });
    await expect(work).rejects.toMatchObject({ code: '40001' });
    expect(runs).toBe(3);
    expect(await balances()).toEqual([0, 0]);
  });

  it('that fails otherwise is not repeated', async () => {
    let runs = 0;
    const work = inTransaction(pool, async (client) => {
      runs += 1;
      await client.query('select 1 / 0');
    });
    await expect(work).rejects.toMatchObject({ code: '22012' });
    expect(runs).toBe(1);
  });
});

describe('a pool without a free connection', () => {
  it('11: refuses in time, and serves again when one comes back', async () => {
    const held = [await pool.connect(), await pool.connect()];
    await expect(pool.query('select 1')).rejects.toThrow('timeout exceeded when trying to connect');
    for (const client of held) client.release();
    await expect(pool.query('select 1')).resolves.toMatchObject({ rowCount: 1 });
  });
});
