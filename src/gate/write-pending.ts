/**
 * Writes the pending row of a claim that has its marker, or finds out in whose way it stands.
 * Invariants kept: what may have been written never counts as not written: it is `unknown`, and marker and entry stay for
 * the reconciler; row and marker say the same, or the claim ends here.
 */
import type { ClaimReading, ReadableClaim } from '../domain/claim.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { findLiveClaim } from '../postgres/claim-table.ts';
import { sqlStateOf } from '../postgres/sql-state.ts';
import { isSurelyUndone } from '../postgres/surely-undone.ts';
import { insertPending, readClaimsByAttempt, settleClaim } from '../postgres/write-claim.ts';
import type { Insertion, WrittenClaim } from '../postgres/write-claim.ts';
import type { AlreadyClaimed, Refused, Unknown } from './claim-answer.ts';
import { tell, troubleOf, type Admitted, type GateContext } from './gate-context.ts';
import { handOver, release, releaseInPassing } from './own-marker.ts';

export type Writing =
  { readonly kind: 'written'; readonly row: WrittenClaim } | AlreadyClaimed | Refused | Unknown;

/** What stands in the way may be gone when it is looked at: the insert is then worth a second try. */
const triesMax = 2;

/**
 * Throws when it is certain that no row was kept; the marker is released then. `bad_claim`: the values, or an attempt that
 * belongs to another claim.
 */
export async function writePending(gate: GateContext, admitted: Admitted): Promise<Writing> {
  for (let tries = 1; tries <= triesMax; tries += 1) {
    const inserting = await insert(gate, admitted);
    if (inserting.kind === 'unknown') return inserting;
    if (inserting.kind === 'inserted') {
      const { row } = inserting;
      return (await refuseChanged(gate, admitted, row)) ?? { kind: 'written', row };
    }
    const answer = await yieldTo(gate, admitted, inserting.kind);
    if (answer !== null) return answer;
  }
  await release(gate, admitted, null);
  return { kind: 'already_claimed', holder: null };
}

async function insert(gate: GateContext, admitted: Admitted): Promise<Insertion | Unknown> {
  const { attempt, columns, window, marker } = admitted;
  try {
    return await insertPending(gate.pool, gate.table, { attempt, columns, window: window.forRow });
  } catch (error) {
    const { code, message } = troubleOf(error);
    if (!isSurelyUndone(error)) return { kind: 'unknown', attempt, reason: message };
    await release(gate, admitted, null);
    const isAboutValues = /^2[23]/.test(sqlStateOf(error) ?? '');
    throw new OperatingError(
      isAboutValues ? 'bad_claim' : code,
      `Attempt ${attempt} on ${marker.markerKey} could not be written, and nothing was handed out. ${message}`,
      { cause: error },
    );
  }
}

/** Null when what stood in the way is gone. */
async function yieldTo(
  gate: GateContext,
  admitted: Admitted,
  refusal: Exclude<Insertion['kind'], 'inserted'>,
): Promise<AlreadyClaimed | Refused | null> {
  const { pool, table } = gate;
  const { attempt, columns } = admitted;
  let found: ClaimReading | null | undefined;
  try {
    found =
      refusal === 'live_elsewhere'
        ? await findLiveClaim(pool, table, columns)
        : (await readClaimsByAttempt(pool, table.sql, [attempt])).get(attempt);
  } catch (error) {
    tell(gate, 'The claim in the way of another could not be read', admitted, null, error);
    await release(gate, admitted, null);
    return { kind: 'already_claimed', holder: null };
  }
  if (found === null || found === undefined || found.kind === 'no_row') return null;
  if (found.kind === 'readable' && found.markerKey === admitted.marker.markerKey)
    return yieldToClaim(gate, admitted, found);
  if (refusal === 'attempt_exists') return refuseAttempt(gate, admitted, found.id);
  // Another text that the column's collation takes for the same: one thing, but markers of two keys.
  await release(gate, admitted, found.id);
  return { kind: 'already_claimed', holder: holderOf(found) };
}

function holderOf(live: ClaimReading): string | null {
  return live.kind === 'readable' ? (live.markerValue ?? live.attempt) : null;
}

/** Redis had lost the marker of a live claim, which gets it back; or the attempt was released before, for good. */
async function yieldToClaim(
  gate: GateContext,
  admitted: Admitted,
  found: ReadableClaim,
): Promise<AlreadyClaimed | Refused> {
  if (found.status === 'released') {
    await release(gate, admitted, found.id);
    const reason = 'this attempt was released before; a new try needs a new attempt';
    return { kind: 'refused', reason, attempt: admitted.attempt, claimId: found.id };
  }
  if (admitted.takenAtMs === null) releaseInPassing(gate, admitted);
  else await handOver(gate, admitted, found);
  return { kind: 'already_claimed', holder: holderOf(found) };
}

async function refuseAttempt(gate: GateContext, admitted: Admitted, otherId: string): Promise<never> {
  await release(gate, admitted, null);
  throw new OperatingError(
    'bad_claim',
    `Attempt ${admitted.attempt} belongs to claim ${otherId} already, and cannot be used on ${admitted.marker.markerKey}; ` +
      'nothing was handed out. Choose another, or leave it out.',
  );
}

/**
 * A trigger of the application's may change what is inserted, and a column may cut off blanks. The reconciler would look for
 * another marker then, or ask the distributor about another attempt, and have it granted under that one too. Such a claim
 * ends here; null for one that is as it was meant.
 */
async function refuseChanged(
  gate: GateContext,
  admitted: Admitted,
  { id, ...built }: WrittenClaim,
): Promise<Unknown | null> {
  const { attempt, marker } = admitted;
  const { markerKey, markerValue } = marker;
  const builtValue = built.markerValue ?? markerValue;
  const builtAttempt = built.claim[gate.table.source.columns.attempt];
  if (built.markerKey === markerKey && builtValue === markerValue && builtAttempt === attempt) return null;
  const what =
    `Postgres changed what was inserted: claim ${id} has the marker ${built.markerKey} (${builtValue}) and the attempt ` +
    `${String(builtAttempt)}, and ${markerKey} (${markerValue}) and ${attempt} were meant. A trigger, or a type that changes ` +
    'texts, must leave the attempt and the columns of the marker alone.';
  const unknown: Unknown = { kind: 'unknown', attempt, reason: what };
  try {
    const settling = await settleClaim(gate.pool, gate.table.sql, { id, from: ['pending'], to: 'released' });
    // The reconciler was faster, and may have had it handed out.
    if (settling !== 'settled') return unknown;
  } catch (error) {
    tell(gate, `${what} It could not be released`, admitted, id, error);
    return unknown;
  }
  await release(gate, admitted, id);
  throw new OperatingError('configuration', `${what} Nothing was handed out, and the claim was released.`);
}
