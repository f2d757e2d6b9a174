/**
 * "Did you mean …": the known name that a mistyped one is closest to. Case, `_` and `-` do not count, so that
 * `expires_at` finds `expiresAt`; two neighbours swapped count as one slip.
 * Invariant kept: a name that is not close to any gets no suggestion.
 */

/** One slip is forgiven for every three letters. */
const lettersPerSlip = 3;

/** The closest of `known` to `name`, or null when none is close. Of equally close ones the first. */
export function nearestName(name: string, known: readonly string[]): string | null {
  const wanted = plain(name);
  let best: { readonly name: string; readonly slips: number } | null = null;
  for (const candidate of known) {
    const allowed = Math.floor(Math.max(wanted.length, candidate.length) / lettersPerSlip);
    // Comparing letter by letter takes long where one is far longer, and there is a slip for each letter more.
    if (wanted.length - candidate.length > allowed) continue;
    const slips = countSlips(wanted, plain(candidate));
    if (slips <= allowed && slips < (best?.slips ?? Infinity)) best = { name: candidate, slips };
  }
  return best?.name ?? null;
}

/** `; did you mean x?`, to end a sentence with, or nothing when no known name is close. */
export function didYouMean(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return nearest === null ? '' : `; did you mean ${nearest}?`;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[_-]/g, '');
}

/** Edit distance (optimal string alignment), row by row: insertions, deletions, changes, neighbours swapped. */
function countSlips(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (isSame ? 0 : 1),
        isSwap ? at(beforeLast, column - 2) + 1 : Infinity,
      );
    }
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

/** Callers stay within the row. */
function at(row: readonly number[], column: number): number {
  return Number(row[column]);
}
