/**
 * What a verdict means for one claim or marker, and what follows from it, in sentences for somebody who has never seen
 * this before. The one place for these words: the command line and the pages print them as they are.
 * Reads nothing and decides nothing.
 */
import { remainingMs } from '../domain/assess.ts';
import type { ReadableClaim } from '../domain/claim.ts';
import type { MarkerReading } from '../domain/marker.ts';
import type { Source } from '../domain/source.ts';
import { isBad } from '../domain/verdict.ts';
import { describeDecision, duration } from './describe-plan.ts';
import type { ExplainedCase } from './explain-cases.ts';
import type { Explained } from './explain-claim.ts';

export interface Told extends Omit<Explained, 'cases'> {
  readonly cases: readonly (ExplainedCase & { readonly why: string; readonly follows: readonly string[] })[];
}

/** The same with its sentences. */
export function tell(explained: Explained, source: Source): Told {
  return {
    ...explained,
    cases: explained.cases.map((found) => ({
      ...found,
      why: tellWhy(found, source),
      follows: tellWhatFollows(explained, found, source),
    })),
  };
}

/** Why the verdict is what it is. */
function tellWhy({ claim, marker, verdict, atMs }: ExplainedCase, { rules }: Source): string {
  if (marker.kind === 'unread') {
    return `The marker could not be read (${marker.reason}). Nothing can be said, and nothing is changed, until it can.`;
  }
  if (claim.kind === 'unreadable')
    return `The row cannot be understood, and is never guessed at: ${claim.reason}.`;
  if (marker.kind === 'undecodable') {
    return `The key holds something that is not a marker: ${marker.reason}. Another program may use the same key.`;
  }
  if (claim.kind === 'readable') return tellOfClaim(claim, marker, verdict, atMs, rules.toleranceMs);
  if (claim.open === null) {
    return marker.kind === 'absent'
      ? 'There is no row and no marker: nothing disagrees.'
      : 'No row is known that this marker belongs to: it is held against nothing.';
  }
  return verdict === 'rowless_marker'
    ? `The attempt ${claim.open.attempt} took the marker, and its row was never written: whoever asks is told "already ` +
        'claimed", and nobody knows who got what.'
    : `The attempt ${claim.open.attempt} has no row, and the marker is not its own (any more): nothing disagrees.`;
}

type SeenMarker = Exclude<MarkerReading, { readonly kind: 'unread' | 'undecodable' }>;

function tellOfClaim(
  claim: ReadableClaim,
  marker: SeenMarker,
  verdict: ExplainedCase['verdict'],
  atMs: number,
  toleranceMs: number,
): string {
  switch (verdict) {
    case 'missing_marker':
      return 'The claim is granted and its window is open, but its marker is gone: another attempt would be let in, and the same thing could be handed out twice.';
    case 'immortal_marker':
      return `The claim is ${claim.status}, and its marker has no expiry: it would never go away by itself.`;
    case 'wrong_expiry':
      return `The claim is granted and the marker is its own, but ends at the wrong time: ${offBy(claim, marker, atMs)}, and ${duration(toleranceMs)} is tolerated.`;
    case 'conflicting_marker':
      return 'The claim is granted and its window is open, but the marker holds the value of another attempt: two attempts may have been handed the same thing.';
    case 'in_doubt':
      return 'The claim is pending: whoever took it has not written down how it ended. Whether the thing was handed out is not known here; only the distributor knows.';
    case 'orphan_marker':
      return 'The claim is released, but its marker is still there: the next attempt is told "already claimed", although nobody has the thing.';
    case 'consistent':
    case 'rowless_marker':
    case 'unreadable_marker':
    case 'unreadable_claim':
    case 'unknown':
      return tellConsistent(claim, marker, atMs);
  }
}

function tellConsistent(claim: ReadableClaim, marker: SeenMarker, atMs: number): string {
  if (claim.status === 'released') {
    return marker.kind === 'absent'
      ? 'The claim is released and its marker is gone: the next attempt may have it.'
      : 'The claim is released, and the marker that is there is not its own: another attempt took it since.';
  }
  const isOver = remainingMs(claim, atMs) <= 0;
  if (marker.kind === 'absent')
    return 'The claim is granted, and its marker is gone since its window is over.';
  return isOver
    ? 'The claim is granted and its window is over: what the key holds now is no business of this claim.'
    : 'The claim is granted, and its marker holds what it should for as long as it should.';
}

function offBy(claim: ReadableClaim, marker: SeenMarker, atMs: number): string {
  if (marker.kind !== 'present' || marker.expiresInMs === null) return 'its end is not known';
  const offMs = marker.expiresInMs - remainingMs(claim, atMs);
  return `${duration(Math.abs(offMs))} too ${offMs < 0 ? 'early' : 'late'}`;
}

