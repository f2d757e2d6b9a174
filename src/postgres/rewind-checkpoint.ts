/**
 * The two ways in which a checkpoint goes back: by a person, and because the marker Redis may have lost writes.
 * Invariant kept: (2) never forward, and never under an old token.
 */
import type pg from 'pg';
import type { Position } from '../domain/claim.ts';
import type { MarkerStoreIdentity } from '../domain/marker-store.ts';
import {
  evidence,
  fencedOut,
  identityOf,
  positionColumns,
  toPosition,
  type PositionRow,
} from './checkpoint.ts';
import { horizonAgo, reachedBelow } from './horizon.ts';
import type { SourceSql } from './source-sql.ts';

/** No transaction has a higher id. */
const lastXid = '18446744073709551615';

/**
 * Notes which Redis holds the markers now, and goes back by `rewindMs` because it may have lost the latest of them; null where
 * it has not. Returns where the checkpoint stands then.
 */
export async function rewindAfterStoreChange(
  pool: pg.Pool,
  source: SourceSql,
  change: {
    readonly markerStore: MarkerStoreIdentity;
    readonly rewindMs: number | null;
    readonly fencingToken: string;
  },
): Promise<Position> {
  const horizon = change.rewindMs === null ? lastXid : await horizonAgo(pool, change.rewindMs);
  const { rows } = await pool.query<PositionRow>(
    `update reconciler.checkpoint c set redis_run_id = $3, redis_replication_id = $4,
       redis_flushes = $5, position = ${positionAt(source, '$6::xid8')},
       id = case when change_xid < $6 then id end, change_xid = least(change_xid, $6),
       updated_at = clock_timestamp()
     where source = $1 and fencing_token = $2
     returning ${positionColumns}`,
    [source.name, change.fencingToken, ...identityOf(change.markerStore), horizon],
  );
  if (rows[0] === undefined) throw fencedOut(source.name);
  return toPosition(rows[0]);
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
       position = ${positionAt(source, 'least($3::xid8, s.horizon)')},
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

/**
 * SQL, for a checkpoint `c` of the source `$1`: how far along the source's own column it may stay when it goes back to a
 * horizon. Null, the beginning, where no sample tells; and for a source without such a column.
 */
function positionAt({ position }: SourceSql, horizon: string): string {
  if (position === null) return 'null';
  const reached = `${reachedBelow('$1', horizon)}::${position.type}`;
  return `case when c.change_xid < ${horizon} then c.position
    when ${reached} is not null and c.position is not null then least(c.position::${position.type}, ${reached})::text end`;
}
