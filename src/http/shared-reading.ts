/**
 * A reading that many may ask for at once, such as the overview: one is under way at a time, all who ask meanwhile share
 * it, and it is good for a moment.
 * Invariant kept: whoever asks is answered within the deadline, and viewers never use more than one connection of the
 * pool that the passes need. A reading that fails is never kept.
 */
import { OperatingError } from '../domain/operating-error.ts';

export interface SharedReadingOptions {
  /** For how long a reading is good, in milliseconds. */
  readonly freshMs: number;
  /** The longest that one who asks waits, in milliseconds. */
  readonly deadlineMs: number;
  /** What is read, for the error: `the state in Postgres`. */
  readonly what: string;
}

/** A function like `read`. It throws what `read` throws, or `timed_out`; a reading that is late serves later callers. */
export function shareReading<T>(read: () => Promise<T>, options: SharedReadingOptions): () => Promise<T> {
  let underWay: Promise<T> | null = null;
  let fresh: { readonly value: T; readonly untilMs: number } | null = null;
  return async () => {
    if (fresh !== null && performance.now() < fresh.untilMs) return fresh.value;
    underWay ??= (async () => {
      try {
        const value = await read();
        fresh = { value, untilMs: performance.now() + options.freshMs };
        return value;
      } finally {
        underWay = null;
      }
    })();
    return within(underWay, options);
  };
}

async function within<T>(reading: Promise<T>, { deadlineMs, what }: SharedReadingOptions): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new OperatingError('timed_out', `Reading ${what} took longer than ${deadlineMs} ms.`));
    }, deadlineMs);
  });
  try {
    return await Promise.race([reading, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
