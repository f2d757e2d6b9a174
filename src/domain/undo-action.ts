/**
 * What would take back a repair: the state before it, by compare-and-set against what is there now, or the reason why
 * that cannot be done.
 * Invariants kept (3, 4, 7): only what the repair itself wrote is changed; nothing is written without an expiry.
 */
import { expirySlackMs, type MarkerReading, type PresentMarker } from './marker.ts';
import { isSettlement, type MarkerChange, type RepairAction } from './repair-action.ts';

export type Undo =
  | { readonly kind: 'possible'; readonly action: MarkerChange }
  | { readonly kind: 'impossible'; readonly why: string };

export interface MadeRepair {
  readonly action: RepairAction;
  /** The marker before the repair, and when that was read (Unix ms). */
  readonly before: MarkerReading;
  readonly beforeAtMs: number;
}

/** @param now the marker as it is now; @param nowMs when that was read, Unix milliseconds */
export function undoAction(
  { action, before, beforeAtMs }: MadeRepair,
  now: MarkerReading,
  nowMs: number,
): Undo {
  if (isSettlement(action)) {
    return impossible(
      'it follows what the distributor said of the attempt, which cannot be taken back from here',
    );
  }
  if (action.kind === 'delete_marker') {
    if (now.kind !== 'absent') return impossible('the marker has been set again since');
    return restore(before, beforeAtMs, nowMs, (marker, expiresInMs) => ({
      kind: 'reissue_marker',
      key: action.key,
      value: marker.value,
      expiresInMs,
    }));
  }
  const written = action.kind === 'set_expiry' ? action.observed.value : action.value;
  const givenUntilMs = beforeAtMs + action.expiresInMs;
  if (now.kind !== 'present' || now.value !== written || endsAfter(now, nowMs, givenUntilMs)) {
    return impossible('the marker is no longer the one that the repair left');
  }
  if (action.kind === 'reissue_marker') {
    return { kind: 'possible', action: { kind: 'delete_marker', key: action.key, observed: now } };
  }
  return restore(before, beforeAtMs, nowMs, (marker, expiresInMs) =>
    action.kind === 'set_expiry'
      ? { kind: 'set_expiry', key: action.key, observed: now, expiresInMs }
      : { kind: 'replace_marker', key: action.key, observed: now, value: marker.value, expiresInMs },
  );
}

/** It ends later than the repair let it: somebody set the same value again since. */
function endsAfter(now: PresentMarker, nowMs: number, givenUntilMs: number): boolean {
  return now.expiresInMs === null || nowMs + now.expiresInMs > givenUntilMs + expirySlackMs;
}

/** What stands for U+0000 in the journal. */
const nulSign = '\u2400';

function restore(
  before: MarkerReading,
  beforeAtMs: number,
  nowMs: number,
  build: (marker: PresentMarker, expiresInMs: number) => MarkerChange,
): Undo {
  if (before.kind === 'present' && before.value.includes(nulSign)) {
    return impossible('the journal cannot hold the U+0000 that its value may have had');
  }
  if (before.kind !== 'present') return impossible('the state before it was not a readable marker');
  if (before.expiresInMs === null) {
    return impossible('the marker had no expiry before, and nothing is ever written without one');
  }
  const expiresInMs = Math.floor(beforeAtMs + before.expiresInMs - nowMs);
  if (expiresInMs < 1) return impossible('the marker would have expired by itself by now');
  return { kind: 'possible', action: build(before, expiresInMs) };
}

function impossible(why: string): Undo {
  return { kind: 'impossible', why };
}

/** A repair as the journal shows it, as far as it matters here. */
export interface JournalledRepair {
  readonly action: string;
  readonly outcome: string;
  readonly before: { readonly kind: string; readonly expiresInMs?: number | null };
  readonly undoOf: string | null;
  readonly undoneBy: string | null;
}

/**
 * Whether to offer people to take it back. What follows the distributor's word stays, and nothing is written without an
 * expiry; what is in the way beyond that is seen when it is tried.
 */
export function mayBeUndone({ action, outcome, before, undoOf, undoneBy }: JournalledRepair): boolean {
  if (outcome !== 'applied' || undoOf !== null || undoneBy !== null) return false;
  const isEndless = before.kind === 'present' && before.expiresInMs === null;
  return action.endsWith('_marker') || (action === 'set_expiry' && !isEndless);
}
