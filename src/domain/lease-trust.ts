/**
 * How long a lease holder may trust its lease. Trust counts from before the request was sent, never from the answer,
 * minus a margin (the method of client-go's and river's leader election).
 * Invariant kept: trust always ends before the server lets the key expire, whatever the network does.
 */

export interface LeaseTiming {
  readonly ttlMs: number;
  readonly renewEveryMs: number;
  /** The longest any one call to Redis may take. */
  readonly callTimeoutMs: number;
}

export const defaultLeaseTiming: LeaseTiming = { ttlMs: 15_000, renewEveryMs: 5_000, callTimeoutMs: 2_000 };

/** The moment, on the caller's clock, at which trust ends for a call sent at `sentAtMs`. */
export function trustedUntilMs(sentAtMs: number, ttlMs: number): number {
  return sentAtMs + ttlMs - Math.max(1_000, ttlMs * 0.1);
}

/** An acquisition that took longer than this is not taken as one: too little of the term would be left. */
export function acquireTimeoutMs(timing: LeaseTiming): number {
  return Math.min(timing.callTimeoutMs, timing.ttlMs / 3);
}

/**
 * Elapsed time by the larger of two clocks: the monotonic one stops while some machines sleep, the wall clock may be
 * set. A wall clock set back is ignored.
 */
export function elapsedMs(monotonicMs: number, wallMs: number): number {
  return Math.max(monotonicMs, wallMs);
}
