/**
 * One claim: the story of the write path. Check what is wanted, take the marker, write the claim, have it handed out,
 * settle the claim, leave the open-claims index.
 * Invariants kept: (9) the distributor is asked only for a claim that has a marker or row in everybody's way, under one
 * key, and not after its time; what got no answer is left as it is, for the reconciler to settle. A crash between any
 * two steps leaves what the reconciler finds: an entry of the index, or a pending row.
 */
import { randomUUID } from 'node:crypto';
import { show } from '../domain/claim-input.ts';
import { checkWindow } from '../domain/claim-window.ts';
import type { GrantAnswer } from '../domain/distributor.ts';
import { didYouMean } from '../domain/nearest-name.ts';
import { encodeOpenClaim } from '../domain/open-claim.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { askToGrant } from '../distributor/ask.ts';
import type { WrittenClaim } from '../postgres/write-claim.ts';
import { takeMarker } from '../redis/open-claims.ts';
import type { AlreadyClaimed, ClaimAnswer, ClaimRequest } from './claim-answer.ts';
import type { Admitted, GateContext, Wanted } from './gate-context.ts';
import { releaseInPassing } from './own-marker.ts';
import { settleGranted, settleRefused } from './settle.ts';
import { writePending } from './write-pending.ts';

/**
 * Rejects when nothing was handed out and nothing will be: `bad_claim` for input that is wrong (nothing was touched),
 * `redis_unreachable`, and what Postgres refused or could not be asked. Whatever may have been handed out is an answer.
 */
export async function claim(gate: GateContext, request: ClaimRequest): Promise<ClaimAnswer> {
  let wanted = check(gate, request);
  const { attempt } = wanted;
  if (gate.eligibility !== null) {
    const eligible = await gate.eligibility.ask(wanted.columns);
    if (!eligible.open) return { kind: 'refused', reason: eligible.reason, attempt, claimId: null };
    // Looking it up may have taken longer than handing out may.
    wanted = { ...wanted, notAfterMs: Date.now() + gate.distributorTimeoutMs };
  }
  const admitted = await takeOwnMarker(gate, wanted);
  if (admitted.kind === 'already_claimed') return admitted;
  const written = await writePending(gate, admitted);
  if (written.kind !== 'written') return written;
  const answer = await askDistributor(gate, wanted, written.row);
  switch (answer.kind) {
    case 'granted':
      return settleGranted(gate, admitted, written.row.id);
    case 'refused':
      return settleRefused(gate, admitted, written.row.id, answer.reason);
    case 'unknown':
      return { kind: 'unknown', attempt, reason: answer.reason };
  }
}

const requestKeys: readonly string[] = [
  'columns',
  'attempt',
  'ttlMs',
  'expiresAt',
] satisfies (keyof ClaimRequest)[];

function check(gate: GateContext, request: ClaimRequest): Wanted {
  const { source } = gate.table;
  const beganAtMs = Date.now();
  const problems: string[] = [];
  if (typeof request !== 'object' || request === null) {
    throw new OperatingError('bad_claim', `A claim must be an object; it is ${show(request)}.`);
  }
  for (const name of Object.keys(request)) {
    if (!requestKeys.includes(name))
      problems.push(`${name}: is no part of a claim${didYouMean(name, requestKeys)}`);
  }
  // A null is no attempt: whoever meant to give one would lose it without a word.
  const given = request.attempt === undefined ? randomUUID() : request.attempt;
  const checked = gate.check(given, request.columns, problems);
  const window = checkWindow(request, gate.window, beganAtMs, problems);
  if (problems.length > 0) {
    const lines = problems.map((problem) => `  - ${problem}`).join('\n');
    throw new OperatingError(
      'bad_claim',
      `The claim on ${source.name} is wrong; nothing was touched:\n${lines}`,
    );
  }
  const { attempt, columns, markerKey, markerValue } = checked;
  const member = encodeOpenClaim({
    markerKey,
    markerValue,
    attempt,
    columns,
    expiresAtMs: window.expiresAtMs,
  });
  return {
    attempt,
    columns,
    window,
    marker: { indexKey: gate.indexKey, member, markerKey, markerValue, ttlMs: window.ttlMs },
    notAfterMs: beganAtMs + gate.distributorTimeoutMs,
  };
}

async function takeOwnMarker(
  gate: GateContext,
  wanted: Wanted,
): Promise<({ readonly kind: 'admitted' } & Admitted) | AlreadyClaimed> {
  try {
    const taking = await takeMarker(gate.redis, wanted.marker, gate.redisTimeoutMs);
    if (taking.kind === 'taken') return { ...wanted, kind: 'admitted', takenAtMs: performance.now() };
    const holder = taking.holder.kind === 'present' ? taking.holder.value : null;
    return { kind: 'already_claimed', holder };
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    // The unique index of the claim table decides then, alone.
    if (gate.whenRedisIsDown === 'postgres') return { ...wanted, kind: 'admitted', takenAtMs: null };
    releaseInPassing(gate, { ...wanted, takenAtMs: null });
    throw new OperatingError(
      'redis_unreachable',
      `The marker ${wanted.marker.markerKey} could not be taken for attempt ${wanted.attempt}, and nothing was handed ` +
        `out. If it was set all the same, the reconciler deletes it. ${error.message}`,
      { cause: error },
    );
  }
}

async function askDistributor(gate: GateContext, wanted: Wanted, row: WrittenClaim): Promise<GrantAnswer> {
  const { attempt, notAfterMs } = wanted;
  const timeLeftMs = notAfterMs - Date.now();
  if (timeLeftMs <= 0) {
    return { kind: 'unknown', reason: 'its time was over before the distributor could be asked' };
  }
  const grant = { attempt, markerKey: wanted.marker.markerKey, claim: row.claim, notAfterMs };
  return askToGrant(gate.distributor, grant, Math.min(timeLeftMs, gate.distributorTimeoutMs));
}
