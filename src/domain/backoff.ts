/**
 * When a discrepancy that could not be settled is looked at again: exponential, with a ceiling, without jitter
 * (rechecks are batched by the pass, so there is no herd to spread).
 */

const ceilingMs = 60 * 60 * 1000;

/** @param checks how often it was looked at before; @param graceMs the first delay, in milliseconds */
export function recheckDelayMs(checks: number, graceMs: number): number {
  return Math.min(ceilingMs, Math.max(1000, graceMs) * 2 ** Math.min(checks, 20));
}
