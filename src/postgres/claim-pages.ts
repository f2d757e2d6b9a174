/**
 * Reads the claims changed since the checkpoint, a page at a time, in the order `(change_xid, id)`.
 * Invariant kept (1): a page holds every row between two positions below the horizon, in one snapshot; nothing is
 * skipped. Method: keyset by row comparison, bounded by a horizon sampled at least one grace period ago.
 */
import pg from 'pg';
import type { Position } from '../domain/claim.ts';
import { onConnection } from './connect.ts';
import { copyOut, fieldsOfLine, type CopiedLines } from './copy-out.ts';
import { xid8, type SourceSql } from './source-sql.ts';

export interface ClaimPage {
  readonly lines: CopiedLines;
  readonly rows: number;
  /** Where the page ends; null when it is empty. */
  readonly last: Position | null;
}

/** Which rows a page is taken from: by change, from a position on and perhaps up to one, or by id, for a person's repair. */
export type PageRange =
  | { readonly by: 'change'; readonly after: Position; readonly upTo?: Position }
  | { readonly by: 'id'; readonly fromId: string; readonly toId: string; readonly afterId: string | null };

export interface PageBounds {
  readonly range: PageRange;
  /** Transaction id: only rows below it are read. */
  readonly horizon: string;
  readonly rowsMax: number;
}

/**
 * Lines hold status, key, value (empty where it says nothing), expiry (8 bytes), change_xid (8 bytes) and id; null is none of
 * them. See `screen-markers.lua`.
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
    last: lines.count === 0 ? null : positionOfLine(lines, lines.count - 1),
  };
}

/** The position of a line of a page, from 0. */
export function positionOfLine(lines: CopiedLines, line: number): Position & { readonly id: string } {
  const [, , , , changeXid, id] = fieldsOfLine(lines, line);
  if (!changeXid || !id) throw new Error('a claim line has too few fields');
  return { changeXid: String(changeXid.readBigUInt64BE()), id: id.toString() };
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
  const isAll = range.by === 'change' && range.after.changeXid === '0';
  const where = isAll ? '' : `where ${inRange(source, range)} and ${source.change} < ${xid8(horizon)}`;
  const { rows } = await pool.query<{
    'QUERY PLAN': readonly { readonly Plan: { readonly 'Plan Rows': number } }[];
  }>(`explain (format json) select from ${source.table} ${where}`);
  return rows[0]?.['QUERY PLAN'][0]?.Plan['Plan Rows'] ?? 0;
}

/** Ordered by the table's columns, by name: one that is called like an expression here would mean the expression. */
function pageStatement(source: SourceSql, { range, horizon, rowsMax }: PageBounds): string {
  const { id, change } = source;
  const order = range.by === 'change' ? [change, id] : [id];
  return `copy (
    select ${source.status}, coalesce(${source.markerKey}, ''), coalesce(${source.markerValue ?? 'null'}, ''),
      coalesce(${source.expiresAtMs}, 0), ${change}, ${id}::text
    from ${source.table} claim
    where ${inRange(source, range)} and ${change} < ${xid8(horizon)}
    order by ${order.map((column) => `claim.${column}`).join(', ')}
    limit ${Math.trunc(rowsMax)}
  ) to stdout (format binary)`;
}

/** SQL: a row lies after `from` and not after `to`, in the order of changes. Names no table. */
export function changedBetween(
  source: SourceSql,
  { from, to }: { readonly from: Position; readonly to: Position },
): string {
  return inRange(source, { by: 'change', after: from, upTo: to });
}

/** SQL: a row lies in the range, whatever its horizon. Names no table. */
export function inRange({ id, idType, change }: SourceSql, range: PageRange): string {
  const literal = (value: string): string => `${pg.escapeLiteral(value)}::${idType}`;
  if (range.by === 'id') {
    const after = range.afterId === null ? '' : ` and ${id} > ${literal(range.afterId)}`;
    return `${id} between ${literal(range.fromId)} and ${literal(range.toId)}${after}`;
  }
  const { after, upTo } = range;
  const begins =
    after.id === null
      ? `${change} >= ${xid8(after.changeXid)}`
      : `(${change}, ${id}) > (${xid8(after.changeXid)}, ${literal(after.id)})`;
  if (upTo === undefined) return begins;
  return upTo.id === null
    ? `${begins} and ${change} < ${xid8(upTo.changeXid)}`
    : `${begins} and (${change}, ${id}) <= (${xid8(upTo.changeXid)}, ${literal(upTo.id)})`;
}
