/**
 * What a source in mode repair does about a verdict, in words, for somebody who decides whether to switch it on. What would
 * be done about one claim is told by `explain`, which looks at it.
 */
import type { Source } from '../domain/source.ts';
import type { BadVerdict } from '../domain/verdict.ts';

const remedies: Readonly<Record<BadVerdict, string>> = {
  missing_marker: 'set the marker again, for the time that is left',
  immortal_marker: 'let the marker expire when its claim does',
  wrong_expiry: 'let the marker expire when its claim does',
  conflicting_marker: 'replace the marker, or tell people if the other attempt is granted, too',
  in_doubt: 'ask the distributor, and settle the claim by its answer',
  orphan_marker: 'delete the marker, so that the next attempt may have the thing',
  rowless_marker: 'ask the distributor, and write the row or delete the marker by its answer',
  unreadable_marker: 'tell people',
  unreadable_claim: 'tell people',
};

const asksDistributor: ReadonlySet<BadVerdict> = new Set(['in_doubt', 'rowless_marker']);

export function remedyOf(
  verdict: BadVerdict,
  { rules, distributor }: Pick<Source, 'rules' | 'distributor'>,
): string {
  switch (rules.policy[verdict]) {
    case 'ignore':
      return 'nothing: the policy is to ignore it';
    case 'alert':
      return 'tell people';
    case 'repair':
      return asksDistributor.has(verdict) && distributor === null
        ? 'tell people: no distributor is configured that could be asked'
        : remedies[verdict];
  }
}
