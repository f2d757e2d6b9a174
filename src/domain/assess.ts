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
 *   granted     own, no expiry                                  immortal_marker (consistent where the source is endless)
 *   granted     own, window over, value does not name attempt   consistent
 *   granted     own, expiry off by more than the tolerance      wrong_expiry
 *   granted     own, expiry within the tolerance                consistent
 *   released    own                                             orphan_marker
 *   released    expected value, no expiry, value does not name  immortal_marker
 *   released    absent, or another attempt's                    consistent
 *   no row      the one that the open-claims index names        rowless_marker
 *   no row      absent, or another attempt's                    consistent
 *
 * "Own" means that the value is the one this claim expects (any, if `markerValue` is null). Where values do not name
 * the attempt (a constant, a driver's id), a newer attempt may have stored the same value: there a released claim's
 * marker is own only if its expiry is also the one this claim set, within the tolerance, and what a granted claim's key
 * holds after its window is somebody else's. A window counts as over the tolerance before its end, since a marker may
 * rightly be gone by then.
 */
import type { ClaimReading, NoClaim, ReadableClaim } from './claim.ts';
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
  /** Markers without an expiry are as they should be. Their windows end at `endOfTimeMs`. */
  readonly endless?: boolean;
}

/**
 * @param observation claim and marker, read close together
 * @param rules the source's tolerance, and whether its marker values name the attempt
 * @param nowMs database time, Unix milliseconds, at which the marker was read
 */
export function assess({ claim, marker }: Observation, rules: AssessRules, nowMs: number): Verdict {
  if (marker.kind === 'unread') return 'unknown';
  if (claim.kind === 'unreadable') return 'unreadable_claim';
  if (marker.kind === 'undecodable') return 'unreadable_marker';
  if (claim.kind === 'no_row') return assessRowless(claim, marker);
  switch (claim.status) {
    case 'pending':
      return 'in_doubt';
    case 'granted':
      return assessGranted(claim, marker, rules, nowMs);
    case 'released':
      return marker.kind === 'present' ? assessReleased(claim, marker, rules, nowMs) : 'consistent';
  }
}

function assessRowless({ open }: NoClaim, marker: PresentMarker | { readonly kind: 'absent' }): Verdict {
  if (open === null || marker.kind === 'absent') return 'consistent';
  return marker.value === open.markerValue ? 'rowless_marker' : 'consistent';
}

/** Time left in the marker's window, in milliseconds; zero or less when the window is over. */
export function remainingMs(claim: ReadableClaim, nowMs: number): number {
  return claim.expiresAtMs - nowMs;
}

/** True while the claim is owed a marker: a marker may rightly end as much as the tolerance before its window does. */
export function isWindowOpen(claim: ReadableClaim, rules: AssessRules, nowMs: number): boolean {
  return remainingMs(claim, nowMs) > rules.toleranceMs;
}

function assessGranted(
  claim: ReadableClaim,
  marker: PresentMarker | { readonly kind: 'absent' },
  rules: AssessRules,
  nowMs: number,
): Verdict {
  const windowIsOpen = isWindowOpen(claim, rules, nowMs);
  if (marker.kind === 'absent') return windowIsOpen ? 'missing_marker' : 'consistent';
  if (!holdsExpectedValue(claim, marker)) {
    return windowIsOpen ? 'conflicting_marker' : 'consistent';
  }
  if (marker.expiresInMs === null) return rules.endless === true ? 'consistent' : 'immortal_marker';
  if (!windowIsOpen && !namesAttempt(claim, rules)) return 'consistent';
  return expiryAgrees(claim, marker.expiresInMs, rules, nowMs) ? 'consistent' : 'wrong_expiry';
}

function assessReleased(
  claim: ReadableClaim,
  marker: PresentMarker,
  rules: AssessRules,
  nowMs: number,
): Verdict {
  if (!holdsExpectedValue(claim, marker)) return 'consistent';
  if (namesAttempt(claim, rules)) return 'orphan_marker';
  if (marker.expiresInMs === null) return 'immortal_marker';
  return expiryAgrees(claim, marker.expiresInMs, rules, nowMs) ? 'orphan_marker' : 'consistent';
}

/** True when the marker's value tells this claim's attempt from all others. */
export function namesAttempt(claim: ReadableClaim, rules: AssessRules): boolean {
  return rules.valueNamesAttempt && claim.markerValue !== null;
}

function holdsExpectedValue(claim: ReadableClaim, marker: PresentMarker): boolean {
  return claim.markerValue === null || claim.markerValue === marker.value;
}

function expiryAgrees(claim: ReadableClaim, expiresInMs: number, rules: AssessRules, nowMs: number): boolean {
  return Math.abs(expiresInMs - remainingMs(claim, nowMs)) <= rules.toleranceMs;
}
