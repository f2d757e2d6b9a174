/**
 * What `explain` found, as lines for a terminal. Long texts are cut: ids and values come from users.
 * Says nothing of its own about what is right or wrong: the sentences come with what was found.
 */
import { count, printable } from '../app/text-table.ts';
import { duration, describeMarker } from '../reconcile/describe-plan.ts';
import type { Told } from '../reconcile/explain-words.ts';
import { historyMax } from '../postgres/history.ts';

export type ExplainTarget =
  { readonly kind: 'claim'; readonly id: string } | { readonly kind: 'marker'; readonly key: string };

type ToldCase = Told['cases'][number];

/** Far more than an honest id has. */
const textMax = 200;
const sentenceMax = 600;

export function describeTold(told: Told, target: ExplainTarget): string[] {
  const name = target.kind === 'claim' ? `claim ${cut(target.id)}` : `marker ${cut(target.key)}`;
  const [first, ...more] = told.cases;
  return [
    ...(first === undefined ? [`${name} of ${told.source}: nothing there now`] : []),
    ...told.cases.flatMap((found, at) => [...(at === 0 ? [] : ['']), ...describeCase(told, found)]),
    ...(more.length === 0 ? [] : ['', `${told.cases.length} claims and attempts share this marker.`]),
    '',
    ...describeAround(told),
    '',
    ...describeHistory(told),
    ...describeByHand(told, target),
  ];
}

function describeCase(told: Told, found: ToldCase): string[] {
  const { claim, marker, verdict, why, follows } = found;
  return [
    `${nameOf(found)} of ${told.source}: ${verdict}`,
    `  ${cut(why, sentenceMax)}`,
    '',
    ...describeRow(found),
    field('marker', `${cut(told.markerKey ?? 'key unknown')}: ${cut(describeMarker(marker))}`),
    ...(claim.kind === 'readable'
      ? [field('expected', claim.markerValue === null ? 'any value' : cut(claim.markerValue))]
      : []),
    ...follows.map((line, at) => field(at === 0 ? 'then' : '', cut(line, sentenceMax))),
  ];
}

function nameOf({ claim }: ToldCase): string {
  if (claim.kind !== 'no_row') return `claim ${cut(claim.id)}`;
  return claim.open === null ? 'no claim' : `attempt ${cut(claim.open.attempt)} without a row`;
}

function describeRow({ claim, writtenStatus, atMs }: ToldCase): string[] {
  if (claim.kind === 'no_row') return [field('row', 'none')];
  const written = writtenStatus === null ? 'null' : JSON.stringify(cut(writtenStatus));
  if (claim.kind === 'unreadable') return [field('row', `status ${written}; ${cut(claim.reason)}`)];
  const leftMs = claim.expiresAtMs - atMs;
  const left = leftMs > 0 ? `${duration(leftMs)} left` : `over for ${duration(-leftMs)}`;
  // Without an end a pending or released claim counts as long over.
  const window = claim.expiresAtMs <= 0 ? 'none' : `until ${iso(claim.expiresAtMs)}, ${left}`;
  return [
    field('row', `status ${written}, which means ${claim.status}; attempt ${cut(claim.attempt)}`),
    field('window', window),
  ];
}

function describeAround({ others, index }: Told): string[] {
  const live = others.filter(({ isLive }) => isLive);
  const names = live.slice(0, 10).map(({ id, status }) => `claim ${cut(id)} (${status})`);
  const rest = live.length > names.length ? ` and ${live.length - names.length} more` : '';
  return [
    field('others', live.length === 0 ? 'no other live claim has this marker' : `${names.join(', ')}${rest}`),
    ...describeIndex(index).map((line, at) => field(at === 0 ? 'index' : '', line)),
  ];
}

function describeIndex({ kind, entries }: Told['index']): string[] {
  if (kind === 'not_looked_at')
    return ['not looked at: the marker could not be read, or its key is not known'];
  const partly = kind === 'partly' ? ['only its oldest entries were looked at: there are too many'] : [];
  if (entries.length === 0) return ['not listed as an open claim', ...partly];
  const listed = entries.map(
    ({ open, ageMs }) => `listed as an open claim for ${duration(ageMs)}: attempt ${cut(open.attempt)}`,
  );
  return [...listed, ...partly];
}

