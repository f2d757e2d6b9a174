/**
 * What a history is made of: commands that a Redis carried out, and rows that Postgres committed, in the order in which
 * they happened by the one clock of the machine.
 * Does not judge: see the files beside this one.
 */
import type { MarkerReading } from '../../../src/domain/marker.ts';

/** A command of a client; for a script also what it called, in order. */
export interface CommandEvent {
  readonly kind: 'command';
  /** Unix milliseconds, by the server. */
  readonly atMs: number;
  readonly store: string;
  /** The address of the client. */
  readonly from: string;
  /** The name of the script in `src/redis`, if it is one of those. */
  readonly script: string | null;
  readonly words: readonly string[];
  readonly calls: readonly (readonly string[])[];
}

/** From here on the store may be another one: nothing is known of what it holds, unless that is nothing. */
export interface StoreEvent {
  readonly kind: 'store';
  readonly atMs: number;
  readonly store: string;
  readonly isEmpty: boolean;
}

/** A row as it was written by a transaction that committed. */
export type RowEvent = JournalRow | CheckpointRow | SlotRow | TermRow;

interface Row<Table extends string, Columns> {
  readonly kind: 'row';
  /** When the transaction committed, Unix milliseconds. */
  readonly atMs: number;
  readonly table: Table;
  readonly row: Columns;
}

export type JournalRow = Row<
  'repair',
  {
    readonly id: number;
    readonly source: string;
    readonly marker_key: string;
    readonly action: string;
    readonly outcome: string;
    readonly note: string | null;
    readonly undo_of: number | null;
    readonly pass_id: number | null;
    readonly fencing_token: number;
    readonly intent: { readonly observed?: { readonly value: string }; readonly value?: string };
    readonly before: { readonly atMs: number; readonly marker: MarkerReading };
  }
>;

export type CheckpointRow = Row<
  'checkpoint',
  {
    readonly source: string;
    readonly change_xid: string;
    readonly id: string | null;
    readonly fencing_token: number;
    readonly redis_run_id: string;
    readonly redis_replication_id: string;
    readonly redis_flushes: number;
  }
>;

export type SlotRow = Row<
  'slot',
  {
    readonly task: string;
    readonly slot: string;
    readonly holder: string;
    readonly fencing_token: number;
  }
>;

export type TermRow = Row<
  'lease_term',
  { readonly token: number; readonly lease: string; readonly holder: string }
>;

/** What the test itself wants to remember, such as the end of the faults. */
export interface MarkEvent {
  readonly kind: 'mark';
  readonly atMs: number;
  readonly text: string;
}

export type HistoryEvent = CommandEvent | StoreEvent | RowEvent | MarkEvent;

/** In the order of time; events of one moment stay in the order in which they are given. */
export function inOrder(...parts: readonly (readonly HistoryEvent[])[]): HistoryEvent[] {
  return parts.flat().toSorted((a, b) => a.atMs - b.atMs);
}

/** A line of JSON for each, numbered. */
export function toLines(events: readonly HistoryEvent[]): string {
  return events.map((event, at) => `${JSON.stringify({ n: at + 1, ...event })}\n`).join('');
}

export function rowsOf<Table extends RowEvent['table']>(
  events: readonly HistoryEvent[],
  table: Table,
): Extract<RowEvent, { readonly table: Table }>[] {
  const isOf = (event: HistoryEvent): event is Extract<RowEvent, { readonly table: Table }> =>
    event.kind === 'row' && event.table === table;
  return events.filter(isOf);
}
