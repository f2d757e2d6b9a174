/**
 * Writes claims and moves them on.
 * Invariants kept: a claim is moved on only from where it is believed to be; of two live claims on one marker the table's
 * index refuses the second, however many come at once; what was refused was not written.
 * Does not decide: whether something was handed out is for the distributor to say.
 */
import pg from 'pg';
import type { ClaimStatus } from '../domain/claim.ts';
import type { OpenClaim } from '../domain/open-claim.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { windowColumn, type Source } from '../domain/source.ts';
import { templateColumns } from '../domain/template.ts';
import type { ClaimTable } from './claim-table.ts';
import { inTransaction } from './connect.ts';
import { parseRow } from './exact-json.ts';
import { refusalOf, type Refusal } from './insert-refusal.ts';
import {
  insertStatement,
  ownColumns,
  writtenWord,
  type InsertedRow,
  type NewRow,
} from './insert-statement.ts';
import { runPrepared } from './named-statement.ts';
import type { SourceSql } from './source-sql.ts';
import { isUniqueViolation } from './sql-state.ts';

export { readClaimRows, readClaimsByAttempt } from './claim-rows.ts';

/** The columns must not hold what the gate writes itself: attempt, status, change, and the window's. */
export type NewClaim = Omit<NewRow, 'status'>;

export interface WrittenClaim {
  readonly id: string;
  /** As Postgres prints them; an empty key is that of a row in which a trigger emptied a column. A null value: any will do. */
  readonly markerKey: string;
  readonly markerValue: string | null;
  /** The row in JSON, without the change column; numbers that JavaScript cannot hold exactly are texts. */
  readonly claim: Readonly<Record<string, unknown>>;
}

export type Insertion =
  { readonly kind: 'inserted'; readonly row: WrittenClaim } | { readonly kind: Refusal };

/**
 * Writes a claim as pending, in one statement. `live_elsewhere`: another claim holds the place on its marker (a live one,
 * or any other if the table's index has no condition). `attempt_exists`: there is a row of this attempt.
 * Throws what the driver throws, so that it can be told whether the row may have been written all the same.
 */
export async function insertPending(pool: pg.Pool, table: ClaimTable, claim: NewClaim): Promise<Insertion> {
  const { source, sql, columns } = table;
  const own = ownColumns(source);
  const strange = Object.keys(claim.columns).filter((name) => own.includes(name) || !columns.has(name));
  if (strange.length > 0) throw new Error(`columns that cannot be given: ${strange.join(', ')}`);
  const window = columns.get(windowColumn(source.columns.expiry)?.column ?? '');
  const hasTimeZone = window?.sqlType !== 'timestamp without time zone';
  const row = { ...claim, status: 'pending' } as const;
  try {
    const [written] = await runPrepared<InsertedRow>(pool, insertStatement(source, sql, row, hasTimeZone));
    return { kind: 'inserted', row: decode(sql, written) };
  } catch (error) {
    return { kind: await refusalOf(pool, source, error) };
  }
}

function decode(sql: SourceSql, row: InsertedRow | undefined): WrittenClaim {
  if (row === undefined) throw new Error('an insert returned no row');
  const { id, marker_key: markerKey, marker_value: markerValue } = row;
  return { id, markerKey: markerKey ?? '', markerValue, claim: parseRow(row.claim, sql) };
}

/**
 * Moves a claim on, if it still is in one of `from` (and, if given, still the version that `changeXid` names).
 * `moved_on`: it is not, or is not there. `live_elsewhere`: it was to be granted, and another live claim holds its place;
 * a transaction of the caller's is then aborted.
 */
