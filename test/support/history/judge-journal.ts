/**
 * Judges changes of markers by the journal: invariant 7 (a journal row was committed before each change, it says what was
 * observed, and it says afterwards whether the change was made).
 */
import type { JournalRow } from './events.ts';
import { isRepair, tell } from './judge-markers.ts';
import { argumentsOf, type KeyChange } from './marker-changes.ts';

/** A repair as the journal told of it over time. */
interface Journalled {
  /** As it was written last. */
  readonly row: JournalRow['row'];
  /** When it was committed first. */
  readonly fromMs: number;
  /** When its outcome was; null: it has none yet. */
  readonly untilMs: number | null;
}

function journalOf(rows: readonly JournalRow[]): Journalled[] {
  const byId = new Map<number, Journalled>();
  for (const { atMs, row } of rows) {
    const before = byId.get(row.id);
    const endedAtMs = row.outcome === 'intended' ? null : atMs;
    byId.set(row.id, { row, fromMs: before?.fromMs ?? atMs, untilMs: before?.untilMs ?? endedAtMs });
  }
  return [...byId.values()];
}

/** Changes that no journal row spoke of when they were made. */
export function changesWithoutJournal(changes: readonly KeyChange[], rows: readonly JournalRow[]): string[] {
  const journal = journalOf(rows);
  return changes
    .filter((change) => isRepair(change) && !journal.some((entry) => speaksOf(entry, change)))
    .map((change) => `${tell(change)}, at ${change.atMs}, without a journal row from before`);
}

/** Rows that say `applied` of what was not done, or of what was done that it was not. */
export function untrueOutcomes(changes: readonly KeyChange[], rows: readonly JournalRow[]): string[] {
  return journalOf(rows).flatMap((entry) => {
    const { id, note, outcome, action, marker_key: key } = entry.row;
    // What was interrupted is judged by what was there later, and says so; a settlement is of the row.
    if (note !== null || outcome === 'intended' || isSettlement(action)) return [];
    const made = changes.filter((change) => isRepair(change) && speaksOf(entry, change));
    if (made.some(({ before }) => before.kind === 'unknown')) return [];
    return made.length > 0 === (outcome === 'applied') ? [] : [`repair ${id} of ${key} says ${outcome}`];
  });
}

/** Two readings of one end may lie so far apart. */
const slackMs = 1_000;

/** Undone, but what is there is not what was there before the repair. */
export function undoneOtherwise(changes: readonly KeyChange[], rows: readonly JournalRow[]): string[] {
  const journal = journalOf(rows);
  const byId = new Map(journal.map(({ row }) => [row.id, row]));
  return journal.flatMap((entry) => {
    const undone = entry.row.undo_of === null ? undefined : byId.get(entry.row.undo_of);
    if (undone === undefined) return [];
    const change = changes.find((one) => isRepair(one) && speaksOf(entry, one));
    if (change === undefined || isAsBefore(change, undone)) return [];
    return [`repair ${undone.id} undone: ${tell(change)}, before it was ${JSON.stringify(undone.before)}`];
  });
}

function isAsBefore({ after }: KeyChange, { before: { marker, atMs } }: JournalRow['row']): boolean {
  if (after.kind !== 'present' || marker.kind !== 'present') return after.kind === marker.kind;
  if (after.value !== marker.value || after.endsAtMs === null || marker.expiresInMs === null) return false;
  return Math.abs(atMs + marker.expiresInMs - after.endsAtMs) <= slackMs;
}

/** The row was there before the change and had no outcome yet, and means this change. */
function speaksOf({ row, fromMs, untilMs }: Journalled, { by, atMs, key }: KeyChange): boolean {
  if (row.marker_key !== key || fromMs > atMs || (untilMs !== null && untilMs < atMs)) return false;
  if (isSettlement(row.action)) return true;
  const [, observed] = argumentsOf(by);
  return (
    row.action.replaceAll('_', '-') === by.script && (row.intent.observed ?? row.intent).value === observed
  );
}

/** Its marker is made right after it, in whichever way. */
function isSettlement(action: string): boolean {
  return ['settle_granted', 'settle_released', 'grant_again', 'write_claim'].includes(action);
}
