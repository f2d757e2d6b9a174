/**
 * A step of the migration of a claim table: statements, and what running them means for those who use the table.
 */

export interface MigrationStep {
  readonly title: string;
  /** The lock that is taken, and who waits meanwhile. */
  readonly lock: string;
  readonly lasts: string;
  /** To be run together: all or nothing. Others run one by one, each in a transaction of its own. */
  readonly isTransaction: boolean;
  readonly statements: readonly string[];
}

/** How long a step waits for a lock that stops others; so long others may have to wait behind it. */
export const lockWaitMs = 2_000;

const waitSeconds = lockWaitMs / 1_000;

/** A change of the catalog alone. @param lock what it locks, and who waits */
export function briefStep(
  title: string,
  lock: string,
  statements: readonly string[],
  because = 'no row is read or rewritten',
): MigrationStep {
  return {
    title,
    lock,
    lasts: `a few milliseconds, whatever the size: ${because}. It waits for the lock for ${waitSeconds} s at most, and others wait behind it for so long. If it gives up (lock timeout) nothing was changed: run it again, while no long transaction uses the table`,
    isTransaction: true,
    statements: [`set local lock_timeout = '${waitSeconds}s'`, ...statements],
  };
}

/** What runs beside readers and writers, for long. */
export function longStep(
  title: string,
  table: string,
  lasts: string,
  statements: readonly string[],
): MigrationStep {
  return {
    title,
    lock: `SHARE UPDATE EXCLUSIVE on ${table}: reads and writes go on; VACUUM and other changes of the table wait`,
    lasts,
    isTransaction: false,
    // What is cut off half way has to begin anew.
    statements: ['set statement_timeout = 0', 'set lock_timeout = 0', ...statements],
  };
}