/** What would be done about a case, and everything that holds it up. */
function tellWhatFollows(explained: Explained, found: ExplainedCase, source: Source): string[] {
  if (found.verdict === 'unknown') return ['Nothing is done before both sides can be read.'];
  if (!isBad(found.verdict)) {
    return found.open === null
      ? ['Nothing is to be done.']
      : [`Discrepancy ${found.open.id} is open still: the next pass looks again and closes it.`];
  }
  return [
    ...tellDecision(found),
    ...tellRecord(explained, found, source),
    ...tellPolicy(found.verdict, source),
    ...tellBrake(explained),
    ...explained.sourceAlerts
      .filter(({ kind }) => kind !== 'brake')
      .map(({ id, kind, summary }) => `Alert ${id} (${kind}) is about the whole source: ${summary}`),
  ];
}

function tellDecision({ decision, distributor, rivalId }: ExplainedCase): string[] {
  if (decision?.kind === 'alert' && decision.cause === 'double_grant') {
    const other = rivalId === null ? 'the attempt that the marker holds' : `claim ${rivalId}`;
    return [
      `A pass would tell people: double_grant. This claim and ${other} were both granted: one hand-out is one too many, and people must decide which one stands.`,
    ];
  }
  const rival = rivalId === null ? [] : [`It depends on another claim for the same thing: claim ${rivalId}.`];
  const would = decision === null ? 'nothing' : describeDecision(decision);
  switch (distributor.kind) {
    case 'not_asked':
      return [
        'A pass would ask the distributor what became of the attempt, and act by its answer. Add --ask to ask it now; that changes nothing.',
        ...rival,
      ];
    case 'not_configured':
      return [`A pass would ${withTo(would)}. No distributor is configured that could be asked.`, ...rival];
    case 'answered': {
      const { answer } = distributor;
      const reason = 'reason' in answer ? ` (${answer.reason})` : '';
      return [
        `The distributor says: ${answer.kind.replaceAll('_', ' ')}${reason}. A pass would ${withTo(would)}.`,
        ...rival,
      ];
    }
    case 'does_not_matter':
      return [`A pass would ${withTo(would)}.`, ...rival];
  }
}

function withTo(would: string): string {
  return would.startsWith('nothing') ? `do ${would}` : would;
}

/** Whether it is on record, may be judged yet, and when it is looked at next. */
function tellRecord(
  { history, standing }: Explained,
  found: ExplainedCase,
  { name, rules }: Source,
): string[] {
  const { claim, open } = found;
  const said: string[] = [];
  const changeXid = claim.kind === 'no_row' ? null : claim.changeXid;
  if (changeXid !== null && (standing.settled === null || BigInt(changeXid) >= BigInt(standing.settled))) {
    said.push(
      `The row changed lately, as far as passes have seen: it is left alone until it is older than the grace period (${duration(rules.graceMs)}) and a pass has come by.`,
    );
  }
  const record = open === null ? undefined : history.discrepancies.find(({ id }) => id === open.id);
  if (open === null || record === undefined) {
    said.push(
      claim.kind !== 'no_row' && standing.judgedIds.includes(claim.id)
        ? `It is not on record: the row had been judged before this went wrong. Repair it by hand, or rewind ${name}.`
        : 'It is not on record: no pass has come to it yet.',
    );
  } else said.push(`It is on record as discrepancy ${open.id}: ${nextLook(record.nextCheckAt, found.atMs)}.`);
  if (open?.held === true) {
    said.push('A person undid its repair: it is held, and no pass repairs it. A repair by hand does.');
  }
  return said;
}

function nextLook(nextCheckAt: string | null, nowMs: number): string {
  const inMs = nextCheckAt === null ? 0 : Date.parse(nextCheckAt) - nowMs;
  return inMs > 0 ? `it is looked at again in ${duration(inMs)}` : 'the next pass looks at it';
}

function tellPolicy(verdict: ExplainedCase['verdict'], { rules, name }: Source): string[] {
  const treatment = isBad(verdict) ? rules.policy[verdict] : 'ignore';
  if (treatment === 'ignore') return [`The policy of ${name} is to leave ${verdict} alone.`];
  if (treatment === 'alert')
    return [`The policy of ${name} is to tell people of ${verdict} and change nothing.`];
  return rules.mode === 'observe'
    ? [`${name} is in mode observe: passes tell people and change nothing. A repair by hand does.`]
    : [];
}

function tellBrake({ brake, source }: Explained): string[] {
  if (brake.state === 'armed') return [];
  if (brake.state === 'lifted')
    return [`A person lifted the brake of ${source}: there are no limits for a while.`];
  return [
    `The brake of ${source} has stopped all repairs: ${brake.reason ?? 'no reason is on record'}. They go on after: claim-reconciler resume --source ${source}`,
  ];
}
