/**
 * The checkpoint of a source: the position up to which every row is judged, with the evidence that it belongs to this
 * database's history, and the fencing token of the term that may move it.
 * Invariant kept: (2) it goes back only in `rewind-checkpoint.ts`, or to the beginning when the configuration names another
 * column to read by; and it never moves under an old token.
 */
import type pg from 'pg';
import type { Position } from '../domain/claim.ts';
import type { MarkerStoreIdentity } from '../domain/marker-store.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { DatabaseIdentity, DatabaseReading } from '../domain/validity.ts';
import { positionOf, type SourceSql } from './source-sql.ts';

export interface Checkpoint {
  readonly position: Position;
  readonly database: DatabaseIdentity;
  readonly markerStore: MarkerStoreIdentity;
  readonly fencingToken: string;
}

interface CheckpointRow {
  readonly change_xid: string | null;
  readonly id: string | null;
  readonly position: string | null;
  readonly fencing_token: string;
  readonly stored_system: string;
  readonly stored_timeline: string;
  readonly stored_database: string;
  readonly stored_table: string;
  readonly redis_run_id: string;
  readonly redis_replication_id: string;
  readonly redis_flushes: string;
  readonly system_identifier: string;
  readonly timeline: string | null;
  readonly database_oid: string;
  readonly table_oid: string;
  readonly in_recovery: boolean;
  readonly lsn_behind: boolean | null;
  readonly xmax_behind: boolean | null;
}

/** The stored checkpoint (null before the first pass) and what the server says of itself, in one statement. */
export async function readCheckpoint(
  pool: pg.Pool,
  source: SourceSql,
): Promise<{ checkpoint: Checkpoint | null; database: DatabaseReading }> {
  const { rows } = await pool.query<CheckpointRow>(
    `select c.change_xid::text, c.id, c.position, c.fencing_token::text, c.system_identifier as stored_system,
       c.timeline as stored_timeline, c.database_oid::text as stored_database, c.table_oid::text as stored_table,
       c.redis_run_id, c.redis_replication_id, c.redis_flushes, s.system_identifier, s.timeline, s.database_oid::text,
       s.table_oid::text, s.in_recovery, c.lsn > s.lsn as lsn_behind,
       c.snapshot_xmax > s.snapshot_xmax as xmax_behind
     from (${evidence('$2')}) s left join reconciler.checkpoint c on c.source = $1`,
    [source.name, source.table],
  );
  const row = rows[0];
  if (row === undefined) throw new Error('the evidence query returned no row');
  const database: DatabaseReading = {
    systemIdentifier: row.system_identifier,
    timeline: row.timeline ?? '',
    databaseOid: row.database_oid,
    tableOid: row.table_oid,
    inRecovery: row.in_recovery,
    lsnIsBehindStored: row.lsn_behind ?? false,
    xmaxIsBehindStored: row.xmax_behind ?? false,
    // What a row's own xmin says is never ahead of the server.
    rowFromFuture: row.in_recovery || source.position !== null ? false : await hasRowFromFuture(pool, source),
  };
  return { checkpoint: row.change_xid === null ? null : decode(row, row.change_xid), database };
}

/**
 * Makes the checkpoint this term's: from here on every older token is refused. Writes nothing when it is this term's
 * already. A source without a checkpoint gets one at the beginning. Returns where it stands; throws `fenced_out` under an old
 * token.
 */
export async function takeCheckpoint(
  pool: pg.Pool,
  source: SourceSql,
  fencingToken: string,
  markerStore: MarkerStoreIdentity,
): Promise<Position> {
  await pool.query(
    `insert into reconciler.checkpoint (source, change_xid, id, fencing_token, system_identifier, timeline,
       database_oid, table_oid, lsn, snapshot_xmax, redis_run_id, redis_replication_id, redis_flushes, position_column)
     select $1, '0', null, $3, system_identifier, timeline, database_oid, table_oid, lsn, snapshot_xmax, $4, $5, $6, $7
     from (${evidence('$2')}) s
     on conflict (source) do update set fencing_token = excluded.fencing_token, position_column = $7,
       change_xid = case when ${isSameColumn} then checkpoint.change_xid else excluded.change_xid end,
       id = case when ${isSameColumn} then checkpoint.id end,
       position = case when ${isSameColumn} then checkpoint.position end
       where checkpoint.fencing_token < excluded.fencing_token`,
    [source.name, source.table, fencingToken, ...identityOf(markerStore), source.position?.column ?? null],
  );
  return positionUnderTerm(pool, source.name, fencingToken);
}

/** What was judged by another column says nothing of the order of this one. */
const isSameColumn = 'checkpoint.position_column is not distinct from excluded.position_column';

/** Throws `fenced_out` unless the checkpoint belongs to this term. In a transaction it also keeps it so until its end. */
export async function assertTerm(
  client: pg.ClientBase | pg.Pool,
  source: string,
  fencingToken: string,
): Promise<void> {
  await positionUnderTerm(client, source, fencingToken);
}

