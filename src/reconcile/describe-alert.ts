/**
 * What an alert about discrepancies says: how many, since when, what that means, and what to do.
 * Invariant kept: short, however long ids are, and no command in it holds an id: whoever chooses ids would choose what is
 * pasted into a terminal. Reads nothing and decides nothing.
 */
import type { BadVerdict } from '../domain/verdict.ts';

export interface AlertScope {
  /** Open discrepancies that the alert speaks for. */
  readonly count: number;
  /** When the first of them was found, as text. */
  readonly since: string;
}

const subjectCharactersMax = 80;

interface Words {
  /** After "3 claims of gifts". */
  readonly one: string;
  readonly many: string;
  readonly toDo: string;
}

const repairToDo =
  'Nothing was changed; claim-reconciler repair shows what would set it right, and does it with --apply';

const words: Readonly<Record<BadVerdict, Words>> = {
  missing_marker: {
    one: 'is granted without a marker, so that the same can be claimed again',
    many: 'are granted without a marker, so that the same can be claimed again',
    toDo: repairToDo,
  },
  immortal_marker: {
    one: 'has a marker that never expires',
    many: 'have markers that never expire',
    toDo: repairToDo,
  },
  wrong_expiry: {
    one: 'has a marker that expires at the wrong time',
    many: 'have markers that expire at the wrong time',
    toDo: repairToDo,
  },
  conflicting_marker: {
    one: 'is granted while its marker holds another attempt',
    many: 'are granted while their markers hold other attempts',
    toDo: 'Nothing was changed; find out which attempt was handed the thing before you change the marker',
  },
  orphan_marker: {
    one: 'is released while its marker is still there, so that nobody can claim the same',
    many: 'are released while their markers are still there, so that nobody can claim the same',
    toDo: repairToDo,
  },
  in_doubt: {
    one: 'is pending, and nobody could say whether it was granted',
    many: 'are pending, and nobody could say whether they were granted',
    toDo: 'Find out at the distributor, by the attempt, whether it handed out, and set the status accordingly',
  },
  rowless_marker: {
    one: 'has no row, and nobody could say whether its attempt was granted',
    many: 'have no row, and nobody could say whether their attempts were granted',
    toDo: 'Find out at the distributor, by the attempt, whether it handed out: then write the row, or else delete the marker',
  },
  unreadable_marker: {
    one: 'has something else than a marker under its key',
    many: 'have something else than a marker under their keys',
    toDo: 'Find out which program writes to these keys, and delete what does not belong there',
  },
  unreadable_claim: {
    one: 'cannot be understood',
    many: 'cannot be understood',
    toDo: 'Put the row right, or name its status word in the configuration',
  },
};

/** @param example such as `claim 7`; @param subjects what they are: claims, or markers without a row */
export function describeDiscrepancies(
  source: string,
  verdict: BadVerdict,
  scope: AlertScope,
  subjects: 'claims' | 'markers',
  example: string,
): string {
  const { one, many, toDo } = words[verdict];
  const what =
    scope.count === 1
      ? `1 ${subjects.slice(0, -1)} of ${source} ${one}`
      : `${scope.count} ${subjects} of ${source} ${many}`;
  return (
    `${what} (${verdict}), since ${scope.since}, for example ${example}. ${toDo}. A closer look: ` +
    `claim-reconciler explain ${subjects === 'claims' ? 'claim ID' : 'marker KEY'} --source ${source}`
  );
}

/** @param one @param other the two that were granted, such as `claim 7` */
export function describeDoubleGrant(source: string, markerKey: string, one: string, other: string): string {
  return (
    `Two attempts of ${source} were granted for the marker ${short(markerKey)}: ${one}, and ${other}. One of the two ` +
    'hand-outs is one too many; nothing was changed. Decide which one stands, and take the other one back.'
  );
}

/** An id or a key as part of a sentence. */
export function short(text: string): string {
  const characters = Array.from(text);
  return characters.length <= subjectCharactersMax
    ? text
    : `${characters.slice(0, subjectCharactersMax).join('')}…`;
}
