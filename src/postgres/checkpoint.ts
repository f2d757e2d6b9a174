/**
 * The checkpoint of a source: the position up to which every row is judged, with the evidence that it belongs to this
 * database's history, and the fencing token of the term that may move it.
 * Invariant kept: (2) it goes back only by `rewindCheckpoint` (a person) and `rewindAfterStoreChange` (the marker Redis
 * may have lost writes), and never moves under an old token.
 */
import type pg from 'pg';
import type { Position } from '../domain/claim.ts';
import type { MarkerStoreIdentity } from '../domain/marker-store.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { DatabaseIdentity, DatabaseReading } from '../domain/validity.ts';
import { horizonAgo } from './horizon.ts';
import type { SourceSql } from './source-sql.ts';

export interface Checkpoint {
  readonly position: Position;
  readonly database: DatabaseIdentity;
  readonly markerStore: MarkerStoreIdentity;
  readonly fencingToken: string;
}

interface CheckpointRow {
  readonly change_xid: string | null;
  readonly id: string | null;
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
    `select c.change_xid::text, c.id, c.fencing_token::text, c.system_identifier as stored_system,
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
    rowFromFuture: row.in_recovery ? false : await hasRowFromFuture(pool, source),
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
       database_oid, table_oid, lsn, snapshot_xmax, redis_run_id, redis_replication_id, redis_flushes)
     select $1, '0', null, $3, system_identifier, timeline, database_oid, table_oid, lsn, snapshot_xmax, $4, $5, $6
     from (${evidence('$2')}) s
     on conflict (source) do update set fencing_token = excluded.fencing_token
       where checkpoint.fencing_token < excluded.fencing_token`,
    [source.name, source.table, fencingToken, ...identityOf(markerStore)],
  );
  return positionUnderTerm(pool, source.name, fencingToken);
}

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
  const { rows } = await client.query<Position>(
    `select change_xid::text as "changeXid", id from reconciler.checkpoint
     where source = $1 and fencing_token = $2 for share`,
    [source, fencingToken],
  );
  if (rows[0] === undefined) throw fencedOut(source);
  return rows[0];
}

/** Moves the checkpoint on, inside the transaction that records what was found up to there. */
export async function advanceCheckpoint(
  client: pg.ClientBase,
  source: SourceSql,
  move: { readonly from: Position; readonly to: Position; readonly fencingToken: string },
): Promise<void> {
  const { from, to, fencingToken } = move;
  const { rowCount } = await client.query(
    `update reconciler.checkpoint set change_xid = $4, id = $5, lsn = pg_current_wal_lsn(),
       snapshot_xmax = pg_snapshot_xmax(pg_current_snapshot()), updated_at = clock_timestamp()
     where source = $1 and change_xid = $2 and id is not distinct from $3 and fencing_token = $6`,
    [source.name, from.changeXid, from.id, to.changeXid, to.id, fencingToken],
  );
  if (rowCount !== 1) throw fencedOut(source.name);
}

/**
 * Notes which Redis holds the markers now, and goes back by `rewindMs` because it may have lost the latest of them. Returns
 * where the checkpoint stands then.
 */
export async function rewindAfterStoreChange(
  pool: pg.Pool,
  source: string,
  change: {
    readonly markerStore: MarkerStoreIdentity;
    readonly rewindMs: number;
    readonly fencingToken: string;
  },
): Promise<Position> {
  const horizon = await horizonAgo(pool, change.rewindMs);
  const { rows } = await pool.query<Position>(
    `update reconciler.checkpoint set redis_run_id = $3, redis_replication_id = $4,
       redis_flushes = $5,
       id = case when change_xid < $6 then id end, change_xid = least(change_xid, $6),
       updated_at = clock_timestamp()
     where source = $1 and fencing_token = $2
     returning change_xid::text as "changeXid", id`,
    [source, change.fencingToken, ...identityOf(change.markerStore), horizon],
  );
  if (rows[0] === undefined) throw fencedOut(source);
  return rows[0];
}

/**
 * A person's rewind: goes back to `changeXid` (never forward) and accepts the server as it is now, so that a refused
 * checkpoint becomes usable; horizon samples of another server are dropped. `changeXid: '0'` is the beginning. Returns
 * false when the source has no checkpoint; throws `fenced_out` under an old token.
 */
export async function rewindCheckpoint(
  pool: pg.Pool,
  source: SourceSql,
  to: { readonly changeXid: string; readonly fencingToken: string },
): Promise<string | null> {
  const { rows } = await pool.query<{ change_xid: string }>(
    `with s as (${evidence('$2')}), foreign_samples as (
       delete from reconciler.horizon_sample using s, reconciler.checkpoint c where c.source = $1
         and (c.system_identifier, c.database_oid) is distinct from (s.system_identifier, s.database_oid)
     )
     update reconciler.checkpoint c set change_xid = least(c.change_xid, $3, s.horizon),
       id = case when c.change_xid < least($3, s.horizon) then c.id end, fencing_token = $4,
       system_identifier = s.system_identifier, timeline = s.timeline, database_oid = s.database_oid,
       table_oid = s.table_oid, lsn = s.lsn, snapshot_xmax = s.snapshot_xmax, updated_at = clock_timestamp()
     from s where c.source = $1 and c.fencing_token <= $4
     returning c.change_xid::text`,
    [source.name, source.table, to.changeXid, to.fencingToken],
  );
  if (rows[0] !== undefined) return rows[0].change_xid;
  const known = await pool.query('select from reconciler.checkpoint where source = $1', [source.name]);
  if (known.rowCount !== 0) throw fencedOut(source.name);
  return null;
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
function evidence(table: string): string {
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
    position: { changeXid, id: row.id },
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

function identityOf({ runId, replicationId, flushes }: MarkerStoreIdentity): unknown[] {
  return [runId, replicationId, flushes];
}

function fencedOut(source: string): OperatingError {
  return new OperatingError(
    'fenced_out',
    `The checkpoint of ${source} was taken over or moved by somebody else in the meantime. This pass wrote nothing ` +
      'more; the other one goes on from there.',
  );
}
