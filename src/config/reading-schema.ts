/**
 * The section `reading`: how hard a pass may press the two stores, and when it shares its work.
 * Without it nothing is limited but the size of what one command does.
 */
import { duration, integer, optionalSection } from './fields.ts';

export const readingDefaults = { chunks: { over: 500_000, rows: 100_000 } } as const;

/** What the configuration says of reading. */
export interface ReadingRules {
  /** Claims judged in a second, by all workers together; null: as many as the stores allow. */
  readonly rowsPerSecond: number | null;
  /** Judging waits while the marker Redis takes longer to answer, in milliseconds; null: it does not wait. */
  readonly pauseAboveMs: number | null;
  /** What a window holds beyond `over` rows is shared among all workers, in chunks of so many `rows` at most. */
  readonly chunks: { readonly over: number; readonly rows: number };
}

export function readingSchema() {
  return optionalSection({
    rowsPerSecond: integer(1, 100_000_000).optional(),
    pauseAbove: duration({ maxMs: 10_000 }).optional(),
    chunks: optionalSection({
      over: integer(0, 1_000_000_000_000).default(readingDefaults.chunks.over),
      rows: integer(1_000, 1_000_000).default(readingDefaults.chunks.rows),
    }),
  });
}

export function buildReading(input: {
  readonly rowsPerSecond?: number | undefined;
  readonly pauseAbove?: number | undefined;
  readonly chunks: ReadingRules['chunks'];
}): ReadingRules {
  const { rowsPerSecond = null, pauseAbove = null, chunks } = input;
  return { rowsPerSecond, pauseAboveMs: pauseAbove, chunks };
}
