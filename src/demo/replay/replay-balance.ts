/**
 * The balance of a replay: faults that were injected against what the reconciler found and put right. Pure.
 */
import { faultStories, type ReplayFault } from './claim-faults.ts';

export interface ReplayedFault {
  readonly fault: ReplayFault;
  readonly attempt: string;
}

/** A discrepancy as the database has it, by the attempt that it is about. */
export interface SeenSettlement {
  readonly attempt: string;
  readonly verdict: string;
  readonly state: string;
  readonly resolution: string | null;
}

export interface ReplayRow {
  readonly fault: ReplayFault;
  readonly verdict: string;
  readonly injected: number;
  /** With the expected verdict; of faults that need no repair: without any. */
  readonly found: number;
  readonly repaired: number;
}

export interface ReplayBalance {
  readonly rows: readonly ReplayRow[];
  /** Discrepancies that nobody injected. */
  readonly unexpected: readonly SeenSettlement[];
  readonly balances: boolean;
}

/** It balances when each fault led to its verdict and was repaired, and nothing else was found. */
export function balanceReplay(
  injected: readonly ReplayedFault[],
  seen: readonly SeenSettlement[],
): ReplayBalance {
  const left = new Map<string, SeenSettlement[]>();
  for (const item of seen) left.set(item.attempt, [...(left.get(item.attempt) ?? []), item]);
  const rows = new Map<ReplayFault, { injected: number; found: number; repaired: number }>();
  for (const { fault, attempt } of injected) {
    const row = rows.get(fault) ?? { injected: 0, found: 0, repaired: 0 };
    rows.set(fault, row);
    row.injected += 1;
    const ofAttempt = left.get(attempt) ?? [];
    const found = ofAttempt.find(({ verdict }) => verdict === faultStories[fault].verdict);
    if (found === undefined) continue;
    left.set(
      attempt,
      ofAttempt.filter((item) => item !== found),
    );
    row.found += 1;
    if (found.resolution === 'repaired') row.repaired += 1;
  }
  // Only now is it known which discrepancies of an attempt another fault accounts for.
  for (const { fault, attempt } of injected) {
    const row = rows.get(fault);
    const isQuiet = (left.get(attempt) ?? []).length === 0;
    if (faultStories[fault].verdict === null && isQuiet && row !== undefined) row.found += 1;
  }
  const unexpected = [...left.values()].flat();
  const counted = [...rows].map(([fault, row]) => ({
    fault,
    verdict: faultStories[fault].verdict ?? 'none: nothing to repair',
    ...row,
  }));
  return { rows: counted, unexpected, balances: unexpected.length === 0 && counted.every(isEven) };
}

function isEven({ fault, injected, found, repaired }: ReplayRow): boolean {
  return found === injected && repaired === (faultStories[fault].verdict === null ? 0 : injected);
}
