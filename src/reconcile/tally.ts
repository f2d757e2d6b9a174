/**
 * Counts of one pass, for its report.
 */
import { repairOutcomes, type RepairOutcome } from '../domain/repair-action.ts';
import { verdicts, type Verdict } from '../domain/verdict.ts';
import type { FoundDiscrepancy } from '../postgres/discrepancy.ts';

export interface Tally {
  checked: number;
  readonly verdicts: Record<Verdict, number>;
  readonly repairs: Record<RepairOutcome, number>;
}

export function startTally(): Tally {
  return { checked: 0, verdicts: zeros(verdicts), repairs: zeros(repairOutcomes) };
}

/** Adds a judged batch: what was not found bad is consistent. */
export function countBatch(tally: Tally, rows: number, found: readonly FoundDiscrepancy[]): void {
  tally.checked += rows;
  tally.verdicts.consistent += rows - found.length;
  for (const { verdict } of found) tally.verdicts[verdict] += 1;
}

/** Judged claims that were bad. */
export function countBad(tally: Tally): number {
  return tally.checked - tally.verdicts.consistent;
}

function zeros<Word extends string>(words: readonly Word[]): Record<Word, number> {
  const counts: Partial<Record<Word, number>> = {};
  for (const word of words) counts[word] = 0;
  return counts as Record<Word, number>;
}
