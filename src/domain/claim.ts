/**
 * A claim: one Postgres row, the source of truth.
 * Invariant kept: what cannot be understood is `unreadable`, never guessed into a status.
 * Does not read anything: rows are decoded in `postgres/`.
 */

import type { OpenClaim } from './open-claim.ts';

export const claimStatuses = ['pending', 'granted', 'released'] as const;

/** What the application's own status word is mapped onto by configuration. */
export type ClaimStatus = (typeof claimStatuses)[number];

/**
 * A place in reading order `(change_xid, id)`. All parts are text as Postgres prints them and are compared in
 * Postgres only. `id: null` stands before every row of that `changeXid`.
 */
export interface Position {
  readonly changeXid: string;
  readonly id: string | null;
  /**
   * For a source that is read by a column of its own: the order is `(value, id)` then, and a checkpoint's `changeXid` is the
   * transaction id below which what lies up to `value` is judged. Left out at the beginning.
   */
  readonly value?: string;
}

/** A row that could be decoded. `markerValue` is what the marker must hold; null means that any value will do. */
export interface ReadableClaim {
  readonly kind: 'readable';
  readonly id: string;
  readonly changeXid: string;
  readonly status: ClaimStatus;
  readonly attempt: string;
  readonly markerKey: string;
  readonly markerValue: string | null;
  /** Unix time in milliseconds at which the marker's window ends. */
  readonly expiresAtMs: number;
}

/** A row that exists but cannot be judged; `reason` names the column at fault. */
export interface UnreadableClaim {
  readonly kind: 'unreadable';
  readonly id: string;
  readonly changeXid: string;
  readonly markerKey: string | null;
  readonly reason: string;
}

/** No row. `open` is what the open-claims index says of it: it was begun and never written. Null: it was deleted. */
export interface NoClaim {
  readonly kind: 'no_row';
  readonly open: OpenClaim | null;
  /** The id of the claim that the attempt of `open` made for another thing: this one it will never get. */
  readonly elsewhereId?: string;
}

export const deletedClaim: NoClaim = { kind: 'no_row', open: null };

export type ClaimReading = ReadableClaim | UnreadableClaim | NoClaim;

/** The key of the claim's marker, as far as it is known. */
export function markerKeyOf(claim: ClaimReading): string | null {
  return claim.kind === 'no_row' ? (claim.open?.markerKey ?? null) : claim.markerKey;
}
