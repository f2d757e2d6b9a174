/**
 * What `explain` found, as lines for a terminal: only their layout is decided here.
 */
import { printable } from '../app/text-table.ts';
import { historyMax } from '../postgres/history.ts';
import type { ExplainTarget } from '../reconcile/explain-claim.ts';
import {
  cut,
  factsAround,
  factsOfCase,
  isFullRecord,
  mayBeRepaired,
  nameOfCase,
  nameOfTarget,
  recordsOf,
  whyOf,
  type Fact,
  type RecordEntry,
  type ToldCase,
} from '../reconcile/explain-facts.ts';
import type { Told } from '../reconcile/explain-words.ts';

export function describeTold(told: Told, target: ExplainTarget): string[] {
  const [first, ...more] = told.cases;
  return [
    ...(first === undefined ? [`${nameOfTarget(target)} of ${told.source}: nothing there now`] : []),
    ...told.cases.flatMap((found, at) => [...(at === 0 ? [] : ['']), ...describeCase(told, found)]),
    ...(more.length === 0 ? [] : ['', `${told.cases.length} claims and attempts share this marker.`]),
    '',
    ...factsAround(told).flatMap(lines),
    '',
    ...describeRecords(told),
    ...describeByHand(told, target),
  ];
}

function describeCase(told: Told, found: ToldCase): string[] {
  return [
    `${nameOfCase(found)} of ${told.source}: ${found.verdict}`,
    `  ${whyOf(found)}`,
    '',
    ...factsOfCase(told, found).flatMap(lines),
  ];
}

function lines({ name, texts }: Fact): string[] {
  return texts.map((text, at) => `  ${(at === 0 ? name : '').padEnd(10)}${text}`);
}

function describeRecords(told: Told): string[] {
  const records = recordsOf(told);
  if (records.length === 0) return ['Nothing is on record of it.'];
  return [
    'On record, the newest first:',
    ...records.flatMap(describeRecord).map((line) => `  ${line}`),
    ...(isFullRecord(told) ? [`  (the newest ${historyMax} of each)`] : []),
  ];
}

function describeRecord({ kind, id, text, notes, isActionable }: RecordEntry): string[] {
  const undo =
    kind === 'repair' && isActionable ? [`to take it back: claim-reconciler undo --repair ${id}`] : [];
  return [text, ...[...notes, ...undo].map((note) => `  ${note}`)];
}

function describeByHand(told: Told, target: ExplainTarget): string[] {
  if (!mayBeRepaired(told)) return [];
  const named = target.kind === 'claim' ? target.id : target.key;
  // What cannot be shown as it is cannot be copied either.
  if (cut(printable(named)) !== named) return [];
  const what = target.kind === 'claim' ? `claim ${quote(target.id)}` : `marker ${quote(target.key)}`;
  return [
    '',
    `By hand (prints the plan; --apply carries it out): claim-reconciler repair ${what} --source ${told.source}`,
  ];
}

/** As a shell takes it. */
function quote(text: string): string {
  return /^[\w:.@%+,/-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
