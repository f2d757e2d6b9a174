/**
 * The demo's balance: what was injected against what was found, repaired and told. Pure.
 */
import { driftKinds, driftStories, type DriftKind, type InjectedFault } from './inject-drift.ts';

/** A discrepancy as the database has it. */
export interface SeenDiscrepancy {
  readonly source: string;
  readonly claimId: string;
  readonly verdict: string;
  readonly state: string;
  readonly resolution: string | null;
  readonly alertKind: string | null;
}

export interface BalanceRow {
  readonly kind: DriftKind;
  readonly injected: number;
  readonly found: number;
  readonly repaired: number;
  readonly alerted: number;
}

export interface Balance {
  readonly rows: readonly BalanceRow[];
  /** Discrepancies of claims that nothing was done to. */
  readonly unexpected: readonly SeenDiscrepancy[];
  readonly balances: boolean;
}

/** It balances when each injected fault was found with its verdict and ended as it should, and nothing else was. */
export function balance(injected: readonly InjectedFault[], seen: readonly SeenDiscrepancy[]): Balance {
  const left = new Map(seen.map((item) => [`${item.source}/${item.claimId}`, item]));
  const rows = new Map(
    driftKinds.map((kind) => [kind, { kind, injected: 0, found: 0, repaired: 0, alerted: 0 }]),
  );
  for (const { source, claimId, kind } of injected) {
    const row = rows.get(kind);
    if (row === undefined) continue;
    row.injected += 1;
    const name = `${source}/${claimId}`;
    const item = left.get(name);
    if (item?.verdict !== driftStories[kind].verdict) continue;
    left.delete(name);
    row.found += 1;
    if (item.resolution === 'repaired') row.repaired += 1;
    if (item.state === 'open' && item.alertKind === kind) row.alerted += 1;
  }
  const counted = [...rows.values()].filter((row) => row.injected > 0);
  const unexpected = [...left.values()];
  return { rows: counted, unexpected, balances: unexpected.length === 0 && counted.every(ended) };
}

function ended(row: BalanceRow): boolean {
  return row.found === row.injected && row[driftStories[row.kind].ends] === row.injected;
}
