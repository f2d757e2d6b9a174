/**
 * Reads the claims changed since the checkpoint, a page at a time, in the order `(change_xid, id)`; where a table has no
 * stamped column, in the order of one of its own, from an overlap before the checkpoint on: see `page-range.ts`.
 * Invariant kept (1): a page holds every row between two positions below the horizon, in one snapshot; nothing is
 * skipped. Method: keyset by row comparison, bounded by a horizon sampled at least one grace period ago.
 */
import pg from 'pg';
import type { Position } from '../domain/claim.ts';
import { onConnection } from './connect.ts';
import { copyOut, fieldsOfLine, type CopiedLines } from './copy-out.ts';
import { inRange, isSettled, type PageRange } from './page-range.ts';
import type { SourceSql } from './source-sql.ts';

export interface ClaimPage {
  readonly lines: CopiedLines;
  readonly rows: number;
  /** Where the page ends; null when it is empty. */
  readonly last: Position | null;
}

export interface PageBounds {
  readonly range: PageRange;
  /** Transaction id: only rows below it are read. */
  readonly horizon: string;
  readonly rowsMax: number;
}

/**
 * Lines hold status, key, value (empty where it says nothing), expiry (8 bytes), change_xid (8 bytes) and id; null is none of
 * them. See `screen-markers.lua`. Of a source that is read by a column of its own, that column's text and `|` come before the id.
 */
export async function readClaimPage(
  pool: pg.Pool,
  source: SourceSql,
  bounds: PageBounds,
): Promise<ClaimPage> {
  const lines = await onConnection(pool, (client) =>
    copyOut(client, pageStatement(source, bounds), bounds.rowsMax),
  );
  return {
    lines,
    rows: lines.count,
    last: lines.count === 0 ? null : positionOfLine(source, lines, lines.count - 1),
  };
}

/** The position of a line of a page, from 0. */
export function positionOfLine(
  { position }: Pick<SourceSql, 'position'>,
  lines: CopiedLines,
  line: number,
): Position & { readonly id: string } {
  const [, , , , change, place] = fieldsOfLine(lines, line);
  if (!change || !place) throw new Error('a claim line has too few fields');
  const [changeXid, text] = [String(change.readBigUInt64BE()), place.toString()];
  if (position === null) return { changeXid, id: text };
  const end = text.indexOf('|');
  return { changeXid, id: text.slice(end + 1), value: text.slice(0, end) };
}

/**
 * About how many rows a range holds below the horizon, as the planner guesses without reading any: for telling people how
 * long it will take, and for nothing else.
 */
export async function estimateRows(
  pool: pg.Pool,
  source: SourceSql,
  range: PageRange,
  horizon: string,
): Promise<number> {
  // Of a column that was added a moment ago the planner knows nothing, but of the table it does.
  const isAll =
    (range.by === 'change' && range.after.changeXid === '0') ||
    (range.by === 'column' && range.from.changeXid === '0' && range.from.value === undefined);
  const where = isAll ? '' : `where ${inRange(source, range)} and ${isSettled(source, range, horizon)}`;
  const { rows } = await pool.query<{
    'QUERY PLAN': readonly { readonly Plan: { readonly 'Plan Rows': number } }[];
  }>(`explain (format json) select from ${source.table} ${where}`);
  return rows[0]?.['QUERY PLAN'][0]?.Plan['Plan Rows'] ?? 0;
}

/** Ordered by the table's columns, by name: one that is called like an expression here would mean the expression. */
function pageStatement(source: SourceSql, { range, horizon, rowsMax }: PageBounds): string {
  const { id, change, position } = source;
  const order = range.by === 'id' ? [id] : [position?.column ?? change, id];
  const place =
    position === null ? `${id}::text` : `coalesce(${position.column}::text, '') || '|' || ${id}::text`;
  return `copy (
    select ${source.status}, coalesce(${source.markerKey}, ''), coalesce(${source.markerValue ?? 'null'}, ''),
      coalesce(${source.expiresAtMs}, 0), ${position?.version ?? change}, ${place}
    from ${source.table} claim
    where ${inRange(source, range)} and ${isSettled(source, range, horizon)}
    order by ${order.map((column) => `claim.${column}`).join(', ')}
    limit ${Math.trunc(rowsMax)}
  ) to stdout (format binary)`;
}
