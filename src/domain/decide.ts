/**
 * Decides what a verdict leads to. A decision is a proposal: every change is made by compare-and-set at the moment of
 * effect, and being refused there (`superseded`) is normal.
 * Invariants kept: nothing is proposed without an expiry; nothing is proposed for what was not observed; no attempt is
 * granted under a new key.
 */
import { isWindowOpen, namesAttempt, remainingMs, type Observation } from './assess.ts';
import type { ReadableClaim } from './claim.ts';
import type { LookupAnswer } from './distributor.ts';
import type { MarkerReading, PresentMarker } from './marker.ts';
import type { RepairAction, Settlement } from './repair-action.ts';
import type { SourceRules } from './source.ts';
import type { BadVerdict } from './verdict.ts';

/**
 * What the claim table knows of other claims on one marker: of those that hold the marker's value, or, for a claim whose
 * own fate is open, of those that are live (`pending`: one that goes first, or may be handed the thing right now).
 */
export type Rival = 'granted' | 'pending' | 'released' | 'unreadable' | 'unknown';

export type Decision =
  | { readonly kind: 'repair'; readonly action: RepairAction }
  | { readonly kind: 'alert'; readonly cause: BadVerdict | 'double_grant' }
  | { readonly kind: 'recheck'; readonly why: string }
  | { readonly kind: 'ignore' };

export interface Case {
  readonly verdict: BadVerdict;
  readonly observation: Observation;
  /** Null where it was not looked up; see `needsRival`. */
  readonly rival: Rival | null;
  /** Null where nobody was asked; see `needsAnswer`. */
  readonly answer: LookupAnswer | null;
  /** For how long the marker has been seen as it is, in milliseconds. */
  readonly ageMs: number;
}

/** Whether a decision depends on who else may own the marker's value. */
export function needsRival(verdict: BadVerdict, rules: Pick<SourceRules, 'valueNamesAttempt'>): boolean {
  return verdict === 'conflicting_marker' || (verdict === 'orphan_marker' && !rules.valueNamesAttempt);
}

/** Whether it depends on another live claim for the same thing. */
export function needsLiveRival(verdict: BadVerdict): boolean {
  return verdict === 'in_doubt' || verdict === 'rowless_marker';
}

/** Whether it depends on what the distributor says: of the claim's own attempt, or of the one that holds its marker. */
export function needsAnswer(verdict: BadVerdict, rival: Rival | null, { policy }: SourceRules): boolean {
  if (policy[verdict] !== 'repair') return false;
  return needsLiveRival(verdict) || (verdict === 'conflicting_marker' && rival === 'unknown');
}

/** What is to be done about one open discrepancy, by verdict and policy. The mode and the brake are applied later. */
export function decide(found: Case, rules: SourceRules, nowMs: number): Decision {
  const treatment = rules.policy[found.verdict];
  if (treatment === 'ignore') return { kind: 'ignore' };
  if (isDoubleGrant(found)) return { kind: 'alert', cause: 'double_grant' };
  const decision = treatment === 'alert' ? null : decideRepair(found, rules, nowMs);
  return decision ?? { kind: 'alert', cause: found.verdict };
}

/** Two attempts were handed the same thing: one by its row, the other by its row or by the distributor's word. */
function isDoubleGrant({ verdict, rival, answer }: Case): boolean {
  if (verdict === 'conflicting_marker') return rival === 'granted' || answer?.kind === 'granted';
  return needsLiveRival(verdict) && rival === 'granted' && answer?.kind === 'granted';
}

/** Null when there is nothing safe to change. */
function decideRepair(found: Case, rules: SourceRules, nowMs: number): Decision | null {
  const { claim, marker } = found.observation;
  if (claim.kind === 'no_row') return decideRowless(found, marker, rules);
  if (claim.kind === 'unreadable') return null;
  switch (found.verdict) {
    case 'missing_marker':
      return marker.kind === 'absent' ? reissue(claim, nowMs) : null;
    case 'immortal_marker':
    case 'wrong_expiry':
      return marker.kind === 'present' ? decideExpiry(claim, marker, rules, nowMs) : null;
    case 'orphan_marker':
      return marker.kind === 'present' ? decideOrphan(found, claim, marker, rules) : null;
    case 'conflicting_marker':
      return marker.kind === 'present' ? decideConflict(found, claim, marker, rules, nowMs) : null;
    case 'in_doubt':
      return decideInDoubt(found, claim, rules);
    case 'rowless_marker':
    case 'unreadable_claim':
    case 'unreadable_marker':
      return null;
  }
}

/**
 * The claim's row follows what the distributor says. Where it knows nothing of the attempt, asking it again under the same
 * key is safe whatever is still on its way; but never while another claim for the same thing may have been granted.
 */
function decideInDoubt(found: Case, claim: ReadableClaim, rules: SourceRules): Decision | null {
  const { rival, answer, observation } = found;
  const settle = (kind: Settlement['kind']): Decision => repair({ kind, key: claim.markerKey });
  const isRead = observation.marker.kind === 'present' || observation.marker.kind === 'absent';
  if (answer === null || rival === null || !isRead) return null;
  switch (answer.kind) {
    case 'granted':
      return settle('settle_granted');
    case 'refused':
      return settle('settle_released');
    case 'unknown':
      return noAnswer(answer.reason);
    case 'not_granted':
      if (rival === 'granted') return settle('settle_released');
      if (rival === 'pending')
        return { kind: 'recheck', why: 'another claim for the same thing comes first' };
      return rules.notGranted === 'release' ? settle('settle_released') : decideGrant(found, claim, rules);
  }
}

