/**
 * Completes repairs that an earlier term began and did not finish: killed, or its reply was lost. Looks at the marker
 * and writes down what came of each; the discrepancy stays open and is judged anew. What an undo took back is held.
 * Invariants kept: (7) the journal ends with one outcome per repair; nothing is changed in Redis here.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { deletedClaim, type ClaimReading } from '../domain/claim.ts';
import type { MarkerReading } from '../domain/marker.ts';
import { isSettlement, type MarkerChange, type Settlement } from '../domain/repair-action.ts';
import { inTransaction } from '../postgres/connect.ts';
import { holdDiscrepancy } from '../postgres/discrepancy.ts';
import {
  finishRepairs,
  intendedMarker,
  readInterrupted,
  type FinishedRepair,
  type JournalEntry,
} from '../postgres/repair-journal.ts';
import { observeMarkers } from '../redis/observe-markers.ts';
import { readAgain } from './read-again.ts';
import type { SourceContext } from './source-context.ts';
import type { Term } from './hold-term.ts';

const entriesPerStep = 500;

/**
 * Returns how many were completed. Stops, leaving the rest as they are, when markers cannot be read. Where there are any
 * it first waits for as long as a change may be on its way: a later one of a marker is refused by the server itself, a
 * later one of a row by the row's version.
 */
export async function finishInterrupted(
  context: SourceContext,
  term: Term,
  signal: AbortSignal,
): Promise<number> {
  const { pool, markers, form, source, limits } = context;
  let completed = 0;
  for (;;) {
    const entries = await readInterrupted(pool, source.name, term.fencingToken, entriesPerStep);
    if (entries.length === 0) return completed;
    if (completed === 0) await wait(changeMayTakeMs(context, entries), undefined, { signal });
    term.guard();
    const readings = await observeMarkers(
      markers,
      entries.map(({ action }) => action.key),
      limits.callTimeoutMs,
      form,
    );
    const claims = await readAgain(
      context,
      entries.map(({ before }) => before.claim),
    );
    const nowMs = context.nowMs();
    const finished = entries.flatMap((entry, at) =>
      outcomeOf(entry, { claim: claims[at] ?? deletedClaim, marker: readings[at], nowMs }),
    );
    const applied = new Set(finished.filter(({ outcome }) => outcome === 'applied').map(({ id }) => id));
    const undone = entries.filter(({ id, undoOf }) => undoOf !== null && applied.has(id));
    await inTransaction(pool, async (client) => {
      await finishRepairs(client, finished);
      for (const { discrepancyId } of undone) await holdDiscrepancy(client, discrepancyId);
    });
    completed += finished.length;
    if (finished.length < entries.length) return completed;
  }
}

/** How long the change of whoever began it may still be on its way: a grant is asked for before the row follows. */
function changeMayTakeMs(
  { limits, distributorTimeoutMs }: SourceContext,
  entries: readonly JournalEntry[],
): number {
  const asksToGrant = entries.some(({ action }) => action.kind === 'grant_again');
  return limits.callTimeoutMs + (asksToGrant ? distributorTimeoutMs : 0);
}

interface Seen {
  readonly claim: ClaimReading;
  readonly marker: MarkerReading | undefined;
  readonly nowMs: number;
}

function outcomeOf(entry: JournalEntry, { claim, marker, nowMs }: Seen): FinishedRepair[] {
  if (marker === undefined || marker.kind === 'unread') return [];
  const { id, action } = entry;
  const wasDone = isSettlement(action)
    ? wasSettled(action, claim)
    : wasMade(action, entry.before.atMs, marker, nowMs);
  return wasDone
    ? [
        {
          id,
          outcome: 'applied',
          after: marker,
          note: 'completed after an interruption: the change had been made',
        },
      ]
    : [{ id, outcome: 'superseded', after: marker, note: 'interrupted before the change was made' }];
}

function wasSettled({ kind }: Settlement, claim: ClaimReading): boolean {
  if (claim.kind !== 'readable') return false;
  if (kind === 'settle_granted') return claim.status === 'granted';
  if (kind === 'settle_released') return claim.status === 'released';
  return kind === 'write_claim' || claim.status !== 'pending';
}

function wasMade(action: MarkerChange, beforeAtMs: number, marker: MarkerReading, nowMs: number): boolean {
  const intended = intendedMarker(action);
  // A marker that was given its last millisecond is gone by now, as one that was deleted.
  const isGone = intended.kind === 'absent' || intended.expiresInMs === 1;
  if (isGone) return marker.kind === 'absent';
  if (marker.kind !== 'present' || marker.value !== intended.value || marker.expiresInMs === null)
    return false;
  if (action.kind !== 'set_expiry') return true;
  // The same value was there before: which of the two expiries it has now shows whether it was changed.
  const sinceMs = nowMs - beforeAtMs;
  const nowInMs = marker.expiresInMs;
  const offMs = (expiresInMs: number): number => Math.abs(nowInMs - (expiresInMs - sinceMs));
  const { expiresInMs: oldMs } = action.observed;
  return oldMs === null || offMs(action.expiresInMs) < offMs(oldMs);
}