function describeHistory({ history }: Told): string[] {
  const { discrepancies, repairs, alerts, reports } = history;
  const lines = [
    ...discrepancies.flatMap((one) => [
      `discrepancy ${one.id}: ${one.verdict}, seen ${time(one.firstSeenAt)}, ${endOf(one)}`,
    ]),
    ...repairs.flatMap(describeRepair),
    ...alerts.map(
      ({ id, severity, kind, state, openedAt, seen }) =>
        `alert ${id}: ${severity} ${kind}, ${state}, since ${time(openedAt)}, seen ${count(seen, 'time')}`,
    ),
    ...reports.map(
      ({ id, reportedAt, reportedBy, attempt, reason, verdict }) =>
        `report ${id}: ${time(reportedAt)} by ${cut(reportedBy)}, attempt ${cut(attempt)}: ${cut(reason)} (${verdict ?? 'not judged'})`,
    ),
  ];
  if (lines.length === 0) return ['Nothing is on record of it.'];
  const isFull = [discrepancies, repairs, alerts, reports].some((list) => list.length === historyMax);
  return [
    'On record, the newest first:',
    ...lines.map((line) => `  ${line}`),
    ...(isFull ? [`  (the newest ${historyMax} of each)`] : []),
  ];
}

function endOf({
  state,
  resolution,
  resolvedAt,
  checks,
  held,
}: Told['history']['discrepancies'][number]): string {
  if (state === 'resolved')
    return `${(resolution ?? 'resolved').replaceAll('_', ' ')} ${time(resolvedAt ?? '')}`;
  return `open, looked at again ${count(checks, 'time')}${held ? ', held by an undo' : ''}`;
}

function describeRepair(repair: Told['history']['repairs'][number]): string[] {
  const { id, action, outcome, before, after, note, doneBy, passId, intendedAt, undoOf, undoneBy } = repair;
  const change = `${cut(describeMarker(before))} -> ${after === null ? 'not known' : cut(describeMarker(after))}`;
  const undo =
    outcome === 'applied' && undoneBy === null && undoOf === null && mayBeUndone(repair)
      ? [`  to take it back: claim-reconciler undo --repair ${id}`]
      : [];
  return [
    `repair ${id}: ${action} ${outcome}, ${time(intendedAt)} by ${cut(doneBy)}${passId === null ? '' : ` in pass ${passId}`}: ${change}`,
    ...(note === null ? [] : [`  ${cut(note)}`]),
    ...(undoOf === null ? [] : [`  takes back repair ${undoOf}`]),
    ...(undoneBy === null ? [] : [`  taken back by repair ${undoneBy}`]),
    ...undo,
  ];
}

/** What follows the distributor's word stays, and nothing is written without an expiry. */
function mayBeUndone({ action, before }: Told['history']['repairs'][number]): boolean {
  const isEndless = before.kind === 'present' && before.expiresInMs === null;
  return action.endsWith('_marker') || (action === 'set_expiry' && !isEndless);
}

function describeByHand({ cases, source }: Told, target: ExplainTarget): string[] {
  const mayHelp = cases.some(
    ({ decision, distributor: { kind } }) => decision?.kind === 'repair' || kind === 'not_asked',
  );
  if (!mayHelp) return [];
  const named = target.kind === 'claim' ? target.id : target.key;
  // What cannot be shown as it is cannot be copied either.
  if (cut(printable(named)) !== named) return [];
  const what = target.kind === 'claim' ? `claim ${quote(target.id)}` : `marker ${quote(target.key)}`;
  return [
    '',
    `By hand (prints the plan; --apply carries it out): claim-reconciler repair ${what} --source ${source}`,
  ];
}

/** As a shell takes it. */
function quote(text: string): string {
  return /^[\w:.@%+,/-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function field(name: string, text: string): string {
  return `  ${name.padEnd(10)}${text}`;
}

function iso(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : time(date.toISOString());
}

/** `2026-11-21 08:15:44 UTC`. */
function time(text: string): string {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function cut(text: string, max = textMax): string {
  const characters = text.length <= max ? [] : Array.from(text);
  if (characters.length <= max) return text;
  return `${characters.slice(0, max).join('')}… (${characters.length} characters)`;
}
