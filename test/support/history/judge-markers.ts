/**
 * Judges changes of markers: invariants 3 (a marker that is not the one observed is left alone) and 4 (nothing is written
 * without an expiry). Ours are the changes that the scripts of repairs make; a client that sends them must change markers
 * in no other way.
 */
import { argumentsOf, type KeyChange, type KeyState } from './marker-changes.ts';
import { changesMarkers } from './scripts.ts';

export function isRepair({ by }: KeyChange): boolean {
  return changesMarkers(by.script);
}

/** Invariant 3. Returns what is against it, in words. */
export function foreignMarkersTouched(changes: readonly KeyChange[]): string[] {
  const ours = new Set(changes.filter(isRepair).map(({ by }) => by.from));
  return changes.flatMap((change) => {
    if (!ours.has(change.by.from)) return [];
    if (!isRepair(change)) return [`${tell(change)}, by no script of a repair`];
    return wasObserved(change) ? [] : [`${tell(change)}, which was not observed`];
  });
}

/** Invariant 4. */
export function markersWithoutExpiry(changes: readonly KeyChange[]): string[] {
  return changes
    .filter((change) => isRepair(change) && change.after.kind === 'present' && change.after.endsAtMs === null)
    .map((change) => `${tell(change)}, without an expiry`);
}

/** The clock of the record is the server's, but read a moment later than the script reads it. */
const slackMs = 5;

function wasObserved({ by, before, atMs }: KeyChange): boolean {
  if (before.kind === 'unknown') return true;
  if (by.script === 'reissue-marker') return before.kind === 'absent';
  const [, value, pttl] = argumentsOf(by);
  if (before.kind === 'absent' || before.value !== value) return false;
  const observedMs = Number(pttl);
  if (observedMs < 0) return true;
  return before.endsAtMs !== null && before.endsAtMs - atMs <= observedMs + slackMs;
}

export function tell({ key, words, before, by }: KeyChange): string {
  return `${by.script ?? by.from}: ${words.join(' ')} where ${key} was ${describe(before)}`;
}

function describe(state: KeyState): string {
  if (state.kind !== 'present') return state.kind;
  return `${state.value} until ${state.endsAtMs ?? 'for ever'}`;
}
