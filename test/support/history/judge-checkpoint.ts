/**
 * Judges the checkpoint by what was written of it: invariant 2 (it never goes back, but after a change of the marker Redis, and
 * is never moved under an old token).
 */
import type { CheckpointRow, JournalRow } from './events.ts';

type Checkpoint = CheckpointRow['row'];

/** By the rows as they were committed, all sources together. */
export function checkpointsGoneBack(rows: readonly CheckpointRow[]): string[] {
  return steps(rows).flatMap(([before, after]) => {
    const isOtherStore =
      before.redis_run_id !== after.redis_run_id ||
      before.redis_replication_id !== after.redis_replication_id ||
      before.redis_flushes !== after.redis_flushes;
    if (isOtherStore || !isBehind(after, before)) return [];
    return [`the checkpoint of ${after.source} went from ${tell(before)} to ${tell(after)}`];
  });
}

export function checkpointsUnderOldTokens(rows: readonly CheckpointRow[]): string[] {
  return steps(rows)
    .filter(([before, after]) => after.fencing_token < before.fencing_token)
    .map(
      ([before, after]) =>
        `the checkpoint of ${after.source} under ${after.fencing_token}, after ${before.fencing_token}`,
    );
}

/** Repairs that were begun under a token when the checkpoint already had a newer one. */
export function repairsUnderOldTokens(
  repairs: readonly JournalRow[],
  checkpoints: readonly CheckpointRow[],
): string[] {
  const begun = new Map<number, JournalRow>();
  for (const repair of repairs) if (!begun.has(repair.row.id)) begun.set(repair.row.id, repair);
  return [...begun.values()].flatMap(({ atMs, row }) => {
    const newest = checkpoints.findLast((one) => one.atMs < atMs && one.row.source === row.source)?.row;
    if (newest === undefined || newest.fencing_token <= row.fencing_token) return [];
    return [`repair ${row.id} was begun under ${row.fencing_token}, after ${newest.fencing_token}`];
  });
}

/** Each row of a source with the one after it. */
function steps(rows: readonly CheckpointRow[]): [Checkpoint, Checkpoint][] {
  const last = new Map<string, Checkpoint>();
  return rows.flatMap(({ row }): [Checkpoint, Checkpoint][] => {
    const before = last.get(row.source);
    last.set(row.source, row);
    return before === undefined ? [] : [[before, row]];
  });
}

/** Ids are compared as numbers: the tables of these tests have no others. */
function isBehind(one: Checkpoint, other: Checkpoint): boolean {
  if (one.change_xid !== other.change_xid) return BigInt(one.change_xid) < BigInt(other.change_xid);
  if (other.id === null) return false;
  return one.id === null || BigInt(one.id) < BigInt(other.id);
}

function tell({ change_xid: xid, id }: Checkpoint): string {
  return `${xid}/${id}`;
}
