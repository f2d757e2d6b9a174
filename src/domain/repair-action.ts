/**
 * Decides what a verdict leads to. A decision is a proposal: every change is made by compare-and-set at the moment of
 * effect, and being refused there (`superseded`) is normal.
 * Invariants kept: nothing is proposed without an expiry; nothing is proposed for what was not observed.
 */
import { isWindowOpen, namesAttempt, remainingMs, type Observation } from './assess.ts';
import type { ReadableClaim } from './claim.ts';
import type { PresentMarker } from './marker.ts';
import type { SourceRules } from './source.ts';
import type { BadVerdict } from './verdict.ts';

/** A change to one marker. `observed` is what must still be there for the change to be made. */
export type RepairAction =
  | {
      readonly kind: 'reissue_marker';
      readonly key: string;
      readonly value: string;
      readonly expiresInMs: number;
    }
  | { readonly kind: 'delete_marker'; readonly key: string; readonly observed: PresentMarker }
  | {
      readonly kind: 'set_expiry';
      readonly key: string;
      readonly observed: PresentMarker;
      readonly expiresInMs: number;
    }
  | {
      readonly kind: 'replace_marker';
      readonly key: string;
      readonly observed: PresentMarker;
      readonly value: string;
      readonly expiresInMs: number;
    };

export const repairKinds = [
  'reissue_marker',
  'delete_marker',
  'set_expiry',
  'replace_marker',
] as const satisfies readonly RepairAction['kind'][];
export type RepairKind = (typeof repairKinds)[number];

export const repairOutcomes = ['applied', 'superseded', 'withheld', 'failed'] as const;
export type RepairOutcome = (typeof repairOutcomes)[number];

/** What the claim table knows of other claims on one marker that hold the marker's value. */
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
  /** For how long the marker has been seen as it is, in milliseconds. */
  readonly ageMs: number;
}

/** Whether a decision depends on who else may own the marker's value. */
export function needsRival(verdict: BadVerdict, rules: Pick<SourceRules, 'valueNamesAttempt'>): boolean {
  return verdict === 'conflicting_marker' || (verdict === 'orphan_marker' && !rules.valueNamesAttempt);
}

/** What is to be done about one open discrepancy, by verdict and policy. The mode and the brake are applied later. */
export function decide(found: Case, rules: SourceRules, nowMs: number): Decision {
  const treatment = rules.policy[found.verdict];
  if (treatment === 'ignore') return { kind: 'ignore' };
  if (found.verdict === 'conflicting_marker' && found.rival === 'granted') {
    return { kind: 'alert', cause: 'double_grant' };
  }
  const decision = treatment === 'alert' ? null : decideRepair(found, rules, nowMs);
  return decision ?? { kind: 'alert', cause: found.verdict };
}

/** Null when there is nothing safe to change. */
function decideRepair(found: Case, rules: SourceRules, nowMs: number): Decision | null {
  const { claim, marker } = found.observation;
  if (claim.kind !== 'readable') return null;
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
    case 'rowless_marker':
    case 'unreadable_claim':
    case 'unreadable_marker':
      return null;
  }
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
  { rival, ageMs }: Case,
  claim: ReadableClaim,
  observed: PresentMarker,
  rules: SourceRules,
  nowMs: number,
): Decision | null {
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
