/**
 * Reads single claims in full: for the suspicious few, and before a repair.
 * Invariant kept: what cannot be understood is `unreadable` with its reason; a row that is not there is `no_row`.
 */
import pg from 'pg';
import { deletedClaim, type ClaimReading, type ClaimStatus } from '../domain/claim.ts';
import type { SourceSql } from './source-sql.ts';
import { isUnfitValue } from './sql-state.ts';

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

/** By the letters of `SourceSql.status`. */
export const statusOfLetter: Readonly<Record<string, ClaimStatus>> = {
  g: 'granted',
  p: 'pending',
  r: 'released',
};

/**
 * One reading per id, `no_row` for those that are not there. An id that is no value of the column's type (the table was
 * recreated with another) is of no row.
 */
export async function readClaims(
  pool: pg.Pool,
  source: SourceSql,
  ids: readonly string[],
): Promise<Map<string, ClaimReading>> {
  const readings = new Map<string, ClaimReading>(ids.map((id) => [id, deletedClaim]));
  try {
    const condition = `${source.id} = any($1::text[]::${source.idType}[])`;
    for (const { id, claim } of await selectClaims(pool, source, condition, [ids])) readings.set(id, claim);
  } catch (error) {
    if (!isUnfitValue(error)) throw error;
    if (ids.length === 1) return readings;
    for (const id of ids)
      for (const [of, reading] of await readClaims(pool, source, [id])) readings.set(of, reading);
  }
  return readings;
}

/**
 * Ids of the claims on one marker, newest change first, at most `rowsMax`. `keyValues` are what the key says of its
 * columns (column name to text), so that the application's own index on them can be used; what is no value of its column
 * is of no row.
 */
export async function findClaimsOnMarker(
  pool: pg.Pool,
  source: SourceSql,
  marker: { readonly key: string; readonly keyValues: ReadonlyMap<string, string> },
  rowsMax: number,
): Promise<string[]> {
  const columns = [...marker.keyValues.keys()].map((name, at) => `${pg.escapeIdentifier(name)} = $${at + 3}`);
  try {
    const { rows } = await pool.query<{ id: string }>(
      `select ${source.id}::text as id from ${source.table}
       where ${[`${source.markerKey} = $1`, ...columns].join(' and ')}
       order by ${source.change} desc limit $2`,
      [marker.key, rowsMax, ...marker.keyValues.values()],
    );
    return rows.map((row) => row.id);
  } catch (error) {
    if (!isUnfitValue(error)) throw error;
    return [];
  }
}

export interface ClaimOfRow {
  readonly id: string;
  /** As Postgres prints it; null where the row has none. */
  readonly attempt: string | null;
  readonly claim: ClaimReading;
}

/** The claims that a condition picks, in no order unless it says so. Its parameters are `values`. */
export async function selectClaims(
  pool: pg.Pool,
  source: SourceSql,
  condition: string,
  values: readonly unknown[],
): Promise<ClaimOfRow[]> {
  const { rows } = await pool.query<ClaimRow>(`${claimSelect(source)} where ${condition}`, [...values]);
  return rows.map((row) => ({ id: row.id, attempt: row.attempt, claim: decode(row, source) }));
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
  if (source.words.granted.includes(row.raw_status)) {
    return 'the claim is granted, but when its window ends is null or infinite';
  }
  return `the status ${JSON.stringify(row.raw_status)} is not in the mapping`;
}
