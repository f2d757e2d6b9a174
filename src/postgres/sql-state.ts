/**
 * What the server said when it refused: its SQLSTATE. The driver that threw may be another copy than ours, so that its
 * class says nothing.
 */

/** The five characters, or null for what did not come from a server. */
export function sqlStateOf(error: unknown): string | null {
  // The operating system's codes look alike (EPIPE), but have no severity.
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}

/** Another row has the values that an index allows once. */
export function isUniqueViolation(error: unknown): boolean {
  return sqlStateOf(error) === '23505';
}

/** A text that is no value of the type, one out of its range, or one that the database cannot hold. */
export function isUnfitValue(error: unknown): boolean {
  return ['22P02', '22003', '22007', '22008', '22021', '22P05'].includes(sqlStateOf(error) ?? '');
}
