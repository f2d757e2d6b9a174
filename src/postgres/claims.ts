/**
 * Reads single claims in full: for the suspicious few, before a repair, and to look up rivals on one marker.
 * Invariant kept: what cannot be understood is `unreadable` with its reason; a row that is not there is `no_row`.
 */
import pg from 'pg';
import type { ClaimReading, ClaimStatus } from '../domain/claim.ts';
import type { Rival } from '../domain/repair-action.ts';
import type { SourceSql } from './source-sql.ts';

interface ClaimRow {
  readonly id: string;
  readonly change_xid: string;
  readonly status: string;
  readonly raw_status: string | null;
  readonly attempt: string | null;
  readonly marker_key: string | null;
  readonly marker_value: string | null;
  readonly expires_at_ms: string | null;
}

const statusOfLetter: Readonly<Record<string, ClaimStatus>> = { g: 'granted', p: 'pending', r: 'released' };

/**
 * One reading per id, `no_row` for those that are not there. An id that is no value of the column's type (the table was
 * recreated with another) is of no row.
 */
export async function readClaims(
  pool: pg.Pool,
  source: SourceSql,
  ids: readonly string[],
): Promise<Map<string, ClaimReading>> {
  const readings = new Map<string, ClaimReading>(ids.map((id) => [id, { kind: 'no_row' }]));
  try {
    const { rows } = await pool.query<ClaimRow>(
      `${claimSelect(source)} where ${source.id} = any($1::text[]::${source.idType}[])`,
      [ids],
    );
    for (const row of rows) readings.set(row.id, decode(row, source));
  } catch (error) {
    if (!isUnfitValue(error)) throw error;
    if (ids.length === 1) return readings;
    for (const id of ids)
      for (const [of, reading] of await readClaims(pool, source, [id])) readings.set(of, reading);
  }
  return readings;
}

/** A text that is no value of the type, or one out of its range. */
function isUnfitValue(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === '22P02' || error.code === '22003');
}

/**
 * Ids of the claims on one marker, newest change first, at most `rowsMax`. `keyValues` are what the key says of its
 * columns (column name to text), so that the application's own index on them can be used.
 */
export async function findClaimsOnMarker(
  pool: pg.Pool,
  source: SourceSql,
  marker: { readonly key: string; readonly keyValues: ReadonlyMap<string, string> },
  rowsMax: number,
): Promise<string[]> {
  const columns = [...marker.keyValues.keys()].map((name, at) => `${pg.escapeIdentifier(name)} = $${at + 3}`);
  const { rows } = await pool.query<{ id: string }>(
    `select ${source.id}::text as id from ${source.table}
     where ${[`${source.markerKey} = $1`, ...columns].join(' and ')}
     order by ${source.change} desc limit $2`,
    [marker.key, rowsMax, ...marker.keyValues.values()],
  );
  return rows.map((row) => row.id);
}

/**
 * What the table knows of other claims on the same marker that hold a value. The other rows
 * are found through the columns of the marker's key, for which applications keep an index.
 * @param conflicts claim id and the value its marker holds
 */
export async function lookUpRivals(
  pool: pg.Pool,
  source: SourceSql,
  conflicts: readonly { readonly id: string; readonly value: string }[],
): Promise<Map<string, Rival>> {
  if (conflicts.length === 0 || source.keyColumns.length === 0) return new Map();
  // Postgres cannot be asked for a text with U+0000, and no row can hold one.
  const askable = conflicts.filter(({ value }) => !value.includes('\u0000'));
  const rivals = new Map<string, Rival>(conflicts.map(({ id }) => [id, 'unknown']));
  const sameValue = source.markerValue === null ? 'true' : `${source.markerValue} = asked.value`;
  const sameKey = source.keyColumns.map((column) => `mine.${column} = other.${column}`).join(' and ');
  const { rows } = await pool.query<{ id: string; status: string }>(
    `select asked.id, rival.status
     from unnest($1::text[], $2::text[]) as asked (id, value)
     join ${source.table} mine on mine.${source.id} = asked.id::${source.idType}
     cross join lateral (
       select ${source.status} as status from ${source.table} other
       where ${sameKey} and other.${source.id} <> mine.${source.id} and ${sameValue}
     ) rival`,
    [askable.map(({ id }) => id), askable.map(({ value }) => value)],
  );
  for (const { id, status } of rows) rivals.set(id, weightier(rivals.get(id) ?? 'unknown', status));
  return rivals;
}

/** Among several rows of one value the one that matters most decides. */
const weights: readonly Rival[] = ['unknown', 'released', 'unreadable', 'pending', 'granted'];

function weightier(known: Rival, letter: string): Rival {
  const status = statusOfLetter[letter] ?? 'unreadable';
  return weights.indexOf(status) > weights.indexOf(known) ? status : known;
}

function claimSelect(source: SourceSql): string {
  return `select ${source.id}::text as id, ${source.change}::text as change_xid, ${source.status} as status,
    ${source.rawStatus} as raw_status, ${source.attempt} as attempt, ${source.markerKey} as marker_key,
    ${source.markerValue ?? 'null::text'} as marker_value, ${source.expiresAtMs} as expires_at_ms
    from ${source.table}`;
}

function decode(row: ClaimRow, source: SourceSql): ClaimReading {
  const { id, change_xid: changeXid, attempt, marker_key: markerKey } = row;
  const status = statusOfLetter[row.status];
  if (status === undefined || attempt === null || markerKey === null) {
    return { kind: 'unreadable', id, changeXid, markerKey, reason: reasonUnreadable(row, source) };
  }
  return {
    kind: 'readable',
    id,
    changeXid,
    status,
    attempt,
    markerKey,
    markerValue: row.marker_value,
    // Only a granted claim needs its window; for the others an unknown one counts as long over.
    expiresAtMs: Number(row.expires_at_ms ?? 0),
  };
}

function reasonUnreadable(row: ClaimRow, source: SourceSql): string {
  if (row.attempt === null) return `the attempt (${source.attempt}) is null`;
  if (row.marker_key === null) return 'a column of the marker key is null';
  if (row.marker_value === null && source.markerValue !== null) return 'a column of the marker value is null';
  if (row.raw_status === null) return 'the status is null';
  if (source.grantedWords.includes(row.raw_status)) {
    return 'the claim is granted, but when its window ends is null or infinite';
  }
  return `the status ${JSON.stringify(row.raw_status)} is not in the mapping`;
}