async function positionUnderTerm(
  client: pg.ClientBase | pg.Pool,
  source: string,
  fencingToken: string,
): Promise<Position> {
  const { rows } = await client.query<PositionRow>(
    `select ${positionColumns} from reconciler.checkpoint
     where source = $1 and fencing_token = $2 for share`,
    [source, fencingToken],
  );
  if (rows[0] === undefined) throw fencedOut(source);
  return toPosition(rows[0]);
}

/** Moves the checkpoint on, inside the transaction that records what was found up to there. */
export async function advanceCheckpoint(
  client: pg.ClientBase,
  source: SourceSql,
  move: { readonly from: Position; readonly to: Position; readonly fencingToken: string },
): Promise<void> {
  const { from, to, fencingToken } = move;
  const { rowCount } = await client.query(
    `update reconciler.checkpoint set change_xid = $4, id = $5, ${seenNow}
     where source = $1 and change_xid = $2 and id is not distinct from $3 and fencing_token = $6`,
    [source.name, from.changeXid, from.id, to.changeXid, to.id, fencingToken],
  );
  if (rowCount !== 1) throw fencedOut(source.name);
}

/**
 * The same for a source that is read by a column of its own: along that column to the value that was reached, at most to the
 * bound, unless it stands further on already; and, at the end of a window, to the horizon up to which all was judged. Returns
 * where it stands.
 */
export async function advanceByColumn(
  client: pg.ClientBase | pg.Pool,
  source: SourceSql,
  move: {
    readonly reached: string | undefined;
    readonly bound: string | null;
    readonly horizon?: string;
    readonly fencingToken: string;
  },
): Promise<Position> {
  const { type } = positionOf(source);
  const { reached, bound, horizon = null, fencingToken } = move;
  if (reached === undefined || bound === null) throw new Error('nothing was read along the column');
  const { rows } = await client.query<PositionRow>(
    `update reconciler.checkpoint set change_xid = greatest(change_xid, $5::xid8),
       position = greatest(position::${type}, least($3::text::${type}, $4::text::${type}))::text, ${seenNow}
     where source = $1 and fencing_token = $2 returning ${positionColumns}`,
    [source.name, fencingToken, reached, bound, horizon],
  );
  if (rows[0] === undefined) throw fencedOut(source.name);
  return toPosition(rows[0]);
}

const seenNow = `lsn = pg_current_wal_lsn(), snapshot_xmax = pg_snapshot_xmax(pg_current_snapshot()),
  updated_at = clock_timestamp()`;

export interface PositionRow {
  readonly changeXid: string;
  readonly id: string | null;
  readonly position: string | null;
}

export const positionColumns = 'change_xid::text as "changeXid", id, position';

export function toPosition({ changeXid, id, position }: PositionRow): Position {
  return { changeXid, id, ...(position === null ? {} : { value: position }) };
}

/** One index probe: is there a visible row whose transaction id this server has not handed out yet? */
async function hasRowFromFuture(pool: pg.Pool, source: SourceSql): Promise<boolean> {
  const { rows } = await pool.query<{ found: boolean }>(
    `select exists (select from ${source.table}
       where ${source.change} >= pg_snapshot_xmax(pg_current_snapshot())) as found`,
  );
  return rows[0]?.found === true;
}

/** The timeline comes from the name of the current WAL file: the control file lags after a promotion. */
export function evidence(table: string): string {
  return `select (select system_identifier::text from pg_control_system()) as system_identifier,
      case when not r then substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end as timeline,
      (select oid from pg_database where datname = current_database()) as database_oid,
      ${table}::text::regclass::oid as table_oid,
      case when not r then pg_current_wal_lsn() end as lsn,
      pg_snapshot_xmax(pg_current_snapshot()) as snapshot_xmax, pg_snapshot_xmin(pg_current_snapshot()) as horizon,
      r as in_recovery
    from pg_is_in_recovery() r`;
}

function decode(row: CheckpointRow, changeXid: string): Checkpoint {
  return {
    position: toPosition({ changeXid, id: row.id, position: row.position }),
    database: {
      systemIdentifier: row.stored_system,
      timeline: row.stored_timeline,
      databaseOid: row.stored_database,
      tableOid: row.stored_table,
    },
    markerStore: {
      runId: row.redis_run_id,
      replicationId: row.redis_replication_id,
      flushes: Number(row.redis_flushes),
    },
    fencingToken: row.fencing_token,
  };
}

export function identityOf({ runId, replicationId, flushes }: MarkerStoreIdentity): unknown[] {
  return [runId, replicationId, flushes];
}

export function fencedOut(source: string): OperatingError {
  return new OperatingError(
    'fenced_out',
    `The checkpoint of ${source} was taken over or moved by somebody else in the meantime. This pass wrote nothing ` +
      'more; the other one goes on from there.',
  );
}
