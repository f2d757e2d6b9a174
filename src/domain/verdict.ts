/**
 * The words for what an observation can mean, and what follows from each by default.
 * Does not judge: see `assess.ts`.
 */

export const verdicts = [
  'consistent',
  'missing_marker',
  'immortal_marker',
  'wrong_expiry',
  'conflicting_marker',
  'in_doubt',
  'orphan_marker',
  'rowless_marker',
  'unreadable_marker',
  'unreadable_claim',
  'unknown',
] as const;

export type Verdict = (typeof verdicts)[number];

/** The verdicts that are recorded as discrepancies. */
export type BadVerdict = Exclude<Verdict, 'consistent' | 'unknown'>;

export const badVerdicts: readonly BadVerdict[] = verdicts.filter(isBad);

export function isBad(verdict: Verdict): verdict is BadVerdict {
  return verdict !== 'consistent' && verdict !== 'unknown';
}

/** What a source does about a verdict: repair it, only tell people, or leave it alone. */
export const treatments = ['repair', 'alert', 'ignore'] as const;
export type Treatment = (typeof treatments)[number];
export type Policy = Readonly<Record<BadVerdict, Treatment>>;

/** The verdicts that passes of themselves repair under this policy: what is only told to people says nothing of drift. */
export function repairedVerdicts(policy: Policy): BadVerdict[] {
  return repairable.filter((verdict) => policy[verdict] === 'repair');
}

const repairable = [
  'missing_marker',
  'immortal_marker',
  'wrong_expiry',
  'conflicting_marker',
  'orphan_marker',
] as const satisfies readonly BadVerdict[];

/** Unreadable things can only be told to people: there is nothing safe to change. */
export const defaultPolicy: Policy = {
  missing_marker: 'repair',
  immortal_marker: 'repair',
  wrong_expiry: 'repair',
  conflicting_marker: 'repair',
  in_doubt: 'repair',
  orphan_marker: 'repair',
  rowless_marker: 'repair',
  unreadable_marker: 'alert',
  unreadable_claim: 'alert',
};
