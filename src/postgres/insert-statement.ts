/**
 * The statement that writes one claim: explicit columns, values as parameters whose types Postgres takes from the
 * columns. It returns what the row has become: its id, the marker's key and value as Postgres prints them, and the row.
 */
import pg from 'pg';
import type { ColumnValue } from '../domain/open-claim.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { windowColumn, type ClaimExpiry, type Source } from '../domain/source.ts';
import { rowAsJson } from './exact-json.ts';
import type { SourceSql } from './source-sql.ts';

/** When the marker's window ends: so long after the row is written, by the database's clock, or at a given time. */
export type NewWindow = { readonly ttlMs: number } | { readonly expiresAtMs: number };

export interface Statement {
  readonly text: string;
  readonly values: unknown[];
}

export interface NewRow {
  readonly attempt: string;
  readonly columns: Readonly<Record<string, ColumnValue>>;
  readonly status: 'pending' | 'granted';
  readonly window: NewWindow;
}

export interface InsertedRow {
  readonly id: string;
  readonly marker_key: string | null;
  readonly marker_value: string | null;
  readonly claim: string;
}

/** The columns that are not the application's to give. */
export function ownColumns(source: Source): string[] {
  const { attempt, status, change, expiry } = source.columns;
  const window = windowColumn(expiry)?.column ?? null;
  return [attempt, status, window, change].filter((column) => column !== null);
}

/**
 * @param hasTimeZone of the window's column: one without is taken as UTC. It does not matter for a given time, which is
 * passed as text: such a column takes it as it stands there.
 */
export function insertStatement(source: Source, sql: SourceSql, row: NewRow, hasTimeZone = true): Statement {
  // In one order, so that a set of columns has one statement.
  const given = Object.entries(row.columns).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const values: unknown[] = [...given.map(([, value]) => value), row.attempt, writtenWord(sql, row.status)];
  const names = [...given.map(([name]) => name), source.columns.attempt, source.columns.status];
  const parameters = names.map((_, at) => `$${at + 1}`);
  const { expiry } = source.columns;
  if (!('never' in expiry)) {
    const expression = windowExpression(expiry, row.window, values);
    names.push('expiresAt' in expiry ? expiry.expiresAt : expiry.createdAt);
    parameters.push(
      hasTimeZone || 'expiresAtMs' in row.window ? expression : `(${expression}) at time zone 'UTC'`,
    );
  }
  const columns = names.map((name) => pg.escapeIdentifier(name));
  const text = `insert into ${sql.table} as claim (${columns.join(', ')}) values (${parameters.join(', ')})
    returning ${sql.id}::text as id, ${sql.markerKey} as marker_key,
      ${sql.markerValue ?? 'null::text'} as marker_value, ${rowAsJson} as claim`;
  return { text, values };
}

/** The value of the window's column as SQL; what it needs is added to `values`. */
function windowExpression(
  expiry: Exclude<ClaimExpiry, { readonly never: true }>,
  window: NewWindow,
  values: unknown[],
): string {
  if ('expiresAtMs' in window) {
    values.push(timeText('expiresAt' in expiry ? window.expiresAtMs : window.expiresAtMs - expiry.ttlMs));
    return `$${values.length}`;
  }
  if (!('expiresAt' in expiry)) return 'clock_timestamp()';
  values.push(window.ttlMs);
  return `clock_timestamp() + $${values.length}::float8 * interval '1 ms'`;
}

/** Years of four digits, which every setting of the server reads alike. */
function timeText(ms: number): string {
  const date = new Date(Math.floor(ms));
  const year = date.getUTCFullYear();
  if (year >= 1 && year <= 9_999) return date.toISOString();
  throw new OperatingError(
    'configuration',
    `A claim's window cannot end or begin at ${ms} ms; nothing was written.`,
  );
}

/** The first of the words that mean a status. */
export function writtenWord({ words, name }: SourceSql, status: NewRow['status'] | 'released'): string {
  const [word] = words[status];
  if (word !== undefined) return word;
  throw new OperatingError(
    'configuration',
    `statuses.${status} of the source ${name} names no word that could be written; nothing was written. Name one.`,
  );
}
