/**
 * The brake: the limit that stops repairs when too much looks wrong. It judges a whole plan before its first action.
 * Invariant kept: limits are counted over all workers and manual jobs; the caller supplies the counts under a lock.
 */
import type { BrakeLimits } from './source.ts';

export type BrakeState = 'armed' | 'tripped' | 'lifted';

export interface BrakeCounts {
  /** Repairs the plan still wants to make. */
  readonly planned: number;
  /** Repairs intended by anyone in the last hour. */
  readonly lastHour: number;
  /** Claims judged in this pass, and how many of them were bad. Zero for manual jobs, which judge no share. */
  readonly judged: number;
  readonly bad: number;
}

export type BrakeDecision = { readonly kind: 'pass' } | { readonly kind: 'trip'; readonly reason: string };

/** How far above the limit the share of bad claims must be for a pass to stop reading. */
const earlyStopFactor = 4;

/** Whether a plan may go ahead. `limits` are the source's; `counts` cover the plan and what went before it. */
export function judgePlan(counts: BrakeCounts, limits: BrakeLimits): BrakeDecision {
  const { planned, lastHour } = counts;
  if (planned === 0) return { kind: 'pass' };
  if (planned > limits.repairsPerPlan) {
    return trip(`${planned} repairs planned, the limit for one plan is ${limits.repairsPerPlan}`);
  }
  if (planned + lastHour > limits.repairsPerHour) {
    return trip(
      `${planned} repairs planned after ${lastHour} in the last hour, the limit is ${limits.repairsPerHour}`,
    );
  }
  return judgeShare(counts, limits, 1);
}

/** Whether a pass that is still reading must stop: the share of bad claims is far above the limit. */
export function judgeReading(
  counts: Pick<BrakeCounts, 'judged' | 'bad'>,
  limits: BrakeLimits,
): BrakeDecision {
  return judgeShare(counts, limits, earlyStopFactor);
}

function judgeShare(
  { judged, bad }: Pick<BrakeCounts, 'judged' | 'bad'>,
  limits: BrakeLimits,
  factor: number,
): BrakeDecision {
  if (judged < limits.shareSample || bad <= judged * Math.min(1, limits.share * factor))
    return { kind: 'pass' };
  return trip(
    `${bad} of ${judged} judged claims are bad (${percent(bad / judged)}), the limit is ${percent(limits.share)}`,
  );
}

function trip(reason: string): BrakeDecision {
  return { kind: 'trip', reason };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
