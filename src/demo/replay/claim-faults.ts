/**
 * What goes wrong with claims that are played through the gate, how each comes about, and what is expected of the
 * reconciler. The calls of a claim are: marker, row, hand-out, settling, leaving the index.
 * Invariant kept: the verdict that a fault must lead to is known beforehand; null where nobody needs to repair anything.
 */
import type { BadVerdict } from '../../domain/verdict.ts';
import type { CrashPlan } from './crash-points.ts';

export const claimFaults = [
  'crash_after_marker',
  'crash_after_row',
  'crash_after_grant',
  'crash_after_settling',
  'lost_reply',
  'late_yes',
  'no_answer',
  'failed_delete',
  'refused',
  'evicted',
] as const;

export type ClaimFault = (typeof claimFaults)[number];

/** What nobody planned for a claim: it got no answer in time; or what happens to all markers at once. */
export type ReplayFault = ClaimFault | 'timed_out' | 'lost_data';

/** What the distributor does with the one request to hand out. */
export type DistributorFault = 'refuse' | 'lose_reply' | 'late_yes' | 'silent';

export interface FaultStory {
  readonly cause: string;
  readonly verdict: BadVerdict | null;
  readonly crash: CrashPlan;
  readonly distributor: DistributorFault | null;
}

const whole: CrashPlan = { crashAfter: null, failCall: null };
const crashAfter = (calls: number): CrashPlan => ({ ...whole, crashAfter: calls });

export const faultStories: Readonly<Record<ReplayFault, FaultStory>> = {
  crash_after_marker: {
    cause: 'crash before the row',
    verdict: 'rowless_marker',
    crash: crashAfter(1),
    distributor: null,
  },
  crash_after_row: {
    cause: 'crash before the hand-out',
    verdict: 'in_doubt',
    crash: crashAfter(2),
    distributor: null,
  },
  crash_after_grant: {
    cause: 'crash after the hand-out',
    verdict: 'in_doubt',
    crash: crashAfter(3),
    distributor: null,
  },
  crash_after_settling: {
    cause: 'crash before leaving the index',
    verdict: null,
    crash: crashAfter(4),
    distributor: null,
  },
  lost_reply: {
    cause: 'reply of the hand-out lost',
    verdict: 'in_doubt',
    crash: whole,
    distributor: 'lose_reply',
  },
  late_yes: {
    cause: 'handed out after the time-out',
    verdict: 'in_doubt',
    crash: whole,
    distributor: 'late_yes',
  },
  no_answer: { cause: 'no hand-out, no answer', verdict: 'in_doubt', crash: whole, distributor: 'silent' },
  failed_delete: {
    cause: 'refused, and DEL failed',
    verdict: 'orphan_marker',
    crash: { ...whole, failCall: 5 },
    distributor: 'refuse',
  },
  refused: { cause: 'refused', verdict: null, crash: whole, distributor: 'refuse' },
  evicted: { cause: 'marker evicted', verdict: 'missing_marker', crash: whole, distributor: null },
  timed_out: {
    cause: 'unplanned: no answer in time',
    verdict: 'in_doubt',
    crash: whole,
    distributor: null,
  },
  lost_data: { cause: 'Redis came back empty', verdict: 'missing_marker', crash: whole, distributor: null },
};
