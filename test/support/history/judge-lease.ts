/**
 * Judges leases: L1 (writes of two holders never interleave against the order of their tokens), L2 (no guarded write once the
 * lease is over), L3 (a foreign lease is never deleted or extended), L5 (after the faults someone holds it again).
 * Does not judge L4 (every call ends within its deadline): that is seen by the caller alone.
 */
import type { SlotRow, TermRow } from './events.ts';
import { argumentsOf, type KeyChange } from './marker-changes.ts';

/** L1, by the slots as they were committed. */
export function writesOutOfTokenOrder(slots: readonly SlotRow[]): string[] {
  const newest = new Map<string, number>();
  return slots.flatMap(({ row }) => {
    const before = newest.get(row.task) ?? 0;
    newest.set(row.task, Math.max(before, row.fencing_token));
    if (row.fencing_token >= before) return [];
    return [
      `${row.holder} wrote slot ${row.slot} of ${row.task} under ${row.fencing_token}, after ${before}`,
    ];
  });
}

/**
 * L2: a write lands no later than one TTL after the last time that Redis took or renewed the lease for its term. What was on its
 * way to Postgres already when the lease ended may land later, unless a newer term has written: `slackMs`.
 * @param leases changes of the keys of leases, which are named by the terms
 */
export function writesAfterTheLease(
  slots: readonly SlotRow[],
  terms: readonly TermRow[],
  leases: readonly KeyChange[],
  slackMs: number,
): string[] {
  return slots.flatMap(({ atMs, row }) => {
    const term = terms.find((one) => one.row.token === row.fencing_token);
    if (term === undefined)
      return [`slot ${row.slot} was written under ${row.fencing_token}, which is no term`];
    const changes = leases.filter((change) => change.key === term.row.lease && change.atMs <= atMs);
    const value = valueAfter(changes.findLast((change) => change.atMs <= term.atMs));
    // Flushed, or failed over: nothing says whose it was.
    if (value === null) return [];
    const last = changes.findLast((change) => valueAfter(change) === value);
    const endsAtMs = last?.after.kind === 'present' ? last.after.endsAtMs : null;
    if (endsAtMs === null || atMs <= endsAtMs + slackMs) return [];
    return [`${row.holder} wrote slot ${row.slot} ${atMs - endsAtMs} ms after its lease was over`];
  });
}

function valueAfter(change: KeyChange | undefined): string | null {
  return change?.after.kind === 'present' ? change.after.value : null;
}

/** L3: only the key's own term changes it, and never leaves it without an expiry. */
export function foreignLeasesTouched(leases: readonly KeyChange[]): string[] {
  return leases.flatMap(({ key, words, before, after, by }) => {
    if (by.script === null || before.kind === 'unknown') return [];
    const said = `${by.script}: ${words.join(' ')} where ${key} was ${before.kind === 'present' ? before.value : 'absent'}`;
    const isEndless = after.kind === 'present' && after.endsAtMs === null;
    const isForeign = before.kind === 'present' && !isOwn(by.script, argumentsOf(by), before.value ?? '');
    return [...(isForeign ? [said] : []), ...(isEndless ? [`${said}, without an expiry`] : [])];
  });
}

/** Another attempt of the same term may take up what an earlier one took. */
function isOwn(script: string, [first = '']: readonly string[], value: string): boolean {
  return script === 'acquire-lease' ? value.startsWith(`${first}.`) : value === first;
}

/** L5: someone writes again within so long after the faults have ended. */
export function notHeldAgain(slots: readonly SlotRow[], faultsEndedMs: number, withinMs: number): string[] {
  const next = slots.find(({ atMs }) => atMs >= faultsEndedMs);
  if (next !== undefined && next.atMs - faultsEndedMs <= withinMs) return [];
  const waited = next === undefined ? 'nobody wrote' : `the first write came ${next.atMs - faultsEndedMs} ms`;
  return [`${waited} after the faults had ended`];
}
