/**
 * Sorts the words of a status column by what they most likely mean.
 * Invariant kept: a word that does not say plainly what it means is left to a person; numbers never do.
 */
import type { ClaimStatus } from '../claim.ts';

export interface SortedStatuses extends Readonly<Record<ClaimStatus, readonly string[]>> {
  /** For a person to say. */
  readonly undecided: readonly string[];
}

const meanings: Readonly<Record<ClaimStatus, RegExp>> = {
  pending:
    /^(pending|init|initial|initiali[sz]ed|new|created|processing|inprogress|requested|waiting|queued|started|doing|unknown)$/,
  granted:
    /^(granted|grant|success|succeed|succeeded|successful|done|complete|completed|claimed|issued|grabbed|handedout|delivered|assigned|awarded|ok)$/,
  released:
    /^(released|failed|failure|fail|error|revoked|cancell?ed|refused|rejected|denied|declined|rolledback|abandoned|expired|timedout|timeout|returned|withdrawn)$/,
};

export function sortStatuses(words: readonly string[]): SortedStatuses {
  const meaningOf = (word: string): ClaimStatus | null => {
    const plain = word.toLowerCase().replaceAll(/[^a-z]/g, '');
    if (/\d/.test(word)) return null;
    if (meanings.pending.test(plain)) return 'pending';
    if (meanings.granted.test(plain)) return 'granted';
    return meanings.released.test(plain) ? 'released' : null;
  };
  const having = (meaning: ClaimStatus | null): string[] =>
    words.filter((word) => meaningOf(word) === meaning);
  return {
    pending: having('pending'),
    granted: having('granted'),
    released: having('released'),
    undecided: having(null),
  };
}
