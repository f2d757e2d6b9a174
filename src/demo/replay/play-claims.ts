/**
 * Plays claims through a gate, many at a time, and lets go wrong with each what was planned for it.
 * Does not decide what goes wrong: see `plan-faults.ts`.
 */
import type { ClaimAnswer } from '../../gate/claim-answer.ts';
import type { Gate } from '../../gate/gate.ts';
import type { DemoClaim } from '../synthetic-claims.ts';
import { faultStories, type ClaimFault, type DistributorFault } from './claim-faults.ts';
import type { CrashPoints } from './crash-points.ts';

export interface PlayedClaim extends Pick<DemoClaim, 'activityId' | 'giftId' | 'uid'> {
  readonly attempt: string;
  readonly fault: ClaimFault | null;
}

export interface Stage {
  readonly gate: Gate;
  readonly points: CrashPoints;
  /** Plans what the distributor does with the first request of an attempt. */
  readonly planDistributor: (attempt: string, fault: DistributorFault) => void;
  readonly evict: (claim: PlayedClaim) => Promise<void>;
  readonly concurrency: number;
}

export type PlayCounts = Record<ClaimAnswer['kind'] | 'crashed' | 'failed', number>;

export interface Played {
  /** How the claims ended for those who made them. */
  readonly counts: PlayCounts;
  /** Attempts that were to go well and got no answer in time all the same: a busy machine does that. */
  readonly unanswered: readonly string[];
}

/** Stops between claims when `signal` aborts. */
export async function playClaims(
  stage: Stage,
  claims: readonly PlayedClaim[],
  signal: AbortSignal,
): Promise<Played> {
  const counts = { granted: 0, already_claimed: 0, refused: 0, unknown: 0, crashed: 0, failed: 0 };
  const unanswered: string[] = [];
  const waiting = claims[Symbol.iterator]();
  const play = async (): Promise<void> => {
    for (let next = waiting.next(); next.done !== true && !signal.aborted; next = waiting.next()) {
      const ended = await playClaim(stage, next.value);
      counts[ended] += 1;
      if (ended === 'unknown' && next.value.fault === null) unanswered.push(next.value.attempt);
    }
  };
  await Promise.all(Array.from({ length: stage.concurrency }, play));
  signal.throwIfAborted();
  return { counts, unanswered };
}

async function playClaim(stage: Stage, claim: PlayedClaim): Promise<keyof PlayCounts> {
  const { activityId, giftId, uid, attempt, fault } = claim;
  const story = fault === null ? null : faultStories[fault];
  if (story?.distributor != null) stage.planDistributor(attempt, story.distributor);
  const plan = story?.crash ?? { crashAfter: null, failCall: null };
  try {
    const end = await stage.points.run(plan, async () =>
      stage.gate.claim({ attempt, columns: { activity_id: activityId, gift_id: giftId, uid } }),
    );
    if (end.kind === 'crashed') return 'crashed';
    if (fault === 'evicted' && end.result.kind === 'granted') await stage.evict(claim);
    return end.result.kind;
  } catch {
    // What a claim that was not accepted says to its user is not a matter of the replay: it is counted.
    return 'failed';
  }
}
