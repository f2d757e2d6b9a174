/**
 * Brings the schema `reconciler` up to date: numbered forward-only SQL files, each with a checksum, one migrator at a
 * time. A file whose first line is `-- no transaction` runs outside one (for `create index concurrently`).
 * Invariant kept: a file that was applied and then edited is refused, never run again.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type pg from 'pg';
import { OperatingError } from '../domain/operating-error.ts';
import { onConnection } from './connect.ts';

const folder = new URL('../../migrations/', import.meta.url);
/** Any number will do, as long as every version of the program uses the same. */
const advisoryLockId = 7_246_190_351;

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/** Applies what is missing and returns the names of the files it ran, in order. Safe to call at the same time. */
export async function migrate(pool: pg.Pool): Promise<string[]> {
  const migrations = await readMigrations();
  return onConnection(pool, async (client) => {
    await client.query('set lock_timeout = 0');
    await client.query('select pg_advisory_lock($1)', [advisoryLockId]);
    try {
      return await applyMissing(client, migrations);
    } finally {
      await client.query('select pg_advisory_unlock($1)', [advisoryLockId]);
      await client.query('reset lock_timeout');
    }
  });
}

/** The names of files that were not applied yet; all of them when the schema is not there. */
export async function pendingMigrations(pool: pg.Pool): Promise<string[]> {
  const migrations = await readMigrations();
  const there = await pool.query<{ there: boolean }>(
    "select to_regclass('reconciler.migration') is not null as there",
  );
  const applied = there.rows[0]?.there === true ? await readApplied(pool) : new Map<string, string>();
  return migrations.map(({ name }) => name).filter((name) => !applied.has(name));
}

/** Throws `not_ready`, with what is missing and the command that helps, unless every migration was applied. */
export async function assertMigrated(pool: pg.Pool): Promise<void> {
  const pending = await pendingMigrations(pool);
  if (pending.length === 0) return;
  throw new OperatingError(
    'not_ready',
    `The schema is not up to date (missing: ${pending.join(', ')}). Run: claim-reconciler migrate`,
  );
}

/** The name of the newest migration that was applied. */
export async function readSchemaVersion(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query<{ name: string | null }>(
    'select max(name) as name from reconciler.migration',
  );
  return rows[0]?.name ?? '';
}

async function applyMissing(client: pg.PoolClient, migrations: Migration[]): Promise<string[]> {
  // Not `if not exists`, which asks for the right to create schemas even where an administrator has made this one.
  await client.query(`
    do $$ begin
      if to_regnamespace('reconciler') is null then create schema reconciler; end if;
    end $$;
    create table if not exists reconciler.migration (
      name text primary key,
      checksum text not null,
      applied_at timestamptz not null default clock_timestamp()
    )`);
  const applied = await readApplied(client);
  const ran: string[] = [];
  for (const migration of migrations) {
    const checksum = applied.get(migration.name);
    if (checksum === undefined) {
      await apply(client, migration);
      ran.push(migration.name);
    } else if (checksum !== migration.checksum) {
      throw new OperatingError(
        'not_ready',
        `The migration ${migration.name} was edited after it had been applied. Nothing was changed. Restore the file ` +
          'as it was and put the change into a new one.',
      );
    }
  }
  return ran;
}

async function apply(client: pg.PoolClient, { name, sql, checksum }: Migration): Promise<void> {
  const record = 'insert into reconciler.migration (name, checksum) values ($1, $2)';
  if (sql.startsWith('-- no transaction')) {
    await client.query(sql);
    await client.query(record, [name, checksum]);
    return;
  }
  await client.query('begin');
  try {
    await client.query(sql);
    await client.query(record, [name, checksum]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

async function readApplied(client: pg.PoolClient | pg.Pool): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; checksum: string }>(
    'select name, checksum from reconciler.migration',
  );
  return new Map(rows.map((row) => [row.name, row.checksum]));
}

async function readMigrations(): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, folder), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}
