/**
 * The canary: a source of our own in which a fault is injected every so often. What a round proves, and when people are
 * told that nothing is proved any more. Decisions only.
 */
import { defaultNamespace } from './open-claim.ts';

/** The name of its source; no configured source may have it. */
export const canaryName = 'canary';

/** By the attempt, not by the id: after a restore of the database ids come again. */
export function canaryKey(attempt: string): string {
  return `${defaultNamespace}:canary:${attempt}`;
}

/** Those that are repaired in one pass and without a distributor; each round takes the next one. */
export const canaryFaults = ['missing_marker', 'orphan_marker', 'wrong_expiry', 'immortal_marker'] as const;
export type CanaryFault = (typeof canaryFaults)[number];

const nextFaults: Readonly<Record<CanaryFault, CanaryFault>> = {
  missing_marker: 'orphan_marker',
  orphan_marker: 'wrong_expiry',
  wrong_expiry: 'immortal_marker',
  immortal_marker: 'missing_marker',
};

export interface CanaryRules {
  /** From one injection to the next. */
  readonly everyMs: number;
  /** A fault must be found and repaired so soon after its injection. */
  readonly withinMs: number;
}

/** passed: found and repaired in time. void: the fault was never there, or went by itself, so that it says nothing. */
export type RoundOutcome = 'passed' | 'failed' | 'void';

export interface CanaryRound {
  readonly id: string;
  readonly claimId: string;
  readonly fault: CanaryFault;
  /** Null while it is under way. */
  readonly outcome: RoundOutcome | null;
  /** Since the injection. */
  readonly ageMs: number;
  /** From the injection to the first verdict, and to the repair that was verified; null: not yet, or never. */
  readonly foundMs: number | null;
  readonly repairedMs: number | null;
}

export interface CanaryRounds {
  /** Rounds that say nothing left out; null before the first. */
  readonly newest: CanaryRound | null;
  /** The newest that has ended. */
  readonly ended: CanaryRound | null;
}

/** undecided: a round is under way, and its end will tell. */
export type CanaryHealth = 'well' | 'undecided' | 'failed' | 'silent';

/** Intervals without a round after which nothing is proved any more. */
const silentIntervals = 2;

/** The fault of the round after this one. */
export function faultAfter(last: CanaryFault | null): CanaryFault {
  return last === null ? canaryFaults[0] : nextFaults[last];
}

/** How a round ends whose time is over without a repair. @param wasThere whether there was a fault to be found */
export function endOfOverdue(
  round: Pick<CanaryRound, 'foundMs'>,
  wasThere: boolean,
): Exclude<RoundOutcome, 'passed'> {
  return wasThere || round.foundMs !== null ? 'failed' : 'void';
}

/** @param upMs for how long this process could have injected one: a start makes good what was missed before it tells */
export function judgeCanary({ newest, ended }: CanaryRounds, rules: CanaryRules, upMs: number): CanaryHealth {
  const quietMs = newest?.ageMs ?? upMs;
  if (quietMs > silentIntervals * rules.everyMs) return upMs > rules.withinMs ? 'silent' : 'undecided';
  if (ended?.outcome === 'failed') return 'failed';
  return newest?.outcome === 'passed' ? 'well' : 'undecided';
}
