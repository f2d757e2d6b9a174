/**
 * The record of passes: who asked for each, what it did, how it ended.
 * Does not run anything.
 */
import type pg from 'pg';
import type { Mode } from '../domain/source.ts';

export interface PassStart {
  readonly source: string;
  readonly askedBy: string;
  readonly mode: Mode;
  readonly fencingToken: string;
}

/**
 * Opens the record of a pass, and closes as failed one that an earlier process left open; never one of a later term. Returns the pass id and the
 * mode of the pass before it, null for the first.
 */
export async function beginPass(
  pool: pg.Pool,
  start: PassStart,
): Promise<{ passId: string; previousMode: Mode | null }> {
  await pool.query(
    `with left_open as (
       update reconciler.pass set ended_at = clock_timestamp(), outcome = 'failed'
       where source = $1 and ended_at is null and fencing_token <= $2 returning id)
     delete from reconciler.chunk where pass_id in (select id from left_open)`,
    [start.source, start.fencingToken],
  );
  const { rows } = await pool.query<{ id: string; previous: Mode | null }>(
    `insert into reconciler.pass (source, asked_by, mode, fencing_token) values ($1, $2, $3, $4)
     returning id::text, (select mode from reconciler.pass where source = $1 order by id desc limit 1) as previous`,
    [start.source, start.askedBy, start.mode, start.fencingToken],
  );
  const row = rows[0];
  if (row === undefined) throw new Error('an insert returned no row');
  return { passId: row.id, previousMode: row.previous };
}

/** Closes the record with its report. What others still judge for this pass is theirs no more: its chunks are dropped. */
export async function endPass(pool: pg.Pool, passId: string, outcome: string, report: object): Promise<void> {
  await pool.query(
    `with ended as (
       update reconciler.pass set ended_at = clock_timestamp(), outcome = $2, report = $3
       where id = $1 and ended_at is null returning id)
     delete from reconciler.chunk where pass_id in (select id from ended)`,
    [passId, outcome, JSON.stringify(report)],
  );
}

/**
 * Drops what nobody looks at any more: passes of over 90 days, or of over 7 days where they judged and repaired nothing; slots
 * of over 7 days. Returns how many rows went.
 */
export async function dropOldRecords(pool: pg.Pool): Promise<number> {
  const passes = await pool.query(
    `delete from reconciler.pass p where started_at < clock_timestamp() - interval '90 days'
       or started_at < clock_timestamp() - interval '7 days' and outcome = 'completed' and report ->> 'checked' = '0'
         and not exists (select from jsonb_each_text(p.report -> 'repairs') where value <> '0')`,
  );
  const slots = await pool.query(
    `delete from reconciler.slot where slot < clock_timestamp() - interval '7 days'`,
  );
  return (passes.rowCount ?? 0) + (slots.rowCount ?? 0);
}
