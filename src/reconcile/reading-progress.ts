/**
 * How far the reading of claims has come, for whoever waits for its end.
 */

export interface ReadingProgress {
  /** Claims judged so far. */
  readonly checked: number;
  /** About how many there are in all; null where nobody waits for the end (scheduled passes). */
  readonly expected: number | null;
}

export function isReadingProgress(state: object): state is ReadingProgress {
  return 'checked' in state && 'expected' in state;
}
