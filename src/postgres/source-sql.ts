/**
 * Turns a source's mapping into SQL expressions. Identifiers are quoted, literals escaped; nothing else is pasted in.
 * The marker key and the expected value are built here, in Postgres: no object per row on our side.
 */
import pg from 'pg';
import type { Source } from '../domain/source.ts';
import type { Template } from '../domain/template.ts';

const { escapeIdentifier, escapeLiteral } = pg;

export interface SourceSql {
  readonly name: string;
  readonly table: string;
  readonly id: string;
  /** The SQL type of the id, to cast text back to. */
  readonly idType: string;
  readonly change: string;
  /** Not quoted. */
  readonly changeName: string;
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

/** @param idType as the catalog prints it (`bigint`, `uuid`, `text`) */
export function describeSource(source: Source, idType: string): SourceSql {
  const { columns, marker, statuses } = source;
  const attempt = text(columns.attempt);
  const rawStatus = text(columns.status);
  const markerKey = concatenate(marker.key);
  const markerValue = marker.value === null ? null : concatenate(marker.value);
  return {
    name: source.name,
    table: `${escapeIdentifier(source.table.schema)}.${escapeIdentifier(source.table.name)}`,
    id: escapeIdentifier(columns.id),
    idType,
    change: escapeIdentifier(columns.change),
    changeName: columns.change,
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

/** `expression::type`, with a validated transaction id. */
export function xid8(changeXid: string): string {
  if (!/^\d{1,20}$/.test(changeXid)) throw new Error(`not a transaction id: ${changeXid}`);
  return `'${changeXid}'::xid8`;
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
  const hasNoEnd = `${expiryColumn(columns.expiry)} is null or not isfinite(${expiryColumn(columns.expiry)})`;
  // The most frequent first.
  const letters = (['granted', 'released', 'pending'] as const).flatMap((status) => {
    const letter = escapeLiteral(status.charAt(0));
    const words = statuses[status].map((word) => escapeLiteral(word)).join(', ');
    const meaning = status === 'granted' ? `case when ${hasNoEnd} then 'u' else ${letter} end` : letter;
    return words === '' ? [] : [`when ${rawStatus} in (${words}) then ${meaning}`];
  });
  return `case when ${isLacking} then 'u' ${letters.join(' ')} else 'u' end`;
}

function expiryColumn(columns: Source['columns']['expiry']): string {
  return escapeIdentifier('expiresAt' in columns ? columns.expiresAt : columns.createdAt);
}

/** `date_part` and not `extract`, whose exact arithmetic takes as long as all else of a row together. */
function expiry(columns: Source['columns']['expiry']): string {
  const name = expiryColumn(columns);
  const plusMs = 'expiresAt' in columns ? 0 : Math.round(columns.ttlMs);
  return `case when isfinite(${name}) then (date_part('epoch', ${name}) * 1000)::bigint + ${plusMs} end`;
}
