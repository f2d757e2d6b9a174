/**
 * A distributor in this process, as an application may give one: it knows of some attempts what became of them, and notes
 * what it is asked. Idempotent, as every distributor must be: an attempt is decided once.
 */
import type { Distributor, Grant, LookupAnswer } from '../../../src/domain/distributor.ts';

export interface KnownDistributor extends Distributor {
  /** What became of an attempt; of any other it knows nothing, and grants it when it is asked to. */
  readonly knows: (attempt: string, answer: LookupAnswer) => void;
  /** From now on nobody gets an answer; or again. */
  readonly goAway: (isAway: boolean) => void;
  /** Attempts that were handed out, in order. */
  readonly granted: string[];
  readonly asked: string[];
  readonly grants: Grant[];
}

export function knownDistributor(): KnownDistributor {
  const known = new Map<string, LookupAnswer>();
  const granted: string[] = [];
  const asked: string[] = [];
  const grants: Grant[] = [];
  let isAway = false;
  return {
    granted,
    asked,
    grants,
    knows: (attempt, answer) => void known.set(attempt, answer),
    goAway: (away) => {
      isAway = away;
    },
    lookup: async (attempt) => {
      asked.push(attempt);
      if (isAway) throw new Error('connection refused');
      return known.get(attempt) ?? { kind: 'not_granted' };
    },
    grant: async (grant) => {
      grants.push(grant);
      if (isAway) throw new Error('connection refused');
      const before = known.get(grant.attempt);
      if (before !== undefined && before.kind !== 'not_granted') return before;
      known.set(grant.attempt, { kind: 'granted' });
      granted.push(grant.attempt);
      return { kind: 'granted' };
    },
  };
}