export async function settleClaim(
  client: pg.Pool | pg.ClientBase,
  sql: SourceSql,
  claim: {
    readonly id: string;
    readonly from: readonly ClaimStatus[];
    readonly to: 'granted' | 'released';
    readonly changeXid?: string;
  },
): Promise<'settled' | 'moved_on' | 'live_elsewhere'> {
  const { id, from, to, changeXid } = claim;
  const words = from.flatMap((status) => sql.words[status]);
  const version = changeXid === undefined ? '' : ` and ${sql.change} = $4::xid8`;
  const values = [writtenWord(sql, to), id, words, ...(changeXid === undefined ? [] : [changeXid])];
  try {
    const text = `update ${sql.table} set ${sql.statusColumn} = $1
      where ${sql.id} = $2::text::${sql.idType} and ${sql.rawStatus} = any($3::text[])${version} returning 1`;
    // Within a transaction a preparation that is outdated could not be tried again.
    const isAlone = client instanceof pg.Pool;
    const rows = isAlone
      ? await runPrepared(client, { text, values })
      : (await client.query(text, values)).rows;
    return rows.length === 0 ? 'moved_on' : 'settled';
  } catch (error) {
    // No index over live claims minds one that is released.
    if (to === 'granted' && isUniqueViolation(error)) return 'live_elsewhere';
    throw error;
  }
}

/**
 * Writes the row that a granted open claim never got, from what its entry of the index holds; the columns may be texts,
 * whatever their types. `live_elsewhere`: another claim on the marker is pending, or granted with its window open.
 * Throws `configuration` for an entry that is of no row of this table, or of one with another marker.
 */
export async function insertGranted(
  pool: pg.Pool,
  source: Source,
  sql: SourceSql,
  open: OpenClaim,
): Promise<'inserted' | Refusal> {
  const own = ownColumns(source);
  // The entry's own attempt and window count, whatever its columns say.
  const columns = Object.fromEntries(Object.entries(open.columns).filter(([name]) => !own.includes(name)));
  const window = { expiresAtMs: open.expiresAtMs };
  const row: NewRow = { attempt: open.attempt, columns, status: 'granted', window };
  try {
    return await inTransaction(pool, async (client) => {
      const found = await whoIsThere(client, source, sql, row, open.markerKey);
      if (found !== null) return found;
      const { rows } = await client.query<InsertedRow>(insertStatement(source, sql, row));
      refuseOtherMarker(source, open, rows[0]);
      return 'inserted';
    });
  } catch (error) {
    return refusalOf(pool, source, error);
  }
}

/** Asked first, for tables without unique indexes; two who write the same row wait for each other. */
async function whoIsThere(
  client: pg.ClientBase,
  source: Source,
  sql: SourceSql,
  { attempt, columns }: NewRow,
  markerKey: string,
): Promise<Refusal | null> {
  const lock = `claim-reconciler claim ${markerKey}`;
  await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [lock]);
  const known = new Map<string, unknown>([...Object.entries(columns), [source.columns.attempt, attempt]]);
  const keyColumns = templateColumns(source.marker.key);
  const missing = keyColumns.filter((name) => !known.has(name));
  if (missing.length > 0) throw unfit(source, attempt, `it does not hold ${missing.join(', ')} (marker.key)`);
  const sameKey = keyColumns.map((name, at) => `${pg.escapeIdentifier(name)} = $${at + 4}`);
  const { rows } = await client.query<{ kind: Refusal }>(
    `select 'attempt_exists' as kind from ${sql.table} where ${sql.attemptColumn} = $1
     union all
     select 'live_elsewhere' from ${sql.table} where ${sameKey.join(' and ')} and (${sql.rawStatus} = any($2::text[])
       or ${sql.rawStatus} = any($3::text[])
         and coalesce(${sql.expiresAtMs} > extract(epoch from clock_timestamp()) * 1000, true))
     order by kind limit 1`,
    [attempt, sql.words.pending, sql.words.granted, ...keyColumns.map((name) => known.get(name))],
  );
  return rows[0]?.kind ?? null;
}

/** Without this a wrong report would write the row of somebody else's marker. */
function refuseOtherMarker(source: Source, open: OpenClaim, row: InsertedRow | undefined): void {
  const value = row?.marker_value ?? open.markerValue;
  if (row?.marker_key === open.markerKey && value === open.markerValue) return;
  const marker = `${row?.marker_key ?? 'no marker'} with the value ${value}`;
  throw unfit(
    source,
    open.attempt,
    `its columns are of ${marker}, not of ${open.markerKey} with ${open.markerValue}`,
  );
}

function unfit(source: Source, attempt: string, why: string): OperatingError {
  return new OperatingError(
    'configuration',
    `The claim of attempt ${attempt} in ${source.name} cannot be written from its entry of the open-claims index: ${why}. ` +
      'Nothing was written; write the row by hand if it was granted.',
  );
}
