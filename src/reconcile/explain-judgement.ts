/**
 * What became of a report, in words for whoever made it.
 */
import type { ClaimReading } from '../domain/claim.ts';
import type { MarkerReading } from '../domain/marker.ts';
import type { Source } from '../domain/source.ts';
import { isBad, type BadVerdict } from '../domain/verdict.ts';
import { duration } from './describe-plan.ts';
import type { Sight } from './look-at-reported.ts';

/** @param discrepancyId of the open discrepancy, if there is one */
export function explainJudgement(source: Source, sight: Sight, discrepancyId: string | null): string {
  const { claim, marker, verdict, remark } = sight;
  if (remark !== null) return remark;
  if (!isBad(verdict)) return explainConsistent(claim, marker);
  return `Discrepancy ${discrepancyId ?? '?'} (${verdict}) is open. ${whatFollows(source, verdict)}`;
}

function explainConsistent(claim: ClaimReading, marker: MarkerReading): string {
  const what = marker.kind === 'absent' ? 'the marker is gone' : 'the marker is not its own and stays';
  if (claim.kind === 'no_row') return `The attempt has no claim, and ${what}. Nothing is to be done.`;
  const status = claim.kind === 'readable' ? `, which is ${claim.status}` : '';
  return `Claim ${claim.id}${status}, and its marker agree. Nothing is to be done.`;
}

function whatFollows({ rules }: Source, verdict: BadVerdict): string {
  const treatment = rules.policy[verdict];
  if (treatment === 'ignore') return 'The policy of the source is to leave it alone.';
  if (treatment === 'alert') return 'People are told; nothing is changed.';
  if (rules.mode === 'observe') {
    return 'The source is only observed: people are told, and nothing is changed.';
  }
  return `A pass repairs what is safe to repair, after the grace period (${duration(rules.graceMs)}).`;
}
