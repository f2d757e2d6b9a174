/**
 * Whether a failed insert may be there all the same: on real servers, with the row looked for afterwards.
 */
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { connectPostgres } from '../../src/postgres/connect.ts';
import { isSurelyUndone } from '../../src/postgres/surely-undone.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

let database: TestDatabase;
let proxy: TcpProxy;
beforeAll(async () => {
  database = await createDatabase();
  proxy = await startTcpProxy(database.url);
  await database.pool.query('create table thing (id int primary key check (id < 100))');
});
afterAll(async () => {
  await proxy.close();
  await database.drop();
});
beforeEach(async () => {
  proxy.set('pass');
  await database.pool.query('truncate thing');
});

function poolTo(
  url: string,
  changes: { connectionsMax?: number; statementTimeoutMs?: number } = {},
): pg.Pool {
  const pool = connectPostgres({
    url,
    applicationName: 'undone',
    connectionsMax: 1,
    statementTimeoutMs: 5_000,
    onError: () => undefined,
    ...changes,
  });
  onTestFinished(async () => pool.end());
  return pool;
}

function changed(change: (url: URL) => void): string {
  const url = new URL(database.url);
  change(url);
  return url.href;
}

async function troubleOf(pool: pg.Pool, statement = 'insert into thing values (1)'): Promise<unknown> {
  try {
    await pool.query(statement);
  } catch (error) {
    return error;
  }
  throw new Error('expected an error');
}

async function rows(): Promise<number> {
  return (await database.pool.query('select from thing')).rowCount ?? 0;
}

describe('a statement is surely undone', () => {
  it.each([
    ['a wrong password', (url: URL): void => void (url.password = 'wrong')],
    ['a database that is not there', (url: URL): void => void (url.pathname = '/none')],
    ['a server that is not there', (url: URL): void => void (url.port = '1')],
    ['a host that nobody knows', (url: URL): void => void (url.hostname = 'nowhere.invalid')],
    [
      'a name that means two addresses',
      (url: URL): void => void ([url.hostname, url.port] = ['localhost', '1']),
    ],
  ])('after %s', async (_, change) => {
    expect(isSurelyUndone(await troubleOf(poolTo(changed(change))))).toBe(true);
  });

  it.each([
    ['a row that is there', 'insert into thing values (1), (1)'],
    ['a check that refuses', 'insert into thing values (100)'],
    ['a value that does not fit', `insert into thing values ('x')`],
    ['a table that is not there', 'insert into nothing values (1)'],
  ])('after %s', async (_, statement) => {
    expect(isSurelyUndone(await troubleOf(poolTo(database.url), statement))).toBe(true);
    expect(await rows()).toBe(0);
  });

  it('after a wait for a lock that was too long', async () => {
    const pool = poolTo(database.url, { statementTimeoutMs: 300 });
    const other = await database.pool.connect();
    await other.query('begin; insert into thing values (1)');
    expect(isSurelyUndone(await troubleOf(pool))).toBe(true);
    await other.query('rollback');
    other.release();
    expect(await rows()).toBe(0);
  });

  it('after a statement that was stopped for its time', async () => {
    const pool = poolTo(database.url, { statementTimeoutMs: 100 });
    const statement = 'insert into thing select 1 from pg_sleep(60)';
    expect(isSurelyUndone(await troubleOf(pool, statement))).toBe(true);
    expect(await rows()).toBe(0);
  });

  it('after a pool that was ended', async () => {
    const pool = connectPostgres({
      url: database.url,
      applicationName: 'undone',
      connectionsMax: 1,
      statementTimeoutMs: 5_000,
      onError: () => undefined,
    });
    await pool.end();
    expect(isSurelyUndone(await troubleOf(pool))).toBe(true);
  });
});

describe('a statement may have been done', () => {
  it('after a connection that broke: it was', async () => {
    const pool = poolTo(proxy.url);
    await pool.query('select 1');
    proxy.set('swallow_replies');
    const trouble = troubleOf(pool);
    await waitFor(async () => (await rows()) === 1, { what: 'the row' });
    proxy.cut();
    expect(isSurelyUndone(await trouble)).toBe(false);
  });

  it('after a backend that was ended', async () => {
    const statement = 'insert into thing select 1 from pg_terminate_backend(pg_backend_pid())';
    expect(isSurelyUndone(await troubleOf(poolTo(database.url), statement))).toBe(false);
  });

  it('after anything that is not known', () => {
    expect(isSurelyUndone(new Error('Query read timeout'))).toBe(false);
    expect(isSurelyUndone(new AggregateError([new Error('x')]))).toBe(false);
    expect(isSurelyUndone('gone')).toBe(false);
  });
});
