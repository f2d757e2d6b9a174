/**
 * Claims by their attempt, and rows as the distributor is told of them.
 * Invariant kept: looked up by the table's indexes, whatever the type of the column; what is no value of it is of no row.
 */
import type pg from 'pg';
import { deletedClaim, type ClaimReading } from '../domain/claim.ts';
import { selectClaims, type ClaimOfRow } from './claims.ts';
import { parseRow, rowAsJson } from './exact-json.ts';
import type { SourceSql } from './source-sql.ts';
import { isUnfitValue } from './sql-state.ts';

/** One reading per attempt, `no_row` for those that are not there. Of several rows of one attempt the newest counts. */
export async function readClaimsByAttempt(
  pool: pg.Pool,
  sql: SourceSql,
  attempts: readonly string[],
): Promise<Map<string, ClaimReading>> {
  const readings = new Map<string, ClaimReading>(attempts.map((attempt) => [attempt, deletedClaim]));
  const [first] = readings.keys();
  if (first === undefined) return readings;
  const found = await selectByAttempt(pool, sql, [...readings.keys()]);
  if (readings.size === 1) {
    // Whatever way it was written: Postgres may print it in another.
    for (const { claim } of found ?? []) readings.set(first, newer(readings.get(first), claim));
    return readings;
  }
  if (found === null || !found.every(({ attempt }) => attempt !== null && readings.has(attempt))) {
    for (const attempt of readings.keys())
      for (const [of, claim] of await readClaimsByAttempt(pool, sql, [attempt])) readings.set(of, claim);
    return readings;
  }
  for (const { attempt, claim } of found)
    if (attempt !== null) readings.set(attempt, newer(readings.get(attempt), claim));
  return readings;
}

/** Null when one of them is no value of the column's type. */
async function selectByAttempt(
  pool: pg.Pool,
  sql: SourceSql,
  attempts: readonly string[],
): Promise<ClaimOfRow[] | null> {
  try {
    // The type of the parameter is that of the column.
    return await selectClaims(pool, sql, `${sql.attemptColumn} = any($1)`, [attempts]);
  } catch (error) {
    if (isUnfitValue(error)) return null;
    throw error;
  }
}

function newer(one: ClaimReading | undefined, other: ClaimReading): ClaimReading {
  if (one === undefined || one.kind === 'no_row' || other.kind === 'no_row') return other;
  return BigInt(one.changeXid) > BigInt(other.changeXid) ? one : other;
}

/** Rows in JSON by id, without the change column; numbers that JavaScript cannot hold exactly are texts. */
export async function readClaimRows(
  pool: pg.Pool,
  sql: SourceSql,
  ids: readonly string[],
): Promise<Map<string, Readonly<Record<string, unknown>>>> {
  const { rows } = await pool.query<{ id: string; claim: string }>(
    `select ${sql.id}::text as id, ${rowAsJson} as claim from ${sql.table} as claim
     where ${sql.id} = any($1::text[]::${sql.idType}[])`,
    [ids],
  );
  return new Map(rows.map(({ id, claim }) => [id, parseRow(claim, sql)]));
}
