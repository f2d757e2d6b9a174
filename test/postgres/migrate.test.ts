/**
 * Migrations: each file once, by one migrator at a time, and never a file that was edited since.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Pool, type PoolConfig } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate, pendingMigrations } from '../../src/postgres/migrate.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';

const folder = new URL('../../migrations/', import.meta.url);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.sql'))
  .toSorted();

let database: TestDatabase;
const pools: Pool[] = [];
beforeEach(async () => {
  database = await createDatabase();
});
afterEach(async () => {
  await Promise.all(pools.splice(0).map(async (pool) => pool.end()));
  await database.drop();
});

function openPool(options: PoolConfig = {}): Pool {
  const pool = new Pool({ connectionString: database.url, ...options });
  // The database may be dropped before the last connection has said goodbye.
  pool.on('connect', (client) => client.on('error', () => undefined));
  pool.on('error', () => undefined);
  pools.push(pool);
  return pool;
}

async function applied(): Promise<unknown[]> {
  const { rows } = await database.pool.query(
    'select name, checksum, applied_at from reconciler.migration order by name',
  );
  return rows;
}

describe('migrating', () => {
  it('applies every file in order, and nothing the second time', async () => {
    expect(files.length).toBeGreaterThan(0);
    expect(await pendingMigrations(database.pool)).toEqual(files);
    expect(await migrate(database.pool)).toEqual(files);
    const after = await applied();
    expect(after).toHaveLength(files.length);
    expect(await pendingMigrations(database.pool)).toEqual([]);
    expect(await migrate(database.pool)).toEqual([]);
    expect(await applied()).toEqual(after);
  });

  it('at the same time from many places applies every file once', async () => {
    const places = Array.from({ length: 4 }, () => openPool());
    const ran = await Promise.all([...places, ...places].map(async (pool) => migrate(pool)));
    expect(ran.filter(({ length }) => length > 0)).toEqual([files]);
    expect(await applied()).toHaveLength(files.length);
  });

  it('waits for another migrator however short lock waits are, and leaves its connection as it was', async () => {
    const other = await database.pool.connect();
    await other.query('select pg_advisory_lock(7246190351)');
    const impatient = openPool({ lock_timeout: 50, max: 1 });
    const migrating = migrate(impatient);
    await waitFor(
      async () =>
        (await database.pool.query(`select from pg_locks where locktype = 'advisory' and not granted`))
          .rowCount,
      { what: 'the migrator to wait' },
    );
    await other.query('select pg_sleep(0.2), pg_advisory_unlock(7246190351)');
    other.release();
    expect(await migrating).toEqual(files);
    const { rows } = await impatient.query(`select current_setting('lock_timeout') as waits,
      (select count(*)::int from pg_locks where locktype = 'advisory' and database =
        (select oid from pg_database where datname = current_database())) as held`);
    expect(rows).toEqual([{ waits: '50ms', held: 0 }]);
  });

  it('goes on where an earlier version ended', async () => {
    await migrate(database.pool);
    const [first = '', ...later] = files;
    // An earlier version: its one file, and the record of it.
    await database.pool.query(`create table record as select * from reconciler.migration;
      drop schema reconciler cascade; create schema reconciler;
      ${readFileSync(new URL(first, folder), 'utf8')};
      alter table record rename to migration; alter table migration set schema reconciler`);
    await database.pool.query('delete from reconciler.migration where name <> $1', [first]);
    expect(await pendingMigrations(database.pool)).toEqual(later);
    expect(await migrate(database.pool)).toEqual(later);
  });

  it('refuses a file that was edited after it had been applied, and changes nothing', async () => {
    await migrate(database.pool);
    const [first = '', last = ''] = [files[0], files.at(-1)];
    await database.pool.query(
      `update reconciler.migration set checksum = 'of another text' where name = $1`,
      [first],
    );
    await database.pool.query('delete from reconciler.migration where name = $1 and name <> $2', [
      last,
      first,
    ]);
    const before = await applied();
    await expect(migrate(database.pool)).rejects.toMatchObject({
      code: 'not_ready',
      message: expect.stringContaining(`The migration ${first} was edited after it had been applied`),
    });
    expect(await applied()).toEqual(before);
  });

  it('that fails half way leaves nothing of that file behind', async () => {
    await database.pool.query('create schema reconciler; create table reconciler.brake (other text)');
    await expect(migrate(database.pool)).rejects.toThrow('"brake" already exists');
    const { rows } = await database.pool.query(
      `select table_name from information_schema.tables where table_schema = 'reconciler' order by 1`,
    );
    expect(rows).toEqual([{ table_name: 'brake' }, { table_name: 'migration' }]);
    expect(await pendingMigrations(database.pool)).toEqual(files);
    await database.pool.query('drop table reconciler.brake');
    expect(await migrate(database.pool)).toEqual(files);
  });
});

describe('the stamp of changes', () => {
  it('is the transaction, on insert and update, also where triggers are switched off for a replica', async () => {
    await migrate(database.pool);
    const { pool } = database;
    await pool.query(`create table claim (id int primary key, change_xid xid8 not null);
      create trigger stamp_change before insert or update on claim
        for each row execute function reconciler.stamp_change();
      alter table claim enable always trigger stamp_change;`);
    const stamps = async (): Promise<boolean[]> => {
      const { rows } = await pool.query<{ own: boolean }>(
        `select change_xid = xmin::text::xid8 as own from claim order by id`,
      );
      return rows.map(({ own }) => own);
    };
    await pool.query(`insert into claim values (1, '1'), (2, '99999999')`);
    expect(await stamps()).toEqual([true, true]);
    await pool.query(`update claim set change_xid = '5' where id = 1`);
    expect(await stamps()).toEqual([true, true]);
    await pool.query(
      `begin; set local session_replication_role = replica; insert into claim values (3, '1'); commit`,
    );
    expect(await stamps()).toEqual([true, true, true]);
  });
});
