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

/** True when both readings would lead to the same judgement; a running expiry clock is no difference. */
export function sameMarker(a: MarkerReading, b: MarkerReading): boolean {
  if (a.kind !== 'present' || b.kind !== 'present') return a.kind === b.kind;
  return a.value === b.value && (a.expiresInMs === null) === (b.expiresInMs === null);
}
