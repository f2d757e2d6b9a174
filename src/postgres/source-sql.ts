/**
 * Turns a source's mapping into SQL expressions. Identifiers are quoted, literals escaped; nothing else is pasted in.
 * The marker key and the expected value are built here, in Postgres: no object per row on our side.
 */
import pg from 'pg';
import { endOfTimeMs } from '../domain/claim-window.ts';
import { windowColumn, type ClaimExpiry, type ClaimPosition, type Source } from '../domain/source.ts';
import type { Template } from '../domain/template.ts';

const { escapeIdentifier, escapeLiteral } = pg;

export interface SourceSql {
  readonly name: string;
  readonly table: string;
  readonly id: string;
  /** The SQL type of the id, to cast text back to. */
  readonly idType: string;
  /** The version of a row, as `xid8`: the stamped column, or what the row's own xmin says. Not to be qualified. */
  readonly change: string;
  /** Not quoted; null for a source without such a column. */
  readonly changeName: string | null;
  /** For a source that is read by a column of its own. */
  readonly position: PositionSql | null;
  readonly attempt: string;
  /** The columns themselves, for statements that write or look up. */
  readonly attemptColumn: string;
  readonly statusColumn: string;
  readonly rawStatus: string;
  /** The application's words for each status; the first of a list is the one that is written. */
  readonly words: Source['statuses'];
  /** `g`, `p`, `r`, or `u` for a row that cannot be judged. */
  readonly status: string;
  readonly markerKey: string;
  /** Null for a source whose marker value says nothing. */
  readonly markerValue: string | null;
  /** Unix milliseconds as bigint; null when absent or infinite. */
  readonly expiresAtMs: string;
  /** Columns of the marker's key: what two claims on one marker have in common. */
  readonly keyColumns: readonly string[];
}

export interface PositionSql {
  readonly column: string;
  /** The SQL type of the column, to cast text back to. */
  readonly type: string;
  /** `change` as bigint, which is sooner made and compared. */
  readonly version: string;
  /** What is taken from a value of the column: an interval, or a number of ids. */
  readonly overlap: string;
  /** How far along the column the rows go that are visible now: nothing that is seen later was committed by now. */
  readonly reached: string;
}

/**
 * @param idType as the catalog prints it (`bigint`, `uuid`, `text`)
 * @param positionType the same of the position's column, where the source has one
 */
export function describeSource(source: Source, idType: string, positionType = 'text'): SourceSql {
  const { columns, marker, statuses } = source;
  const attempt = text(columns.attempt);
  const rawStatus = text(columns.status);
  const markerKey = concatenate(marker.key);
  const markerValue = marker.value === null ? null : concatenate(marker.value);
  return {
    name: source.name,
    table: tableName(source.table),
    id: escapeIdentifier(columns.id),
    idType,
    change: columns.change === null ? `${rowVersion}::text::xid8` : escapeIdentifier(columns.change),
    changeName: columns.change,
    position: source.position === undefined ? null : positionSql(source, source.position, positionType),
    attempt,
    attemptColumn: escapeIdentifier(columns.attempt),
    statusColumn: escapeIdentifier(columns.status),
    rawStatus,
    words: statuses,
    status: statusLetter(source, rawStatus),
    markerKey,
    markerValue,
    expiresAtMs: expiry(columns.expiry),
    keyColumns: marker.key.flatMap((part) => (part.kind === 'column' ? [escapeIdentifier(part.name)] : [])),
  };
}

/**
 * The transaction that wrote a row, from its 32 bits: the newest that may have. A subtransaction's id is above that of its
 * transaction, and so is as good: below a horizon, both have ended. Of a row that is more than 2^32 transactions old it says nothing.
 */
const snapshotEnd = '(select pg_snapshot_xmax(pg_current_snapshot())::text::bigint)';
const rowVersion = `(${snapshotEnd} - ((${snapshotEnd} - xmin::text::bigint) & 4294967295))`;

function positionSql({ table }: Source, { column, overlap }: ClaimPosition, type: string): PositionSql {
  const name = escapeIdentifier(column);
  const greatest = `(select max(${name}) from ${tableName(table)})`;
  const isTime = overlap.kind === 'time';
  return {
    column: name,
    type,
    version: rowVersion,
    overlap: isTime ? `interval '${Math.round(overlap.ms)} ms'` : `${Math.trunc(overlap.count)}::bigint`,
    // A time that is still to come, by the clock of some host, must not carry the reading past what is written now.
    reached: isTime
      ? `least(${greatest}, statement_timestamp()::${type})::text`
      : `coalesce(${greatest}, 0)::text`,
  };
}

function tableName({ schema, name }: Source['table']): string {
  return `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
}

export function positionOf({ position, name }: SourceSql): PositionSql {
  if (position === null) throw new Error(`${name} is not read by a column of its own`);
  return position;
}

/** SQL: the transaction that wrote a row lies before this one, or (`>=`) not before it. */
export function compareChange(source: SourceSql, operator: '<' | '>=', changeXid: string): string {
  return source.position === null
    ? `${source.change} ${operator} ${xid8(changeXid)}`
    : `${source.position.version} ${operator} ${transactionId(changeXid)}::bigint`;
}

/** `expression::type`, with a validated transaction id. */
export function xid8(changeXid: string): string {
  return `'${transactionId(changeXid)}'::xid8`;
}

function transactionId(changeXid: string): string {
  if (!/^\d{1,20}$/.test(changeXid)) throw new Error(`not a transaction id: ${changeXid}`);
  return changeXid;
}

function text(column: string): string {
  return `${escapeIdentifier(column)}::text`;
}

function concatenate(template: Template): string {
  const parts = template.map((part) =>
    part.kind === 'literal' ? escapeLiteral(part.text) : text(part.name),
  );
  return `(${parts.join(' || ')})`;
}

/** Looks at columns and never at what is built of them, which would be built once more for each row. */
function statusLetter({ columns, marker, statuses }: Source, rawStatus: string): string {
  const built = [...marker.key, ...(marker.value ?? [])];
  const needed = new Set([
    columns.attempt,
    ...built.flatMap((part) => (part.kind === 'column' ? [part.name] : [])),
  ]);
  const isLacking = [...needed].map((name) => `${escapeIdentifier(name)} is null`).join(' or ');
  const window = windowColumn(columns.expiry);
  const end = window === null ? null : escapeIdentifier(window.column);
  const hasNoEnd = end === null ? 'false' : `${end} is null or not isfinite(${end})`;
  // The most frequent first.
  const letters = (['granted', 'released', 'pending'] as const).flatMap((status) => {
    const letter = escapeLiteral(status.charAt(0));
    const words = statuses[status].map((word) => escapeLiteral(word)).join(', ');
    const meaning = status === 'granted' ? `case when ${hasNoEnd} then 'u' else ${letter} end` : letter;
    return words === '' ? [] : [`when ${rawStatus} in (${words}) then ${meaning}`];
  });
  return `case when ${isLacking} then 'u' ${letters.join(' ')} else 'u' end`;
}

/** `date_part` and not `extract`, whose exact arithmetic takes as long as all else of a row together. */
function expiry(columns: ClaimExpiry): string {
  const window = windowColumn(columns);
  if (window === null) return `${endOfTimeMs}::bigint`;
  const name = escapeIdentifier(window.column);
  const plusMs = 'ttlMs' in columns ? Math.round(columns.ttlMs) : 0;
  return `case when isfinite(${name}) then (date_part('epoch', ${name}) * 1000)::bigint + ${plusMs} end`;
}
