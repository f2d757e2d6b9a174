/**
 * Counts of one pass, for its report.
 */
import { repairKinds, repairOutcomes, type RepairKind, type RepairOutcome } from '../domain/repair-action.ts';
import { repairedVerdicts, verdicts, type Policy, type Verdict } from '../domain/verdict.ts';
import type { FoundDiscrepancy } from '../postgres/discrepancy.ts';

export interface Tally {
  checked: number;
  readonly verdicts: Record<Verdict, number>;
  readonly repairs: Record<RepairOutcome, number>;
  readonly actions: Record<RepairKind, Record<RepairOutcome, number>>;
}

export function startTally(): Tally {
  return {
    checked: 0,
    verdicts: counts(verdicts, () => 0),
    repairs: counts(repairOutcomes, () => 0),
    actions: counts(repairKinds, () => counts(repairOutcomes, () => 0)),
  };
}

/** Adds a judged batch: what was not found bad is consistent. */
export function countBatch(tally: Tally, rows: number, found: readonly FoundDiscrepancy[]): void {
  tally.checked += rows;
  tally.verdicts.consistent += rows - found.length;
  for (const { verdict } of found) tally.verdicts[verdict] += 1;
}

/** Adds what others have judged. */
export function addCounts(tally: Tally, judged: Partial<Readonly<Record<Verdict, number>>>): void {
  for (const verdict of verdicts) {
    const count = judged[verdict] ?? 0;
    tally.checked += count;
    tally.verdicts[verdict] += count;
  }
}

/** Adds markers without a row: they are no claims of a batch, and count as judged. */
export function countRowless(tally: Tally, verdicts: readonly Verdict[]): void {
  tally.checked += verdicts.length;
  for (const verdict of verdicts) tally.verdicts[verdict] += 1;
}

/** Adds one repair by what came of it. */
export function countRepair(tally: Tally, kind: RepairKind, outcome: RepairOutcome): void {
  tally.repairs[outcome] += 1;
  tally.actions[kind][outcome] += 1;
}

/** Judged claims that were bad in a way that this policy repairs: what the brake goes by. */
export function countRepairable(tally: Tally, policy: Policy): number {
  return repairedVerdicts(policy).reduce((sum, verdict) => sum + tally.verdicts[verdict], 0);
}

function counts<Word extends string, Count>(words: readonly Word[], start: () => Count): Record<Word, Count> {
  const found: Partial<Record<Word, Count>> = {};
  for (const word of words) found[word] = start();
  return found as Record<Word, Count>;
}
