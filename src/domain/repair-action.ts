/**
 * Decides what a verdict leads to. A decision is a proposal: every change is made by compare-and-set at the moment of
 * effect, and being refused there (`superseded`) is normal.
 * Invariants kept: nothing is proposed without an expiry; nothing is proposed for what was not observed.
 */
import { remainingMs, type Observation } from './assess.ts';
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

export const repairOutcomes = ['applied', 'superseded', 'withheld', 'failed'] as const;
export type RepairOutcome = (typeof repairOutcomes)[number];

/** Who else is known under the value that a conflicting marker holds. */
export type Rival = 'granted' | 'pending' | 'released' | 'unknown';

export type Decision =
  | { readonly kind: 'repair'; readonly action: RepairAction }
  | { readonly kind: 'alert'; readonly cause: BadVerdict | 'double_grant' }
  | { readonly kind: 'recheck'; readonly why: string }
  | { readonly kind: 'ignore' };

export interface Case {
  readonly verdict: BadVerdict;
  readonly observation: Observation;
  /** Looked up only for `conflicting_marker`. */
  readonly rival: Rival | null;
  /** Time since the discrepancy was first seen, in milliseconds. */
  readonly ageMs: number;
}

/** What is to be done about one open discrepancy, by verdict and policy. The mode and the brake are applied later. */
export function decide(found: Case, rules: SourceRules, nowMs: number): Decision {
  const treatment = rules.policy[found.verdict];
  if (treatment === 'ignore') return { kind: 'ignore' };
  if (found.rival === 'granted') return { kind: 'alert', cause: 'double_grant' };
  if (treatment === 'alert') return { kind: 'alert', cause: found.verdict };
  return decideRepair(found, rules, nowMs);
}

function decideRepair(found: Case, rules: SourceRules, nowMs: number): Decision {
  const { claim, marker } = found.observation;
  const alert: Decision = { kind: 'alert', cause: found.verdict };
  if (claim.kind !== 'readable') return alert;
  if (marker.kind === 'absent') {
    return found.verdict === 'missing_marker' ? reissue(claim, nowMs, alert) : alert;
  }
  if (marker.kind !== 'present') return alert;
  const key = claim.markerKey;
  switch (found.verdict) {
    case 'immortal_marker':
    case 'wrong_expiry':
      return repair({ kind: 'set_expiry', key, observed: marker, expiresInMs: leastExpiry(claim, nowMs) });
    case 'orphan_marker':
      return repair({ kind: 'delete_marker', key, observed: marker });
    case 'conflicting_marker':
      return decideConflict(found, claim, marker, rules, nowMs);
    case 'missing_marker':
    case 'in_doubt':
    case 'rowless_marker':
    case 'unreadable_claim':
    case 'unreadable_marker':
      return alert;
  }
}

/**
 * The marker belongs to another attempt while the granted claim's window is open. An attempt without a row may still
 * be on its way, so it is given one grace period to show up before its marker is replaced.
 */
function decideConflict(
  found: Case,
  claim: ReadableClaim,
  observed: PresentMarker,
  rules: SourceRules,
  nowMs: number,
): Decision {
  if (found.rival === 'pending') return { kind: 'recheck', why: 'the other attempt is still pending' };
  if (found.rival !== 'released' && found.ageMs < rules.graceMs) {
    return { kind: 'recheck', why: 'the other attempt has no row yet; it is given one grace period' };
  }
  if (claim.markerValue === null) return { kind: 'alert', cause: 'conflicting_marker' };
  const expiresInMs = leastExpiry(claim, nowMs);
  return repair({
    kind: 'replace_marker',
    key: claim.markerKey,
    observed,
    value: claim.markerValue,
    expiresInMs,
  });
}

function reissue(claim: ReadableClaim, nowMs: number, otherwise: Decision): Decision {
  if (claim.markerValue === null) return otherwise;
  return repair({
    kind: 'reissue_marker',
    key: claim.markerKey,
    value: claim.markerValue,
    expiresInMs: leastExpiry(claim, nowMs),
  });
}

function repair(action: RepairAction): Decision {
  return { kind: 'repair', action };
}

/** A marker whose window is over is given one millisecond: Redis then removes it by itself. */
function leastExpiry(claim: ReadableClaim, nowMs: number): number {
  return Math.max(1, Math.floor(remainingMs(claim, nowMs)));
}
