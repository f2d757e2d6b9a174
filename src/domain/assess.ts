/**
 * Judges one observation. The decision table (pure, exhaustive; the screening script in `redis/` must agree):
 *
 *   claim       marker                                          verdict
 *   ---------   ---------------------------------------------   ------------------
 *   any         the read failed                                 unknown
 *   unreadable  any                                             unreadable_claim
 *   any other   not a string, or not UTF-8                      unreadable_marker
 *   pending     any                                             in_doubt
 *   granted     absent, window open                             missing_marker
 *   granted     absent, window over                             consistent
 *   granted     another attempt's, window open                  conflicting_marker
 *   granted     another attempt's, window over                  consistent
 *   granted     own, no expiry                                  immortal_marker
 *   granted     own, expiry off by more than the tolerance      wrong_expiry
 *   granted     own, expiry within the tolerance                consistent
 *   released    own                                             orphan_marker
 *   released    absent, or another attempt's                    consistent
 *   no row      present                                         rowless_marker
 *   no row      absent                                          consistent
 *
 * "Own" means that the value is the one this claim expects (any, if `markerValue` is null). Where values do not name
 * the attempt (a constant, a driver's id), a newer attempt may have stored the same value: there a released claim's
 * marker is own only if its expiry is also the one this claim set, within the tolerance. A marker without expiry
 * cannot be told apart in that case and is left alone.
 */
import type { ClaimReading, ReadableClaim } from './claim.ts';
import type { MarkerReading, PresentMarker } from './marker.ts';
import type { Verdict } from './verdict.ts';

/** What was read: one claim and the marker it maps to. */
export interface Observation {
  readonly claim: ClaimReading;
  readonly marker: MarkerReading;
}

export interface AssessRules {
  /** How far the marker's expiry may lie from the claim's, in milliseconds, either way. */
  readonly toleranceMs: number;
  /** True when no two attempts ever store the same marker value. */
  readonly valueNamesAttempt: boolean;
}

/**
 * @param observation claim and marker, read close together
 * @param rules the source's tolerance
 * @param nowMs database time, Unix milliseconds, at which the marker was read
 */
export function assess({ claim, marker }: Observation, rules: AssessRules, nowMs: number): Verdict {
  if (marker.kind === 'unread') return 'unknown';
  if (claim.kind === 'unreadable') return 'unreadable_claim';
  if (marker.kind === 'undecodable') return 'unreadable_marker';
  if (claim.kind === 'no_row') return marker.kind === 'present' ? 'rowless_marker' : 'consistent';
  switch (claim.status) {
    case 'pending':
      return 'in_doubt';
    case 'granted':
      return assessGranted(claim, marker, rules, nowMs);
    case 'released':
      return marker.kind === 'present' && isOwn(claim, marker, rules, nowMs) ? 'orphan_marker' : 'consistent';
  }
}

/** Time left in the marker's window, in milliseconds; zero or less when the window is over. */
export function remainingMs(claim: ReadableClaim, nowMs: number): number {
  return claim.expiresAtMs - nowMs;
}

function assessGranted(
  claim: ReadableClaim,
  marker: PresentMarker | { readonly kind: 'absent' },
  rules: AssessRules,
  nowMs: number,
): Verdict {
  const windowIsOpen = remainingMs(claim, nowMs) > 0;
  if (marker.kind === 'absent') return windowIsOpen ? 'missing_marker' : 'consistent';
  if (!holdsExpectedValue(claim, marker)) {
    return windowIsOpen ? 'conflicting_marker' : 'consistent';
  }
  if (marker.expiresInMs === null) return 'immortal_marker';
  return expiryAgrees(claim, marker.expiresInMs, rules, nowMs) ? 'consistent' : 'wrong_expiry';
}

function isOwn(claim: ReadableClaim, marker: PresentMarker, rules: AssessRules, nowMs: number): boolean {
  if (!holdsExpectedValue(claim, marker)) return false;
  if (rules.valueNamesAttempt) return true;
  return marker.expiresInMs !== null && expiryAgrees(claim, marker.expiresInMs, rules, nowMs);
}

function holdsExpectedValue(claim: ReadableClaim, marker: PresentMarker): boolean {
  return claim.markerValue === null || claim.markerValue === marker.value;
}

function expiryAgrees(claim: ReadableClaim, expiresInMs: number, rules: AssessRules, nowMs: number): boolean {
  return Math.abs(expiresInMs - remainingMs(claim, nowMs)) <= rules.toleranceMs;
}
