/**
 * The distributor: the external system that really hands the thing out. What it is asked, and what its answers mean.
 * Invariant kept: no answer is `unknown`, never "refused" or "not granted"; an attempt is one idempotency key for good.
 * Does not call anything: see `distributor/`.
 */

/** What is to be handed out, under which idempotency key, and until when the request may be carried out. */
export interface Grant {
  /** The idempotency key: however often it is asked with it, the distributor hands out once. */
  readonly attempt: string;
  readonly markerKey: string;
  /** The claim's columns, as Postgres gives them in JSON. */
  readonly claim: Readonly<Record<string, unknown>>;
  /** Unix milliseconds: a request that arrives later must not be carried out; who sent it may have given up. */
  readonly notAfterMs: number;
}

export type GrantAnswer =
  | { readonly kind: 'granted' }
  /** Final: it never was and never will be handed out under this key. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** A time-out, a lost reply, an error: it may have been handed out, or may be yet. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** `not_granted`: it knows of no hand-out under this key; a request that is still on its way may bring one. */
export type LookupAnswer = GrantAnswer | { readonly kind: 'not_granted' };

/**
 * What a distributor must be able to do. Both calls end when `signal` aborts. What they throw counts as `unknown`.
 */
export interface Distributor {
  /** Hands out, or says what became of an earlier request under the same key. */
  grant(grant: Grant, signal: AbortSignal): Promise<GrantAnswer>;
  /** What became of an attempt. Changes nothing. */
  lookup(attempt: string, signal: AbortSignal): Promise<LookupAnswer>;
}
