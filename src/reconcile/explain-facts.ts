/**
 * What `explain` found, as facts and records in words: the command line prints them, the pages show them. Long texts are
 * cut: ids and values come from users. Nothing here is made harmless for terminals or HTML: whoever shows it does that.
 */
import { endOfTimeMs } from '../domain/claim-window.ts';
import { mayBeUndone } from '../domain/undo-action.ts';
import { historyMax } from '../postgres/history.ts';
import { describeMarker, duration } from './describe-plan.ts';
import type { ExplainTarget } from './explain-claim.ts';
import type { Told } from './explain-words.ts';

export type ToldCase = Told['cases'][number];

export interface Fact {
  readonly name: string;
  readonly texts: readonly string[];
}

/** Something on record. */
export interface RecordEntry {
  readonly kind: 'discrepancy' | 'repair' | 'alert' | 'report';
  readonly id: string;
  readonly text: string;
  readonly notes: readonly string[];
  /** Of a repair: whether to offer to take it back. Of an alert: whether nobody has it in hand yet. */
  readonly isActionable: boolean;
}

/** Far more than an honest id has. */
const textMax = 200;
const sentenceMax = 600;

/** `claim 17`, `attempt a-1 without a row`. */
export function nameOfCase({ claim }: ToldCase): string {
  if (claim.kind !== 'no_row') return `claim ${cut(claim.id)}`;
  return claim.open === null ? 'no claim' : `attempt ${cut(claim.open.attempt)} without a row`;
}

export function nameOfTarget(target: ExplainTarget): string {
  return target.kind === 'claim' ? `claim ${cut(target.id)}` : `marker ${cut(target.key)}`;
}

export function whyOf({ why }: ToldCase): string {
  return cut(why, sentenceMax);
}

/** Row, window, marker, what is expected of it, and what follows. */
export function factsOfCase(told: Told, found: ToldCase): Fact[] {
  const { claim, marker, follows } = found;
  return [
    ...factsOfRow(found),
    fact('marker', `${cut(told.markerKey ?? 'key unknown')}: ${cut(describeMarker(marker))}`),
    ...(claim.kind === 'readable'
      ? [fact('expected', claim.markerValue === null ? 'any value' : cut(claim.markerValue))]
      : []),
    ...(follows.length === 0 ? [] : [fact('then', ...follows.map((line) => cut(line, sentenceMax)))]),
  ];
}

function factsOfRow({ claim, writtenStatus, atMs }: ToldCase): Fact[] {
  if (claim.kind === 'no_row') return [fact('row', 'none')];
  const written = writtenStatus === null ? 'null' : JSON.stringify(cut(writtenStatus));
  if (claim.kind === 'unreadable') return [fact('row', `status ${written}; ${cut(claim.reason)}`)];
  const leftMs = claim.expiresAtMs - atMs;
  const left = leftMs > 0 ? `${duration(leftMs)} left` : `over for ${duration(-leftMs)}`;
  // Without an end a pending or released claim counts as long over.
  const isEndless = claim.expiresAtMs === endOfTimeMs;
  const window = isEndless
    ? 'has no end'
    : claim.expiresAtMs <= 0
      ? 'none'
      : `until ${iso(claim.expiresAtMs)}, ${left}`;
  return [
    fact('row', `status ${written}, which means ${claim.status}; attempt ${cut(claim.attempt)}`),
    fact('window', window),
  ];
}

/** Other claims on the marker, and the open-claims index. */
export function factsAround({ others, index }: Told): Fact[] {
  const live = others.filter(({ isLive }) => isLive);
  const names = live.slice(0, 10).map(({ id, status }) => `claim ${cut(id)} (${status})`);
  const rest = live.length > names.length ? ` and ${live.length - names.length} more` : '';
  return [
    fact('others', live.length === 0 ? 'no other live claim has this marker' : `${names.join(', ')}${rest}`),
    fact('index', ...describeIndex(index)),
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

/** Of each kind the newest first. */
export function recordsOf({ history }: Told): RecordEntry[] {
  const { discrepancies, repairs, alerts, reports } = history;
  return [
    ...discrepancies.map((one): RecordEntry => ({
      kind: 'discrepancy',
      id: one.id,
      text: `discrepancy ${one.id}: ${one.verdict}, seen ${time(one.firstSeenAt)}, ${endOf(one)}`,
      notes: [],
      isActionable: false,
    })),
    ...repairs.map(recordOfRepair),
    ...alerts.map(({ id, severity, kind, state, openedAt, seen }): RecordEntry => ({
      kind: 'alert',
      id,
      text: `alert ${id}: ${severity} ${kind}, ${state}, since ${time(openedAt)}, seen ${seen} ${seen === 1 ? 'time' : 'times'}`,
      notes: [],
      isActionable: state === 'open',
    })),
    ...reports.map(({ id, reportedAt, reportedBy, attempt, reason, verdict }): RecordEntry => ({
      kind: 'report',
      id,
      text: `report ${id}: ${time(reportedAt)} by ${cut(reportedBy)}, attempt ${cut(attempt)}: ${cut(reason)} (${verdict ?? 'not judged'})`,
      notes: [],
      isActionable: false,
    })),
  ];
}

/** Whether there may be more on record than is shown. */
export function isFullRecord({ history }: Told): boolean {
  const { discrepancies, repairs, alerts, reports } = history;
  return [discrepancies, repairs, alerts, reports].some((list) => list.length === historyMax);
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
  const times = checks === 1 ? 'time' : 'times';
  return `open, looked at again ${checks} ${times}${held ? ', held by an undo' : ''}`;
}

function recordOfRepair(repair: Told['history']['repairs'][number]): RecordEntry {
  const { id, action, outcome, before, after, note, doneBy, passId, intendedAt, undoOf, undoneBy } = repair;
  const change = `${cut(describeMarker(before))} -> ${after === null ? 'not known' : cut(describeMarker(after))}`;
  const pass = passId === null ? '' : ` in pass ${passId}`;
  return {
    kind: 'repair',
    id,
    text: `repair ${id}: ${action} ${outcome}, ${time(intendedAt)} by ${cut(doneBy)}${pass}: ${change}`,
    notes: [
      ...(note === null ? [] : [cut(note)]),
      ...(undoOf === null ? [] : [`takes back repair ${undoOf}`]),
      ...(undoneBy === null ? [] : [`taken back by repair ${undoneBy}`]),
    ],
    isActionable: mayBeUndone(repair),
  };
}

/** Whether a repair by hand could do something, or at least show what it would do. */
export function mayBeRepaired({ cases }: Told): boolean {
  return cases.some(
    ({ decision, distributor: { kind } }) => decision?.kind === 'repair' || kind === 'not_asked',
  );
}

function fact(name: string, ...texts: readonly string[]): Fact {
  return { name, texts };
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

/** At most 200 characters unless given. */
export function cut(text: string, max = textMax): string {
  const characters = text.length <= max ? [] : Array.from(text);
  if (characters.length <= max) return text;
  return `${characters.slice(0, max).join('')}… (${characters.length} characters)`;
}
