/**
 * Which rows a page is taken from, as SQL. By change, where a trigger stamps each row; by id, for a person's repair; or by a
 * column of a table that may not be altered, such as a time or an id.
 *
 * By a column: it says where to look, and the row's own version (its xmin) what is new there. A window holds the rows from an
 * overlap before the checkpoint on that were written by a transaction from the checkpoint's on and below the horizon: each
 * version of a row once, and none inside its grace period. The checkpoint's value was sampled when no transaction that is
 * not judged had ended, nor written anything before the sample before. So the next window holds every row whose transaction
 * began to write less than the overlap (and what lies between two samples) after the row's value was made; how long that
 * transaction then stays open does not matter, since the horizon waits for it.
 * Does not see what is written later than that: a row that changes and stays where it is, a value made long before.
 */
import pg from 'pg';
import type { Position } from '../domain/claim.ts';
import { compareChange, positionOf, xid8, type PositionSql, type SourceSql } from './source-sql.ts';

export type PageRange =
  | WindowRange
  | { readonly by: 'id'; readonly fromId: string; readonly toId: string; readonly afterId: string | null };

/** What a window is read by. */
export type WindowRange = ChangeRange | ColumnRange;

export interface ChangeRange {
  readonly by: 'change';
  readonly after: Position;
  /** Up to the horizon unless given. */
  readonly upTo?: Position;
}

export interface ColumnRange {
  readonly by: 'column';
  /** The checkpoint as it was when the pass began. */
  readonly from: Position;
  /** How far along the column the checkpoint may go; null: not known yet, and nothing is read. */
  readonly bound: string | null;
  /** The last row of the page before; null for the first page. */
  readonly after: Position | null;
}

/** SQL: a row lies in a range. Names no table. */
export function inRange(source: SourceSql, range: PageRange): string {
  const { id, change } = source;
  switch (range.by) {
    case 'id': {
      const after = range.afterId === null ? '' : ` and ${id} > ${idLiteral(source, range.afterId)}`;
      return `${id} between ${idLiteral(source, range.fromId)} and ${idLiteral(source, range.toId)}${after}`;
    }
    case 'change': {
      const { after, upTo } = range;
      const begins =
        after.id === null
          ? `${change} >= ${xid8(after.changeXid)}`
          : `(${change}, ${id}) > (${xid8(after.changeXid)}, ${idLiteral(source, after.id)})`;
      return upTo === undefined ? begins : `${begins} and ${isUpTo(source, upTo)}`;
    }
    case 'column':
      return inColumnRange(source, range);
  }
}

/** SQL: a row of a range is outside its grace period. */
export function isSettled(source: SourceSql, range: PageRange, horizon: string): string {
  const isBelow = compareChange(source, '<', horizon);
  if (range.by !== 'column') return isBelow;
  if (range.bound === null) return 'false';
  if (!isFirstReading(range)) return isBelow;
  // What a first reading leaves out is not looked for again; and of old rows, 32 bits cannot tell how old they are.
  const position = positionOf(source);
  return `(${isBelow} or ${position.column} < ${overlapBefore(position, range.bound)})`;
}

/** SQL: a row lies in a range and not after `to`. Names no table. */
export function inRangeUpTo(source: SourceSql, range: PageRange, to: Position): string {
  return `${inRange(source, range)} and ${isUpTo(source, to)}`;
}

function isUpTo(source: SourceSql, to: Position): string {
  const { id, change, position } = source;
  const order = position?.column ?? change;
  const end = position === null ? xid8(to.changeXid) : valueLiteral(position, to.value ?? '');
  return to.id === null ? `${order} < ${end}` : `(${order}, ${id}) <= (${end}, ${idLiteral(source, to.id)})`;
}

/** The range of the page after a row; that of the first page where there is none yet. */
export function rangeAfter(
  { position }: SourceSql,
  stretch: { readonly from: Position; readonly upTo?: Position; readonly bound: string | null },
  last: Position | null,
): WindowRange {
  const { from, upTo, bound } = stretch;
  return position === null
    ? { by: 'change', after: last ?? from, ...(upTo === undefined ? {} : { upTo }) }
    : { by: 'column', from, bound, after: last };
}

function inColumnRange(source: SourceSql, range: ColumnRange): string {
  const { from, after } = range;
  const position = positionOf(source);
  const isNew = isFirstReading(range) ? '' : ` and ${compareChange(source, '>=', from.changeXid)}`;
  if (after?.value !== undefined && after.id !== null) {
    const last = `(${valueLiteral(position, after.value)}, ${idLiteral(source, after.id)})`;
    return `(${position.column}, ${source.id}) > ${last}${isNew}`;
  }
  return from.value === undefined
    ? `${position.column} is not null${isNew}`
    : `${position.column} >= ${overlapBefore(position, from.value)}${isNew}`;
}

function isFirstReading({ from }: ColumnRange): boolean {
  return from.changeXid === '0';
}

function overlapBefore(position: PositionSql, value: string): string {
  return `(${valueLiteral(position, value)} - ${position.overlap})`;
}

function valueLiteral({ type }: PositionSql, value: string): string {
  return `${pg.escapeLiteral(value)}::${type}`;
}

function idLiteral({ idType }: SourceSql, id: string): string {
  return `${pg.escapeLiteral(id)}::${idType}`;
}
