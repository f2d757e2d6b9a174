/**
 * Reads what `record-rows.sql` noted: rows of the journal, the checkpoint, the slots and the terms, in the order of commits.
 * The server must run with `track_commit_timestamp`.
 */
import { readFileSync } from 'node:fs';
import type { Pool } from 'pg';
import type { RowEvent } from './events.ts';

/** What a server that is to be recorded is started with. */
export const recordedSettings = { track_commit_timestamp: 'on' } as const;

const sql = readFileSync(new URL('./record-rows.sql', import.meta.url), 'utf8');

/** From now on; the tables must be there. */
export async function recordRows(pool: Pool): Promise<void> {
  await pool.query(sql);
}

export async function recordedRows(pool: Pool): Promise<RowEvent[]> {
  const { rows } = await pool.query<RowEvent>(
    `select 'row' as kind, "table", "row",
       (extract(epoch from pg_xact_commit_timestamp(xid::xid)) * 1000)::float8 as "atMs"
     from history.written order by "atMs", n`,
  );
  return rows;
}
