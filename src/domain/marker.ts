/**
 * A marker: the Redis key that mirrors a claim, as one atomic reading of value and expiry.
 * Invariant kept: a read that failed is `unread`, never `absent`.
 * Does not read anything: readings are made in `redis/`.
 */

/** A string marker; `expiresInMs: null` means that the key has no expiry. */
export interface PresentMarker {
  readonly kind: 'present';
  readonly value: string;
  readonly expiresInMs: number | null;
}

export type MarkerReading =
  | { readonly kind: 'absent' }
  | PresentMarker
  /** The key holds another type than a string, or bytes that are not UTF-8; `reason` says which. */
  | { readonly kind: 'undecodable'; readonly reason: string }
  | { readonly kind: 'unread'; readonly reason: string };

/** A reading and when it was made, Unix milliseconds by the database. */
export interface MarkerSight {
  readonly marker: MarkerReading;
  readonly atMs: number;
}

/** Two readings of one expiry may lie so far apart: the clocks are read beside the marker, not with it. */
export const expirySlackMs = 1_000;

/**
 * True when both saw the same marker: same value, same end. A later end means that somebody set the value again, which
 * matters where values do not name the attempt.
 */
export function sameMarker(a: MarkerSight, b: MarkerSight): boolean {
  if (a.marker.kind !== 'present' || b.marker.kind !== 'present') return a.marker.kind === b.marker.kind;
  if (a.marker.value !== b.marker.value) return false;
  if (a.marker.expiresInMs === null || b.marker.expiresInMs === null) {
    return a.marker.expiresInMs === b.marker.expiresInMs;
  }
  const offMs = a.atMs + a.marker.expiresInMs - (b.atMs + b.marker.expiresInMs);
  return Math.abs(offMs) <= expirySlackMs;
}
