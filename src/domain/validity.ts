/**
 * Is the stored checkpoint still a place in this database's history? Transaction ids are comparable only within one
 * history: after a restore, a promotion that lost commits, or a recreated table they are not.
 * Invariant kept: a checkpoint is never read from when any of its evidence disagrees.
 */

/** Where the claims live, as Postgres describes itself. Numbers are text as Postgres prints them. */
export interface DatabaseIdentity {
  readonly systemIdentifier: string;
  readonly timeline: string;
  readonly databaseOid: string;
  readonly tableOid: string;
}

export interface DatabaseReading extends DatabaseIdentity {
  readonly inRecovery: boolean;
  /** The stored position lies behind the server's: computed in Postgres, which can compare them. */
  readonly lsnIsBehindStored: boolean;
  readonly xmaxIsBehindStored: boolean;
  /** A visible row bears a transaction id that this server has not handed out yet. */
  readonly rowFromFuture: boolean;
}

/** Reasons to refuse the pass; empty when the checkpoint may be used. `stored` is null before the first pass. */
export function refusals(stored: DatabaseIdentity | null, now: DatabaseReading): string[] {
  if (now.inRecovery) return ['the server is a standby (in recovery); claims are judged on the primary only'];
  const reasons: string[] = [];
  if (stored !== null) {
    if (stored.systemIdentifier !== now.systemIdentifier) {
      reasons.push(
        `another database cluster answers (${now.systemIdentifier}, was ${stored.systemIdentifier})`,
      );
    }
    if (stored.timeline !== now.timeline) {
      reasons.push(
        `the timeline changed from ${stored.timeline} to ${now.timeline}: a standby was promoted or a backup restored`,
      );
    }
    if (stored.databaseOid !== now.databaseOid) reasons.push('the database was recreated (its oid changed)');
    if (stored.tableOid !== now.tableOid) reasons.push('the claim table was recreated (its oid changed)');
    if (now.lsnIsBehindStored)
      reasons.push('the write-ahead log ends before the stored position: the server went back in time');
    if (now.xmaxIsBehindStored)
      reasons.push('transaction ids went backwards since the checkpoint was stored');
  }
  if (now.rowFromFuture) {
    reasons.push(
      'a row bears a change_xid that this server has not handed out yet, as after a dump and restore: update those ' +
        'rows (a column to itself, in batches) so that they are stamped anew, then rewind to the beginning',
    );
  }
  return reasons;
}
