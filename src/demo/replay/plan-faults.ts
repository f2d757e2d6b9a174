/**
 * Picks by a seed which claims go wrong, and how. Pure.
 * Invariant kept: only claims for something that nobody else claims go wrong, so that what becomes of each can be foretold.
 */
import type { DemoClaim } from '../synthetic-claims.ts';
import { pick } from '../seeded-random.ts';
import { claimFaults, type ClaimFault } from './claim-faults.ts';
import type { PlayedClaim } from './play-claims.ts';

/** @param share which part of the claims goes wrong, all kinds in turn */
export function planFaults(claims: readonly DemoClaim[], share: number, random: () => number): PlayedClaim[] {
  const counts = new Map<string, number>();
  for (const claim of claims) counts.set(nameOf(claim), (counts.get(nameOf(claim)) ?? 0) + 1);
  const alone = claims.flatMap((claim, at) => (counts.get(nameOf(claim)) === 1 ? [at] : []));
  const faults = new Map<number, ClaimFault>();
  for (const [n, at] of pick(alone, Math.round(claims.length * share), random).entries()) {
    const fault = claimFaults[n % claimFaults.length];
    if (fault !== undefined) faults.set(at, fault);
  }
  return claims.map(({ activityId, giftId, uid }, at) => ({
    activityId,
    giftId,
    uid,
    attempt: `attempt-${at + 1}`,
    fault: faults.get(at) ?? null,
  }));
}

function nameOf({ activityId, giftId, uid }: DemoClaim): string {
  return `${activityId}:${giftId}:${uid}`;
}