/** Nobody else may have been handed the thing: not by a row that cannot be read, nor by one that is not written yet. */
function decideGrant(
  { rival, observation: { marker }, ageMs }: Case,
  { markerKey, markerValue }: ReadableClaim,
  { graceMs }: SourceRules,
): Decision | null {
  if (rival === 'unreadable') return null;
  const isOthers = marker.kind === 'present' && markerValue !== null && marker.value !== markerValue;
  if (isOthers && ageMs < graceMs) {
    return { kind: 'recheck', why: 'another attempt holds the marker; it is given one grace period' };
  }
  return repair({ kind: 'grant_again', key: markerKey });
}

/** A marker whose row was never written: the row is written if the thing was handed out, else the marker goes. */
function decideRowless(found: Case, marker: MarkerReading, rules: SourceRules): Decision | null {
  const { rival, answer, observation } = found;
  const { claim } = observation;
  if (answer === null || marker.kind !== 'present' || claim.kind !== 'no_row' || claim.open === null)
    return null;
  const key = claim.open.markerKey;
  if (answer.kind === 'unknown') return noAnswer(answer.reason);
  if (answer.kind !== 'granted') {
    const remove = repair({ kind: 'delete_marker', key, observed: marker });
    return rules.valueNamesAttempt ? remove : unlessOthers(found, rules, remove);
  }
  if (rival === 'pending') return { kind: 'recheck', why: 'another claim for the same thing is pending' };
  return rival === null ? null : repair({ kind: 'write_claim', key });
}

/** The value does not tell whose the marker is: it may be another live claim's, or that of one not written yet. */
function unlessOthers({ rival, ageMs }: Case, { graceMs }: SourceRules, remove: Decision): Decision | null {
  if (rival === null) return null;
  if (rival === 'granted' || rival === 'pending') {
    return { kind: 'recheck', why: 'the marker may be that of another live claim' };
  }
  return ageMs < graceMs
    ? { kind: 'recheck', why: 'a newer attempt may hold it; it gets one grace period' }
    : remove;
}

function noAnswer(reason: string): Decision {
  return { kind: 'recheck', why: `the distributor did not answer: ${reason}` };
}

/** Only a marker that is certainly this claim's may be timed by its window. */
function decideExpiry(
  claim: ReadableClaim,
  observed: PresentMarker,
  rules: SourceRules,
  nowMs: number,
): Decision | null {
  const isCertain = namesAttempt(claim, rules) || isWindowOpen(claim, rules, nowMs);
  if (claim.status !== 'granted' || !isCertain) return null;
  return repair({
    kind: 'set_expiry',
    key: claim.markerKey,
    observed,
    expiresInMs: leastExpiry(claim, nowMs),
  });
}

/** Where values do not name the attempt, the marker may be that of another live claim, or of one not written yet. */
function decideOrphan(
  { rival, ageMs }: Case,
  claim: ReadableClaim,
  observed: PresentMarker,
  rules: SourceRules,
): Decision | null {
  if (claim.status !== 'released') return null;
  if (!rules.valueNamesAttempt) {
    if (rival === null || rival === 'unreadable') return null;
    if (rival === 'granted' || rival === 'pending') return { kind: 'ignore' };
    if (ageMs < rules.graceMs)
      return { kind: 'recheck', why: 'a newer attempt may hold it; it gets one grace period' };
  }
  return repair({ kind: 'delete_marker', key: claim.markerKey, observed });
}

/**
 * The marker belongs to another attempt while the granted claim's window is open. An attempt without a row may still
 * be on its way, so it is given one grace period to show up before its marker is replaced.
 */
function decideConflict(
  { rival, answer, ageMs }: Case,
  claim: ReadableClaim,
  observed: PresentMarker,
  rules: SourceRules,
  nowMs: number,
): Decision | null {
  if (answer?.kind === 'unknown') return noAnswer(answer.reason);
  if (rival === 'pending') return { kind: 'recheck', why: 'the other attempt is still pending' };
  if (rival === null || rival === 'unreadable') return null;
  if (claim.status !== 'granted' || claim.markerValue === null) return null;
  const isSettled = rival === 'released' && rules.valueNamesAttempt;
  if (!isSettled && ageMs < rules.graceMs) {
    return { kind: 'recheck', why: 'the other attempt has no row yet; it is given one grace period' };
  }
  const expiresInMs = leastExpiry(claim, nowMs);
  return repair({
    kind: 'replace_marker',
    key: claim.markerKey,
    observed,
    value: claim.markerValue,
    expiresInMs,
  });
}

function reissue(claim: ReadableClaim, nowMs: number): Decision | null {
  if (claim.status !== 'granted' || claim.markerValue === null) return null;
  const expiresInMs = leastExpiry(claim, nowMs);
  return repair({ kind: 'reissue_marker', key: claim.markerKey, value: claim.markerValue, expiresInMs });
}

function repair(action: RepairAction): Decision {
  return { kind: 'repair', action };
}

/** A marker whose window is over is given one millisecond: Redis then removes it by itself. */
function leastExpiry(claim: ReadableClaim, nowMs: number): number {
  return Math.max(1, Math.floor(remainingMs(claim, nowMs)));
}
