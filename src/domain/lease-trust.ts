/**
 * How long a lease holder may trust its lease. Trust counts from before the request was sent, never from the answer,
 * minus a margin (the method of client-go's and river's leader election).
 * Invariant kept: trust always ends before the server lets the key expire, whatever the network does, as long as the
 * two machines' clocks run at the same rate within a tenth.
 */

export interface LeaseTiming {
  readonly ttlMs: number;
  readonly renewEveryMs: number;
  /** The longest any one call to Redis may take. */
  readonly callTimeoutMs: number;
}

/**
 * 15 s: long enough for a stop of some seconds (garbage, a failover of Redis), short enough that a dead holder is
 * followed soon. A third of it between renewals, so that some may fail. 2 s: far above any healthy answer.
 */
export const defaultLeaseTiming: LeaseTiming = { ttlMs: 15_000, renewEveryMs: 5_000, callTimeoutMs: 2_000 };

/** What both clocks of a machine showed at one moment, in milliseconds. */
export interface ClockReading {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/**
 * Milliseconds between two readings by the larger of two clocks: the monotonic one stops while some machines sleep,
 * the wall clock may be set. A wall clock set back is ignored; one set forward ends trust early, which is safe.
 */
export function elapsedMs(since: ClockReading, now: ClockReading): number {
  return Math.max(now.monotonicMs - since.monotonicMs, now.wallMs - since.wallMs);
}

/** How long after a good request was sent its answer may be trusted. */
export function trustMs({ ttlMs }: LeaseTiming): number {
  return ttlMs - Math.max(1_000, ttlMs * 0.1);
}

/** An acquisition that took longer than this is not taken as one: too little of the term would be left. */
export function acquireTimeoutMs(timing: LeaseTiming): number {
  return Math.min(timing.callTimeoutMs, timing.ttlMs / 3);
}

/**
 * From one failed renewal to the next: so that three of them fit between the regular moment and the end of trust. Two
 * in a row may fail and the lease is kept; with the third it is given up.
 */
export function renewalRetryMs(timing: LeaseTiming): number {
  return (trustMs(timing) - timing.renewEveryMs) / 3;
}

/** What is wrong with a timing, in words; null when nothing is. */
export function timingProblem(timing: LeaseTiming): string | null {
  const { ttlMs, renewEveryMs, callTimeoutMs } = timing;
  if (!(ttlMs >= 3_000)) return `a lease of ${ttlMs} ms is too short to be trusted: at least 3,000 ms`;
  if (!(callTimeoutMs > 0)) return `calls must be given some time, not ${callTimeoutMs} ms`;
  if (!(renewEveryMs > 0 && renewEveryMs <= trustMs(timing) / 2)) {
    return `renewing every ${renewEveryMs} ms does not fit twice into the ${trustMs(timing)} ms that a lease is trusted`;
  }
  return null;
}
