/**
 * A term: the right to write for one source, for a while. The lease keeps others away in practice; the fencing token
 * lets Postgres refuse whoever is late.
 */

export interface Term {
  readonly fencingToken: string;
  /** Aborts when the lease is lost or about to end, with the reason. */
  readonly signal: AbortSignal;
  /** Throws `lease_lost` when the lease may no longer be trusted. Called before each write. */
  guard(): void;
}
