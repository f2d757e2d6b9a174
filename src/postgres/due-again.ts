/**
 * Open discrepancies that wait for their next look: when the first of them is due; and those whose claim was changed meanwhile, by
 * a person say, who settled it, which the pass that reads the change makes due, so that it looks at once.
 * Does not look, and closes nothing: see `repair-due.ts`.
 */
import type pg from 'pg';
import type { Position } from '../domain/claim.ts';
import { inRangeUpTo, type PageRange } from './page-range.ts';
import type { SourceSql } from './source-sql.ts';

/** Whether any discrepancy of a source waits: where none does, no claim needs to be compared with them. */
export async function hasWaiting(pool: pg.Pool, source: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    `select from reconciler.discrepancy where source = $1 and state = 'open' and next_check_at is not null limit 1`,
    [source],
  );
  return rowCount === 1;
}

/**
 * Milliseconds until the first of those is due that are not due now; null when there is none. What is due now was left to the
 * next pass by the one that has just ended; what a person holds does not count.
 */
export async function untilNextCheck(pool: pg.Pool, source: string): Promise<number | null> {
  const { rows } = await pool.query<{ waitsMs: number | null }>(
    `select (extract(epoch from min(next_check_at) - clock_timestamp()) * 1000)::float8 as "waitsMs"
     from reconciler.discrepancy
     where source = $1 and state = 'open' and next_check_at > clock_timestamp() and not held`,
    [source],
  );
  return rows[0]?.waitsMs ?? null;
}

/** Makes due what waits about the claims of a page: those of `range`, up to and with `to`, in reading order. */
export async function makeDueAgain(
  client: pg.ClientBase,
  source: SourceSql,
  { range, to }: { readonly range: PageRange; readonly to: Position },
): Promise<void> {
  await client.query(
    `update reconciler.discrepancy d set next_check_at = null
     from (select ${source.id}::text as id from ${source.table} where ${inRangeUpTo(source, range, to)}) claim
     where d.source = $1 and d.state = 'open' and d.next_check_at is not null and d.subject = 'claim:' || claim.id`,
    [source.name],
  );
}
