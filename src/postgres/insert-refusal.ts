/**
 * What it means that the claim table did not take a row: by the columns of the index that refused it, since on a
 * partition the index has a name of its own.
 */
import type pg from 'pg';
import type { Source } from '../domain/source.ts';
import { templateColumns } from '../domain/template.ts';
import { isSameSet } from './live-index.ts';
import { isUniqueViolation } from './sql-state.ts';

/** Another claim holds the place on the marker; or there is a row of this very attempt. */
export type Refusal = 'live_elsewhere' | 'attempt_exists';

/** Nothing was written in either case. Throws what means neither, as it is. */
export async function refusalOf(pool: pg.Pool, source: Source, error: unknown): Promise<Refusal> {
  if (!(error instanceof Error) || !isUniqueViolation(error)) throw error;
  const columns = await columnsOfIndex(pool, error);
  if (columns.length === 0) throw error;
  if (isSameSet(columns, [source.columns.attempt])) return 'attempt_exists';
  if (isSameSet(columns, templateColumns(source.marker.key))) return 'live_elsewhere';
  throw error;
}

/** An expression is an empty text. Empty when the index is gone. */
async function columnsOfIndex(pool: pg.Pool, error: Error): Promise<string[]> {
  const { schema, constraint } = error as pg.DatabaseError;
  const { rows } = await pool.query<{ name: string }>(
    `select coalesce(a.attname, '') as name
     from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_index i on i.indexrelid = c.oid
     cross join unnest(i.indkey[0:i.indnkeyatts - 1]) as k (attnum)
     left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
     where n.nspname = $1 and c.relname = $2`,
    [schema, constraint],
  );
  return rows.map(({ name }) => name);
}
