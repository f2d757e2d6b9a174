/**
 * Carries out settlements: moves rows on by what the distributor said, then makes their markers right.
 * Invariants kept: (3, 4) markers are changed by the same scripts as in any repair; a row only if it is still the version
 * that was judged, but for one that was just handed out; an attempt is never granted under another key.
 */
import { decide } from '../domain/decide.ts';
import { isSettlement, type MarkerChange } from '../domain/repair-action.ts';
import { isBad } from '../domain/verdict.ts';
import { askToGrant } from '../distributor/ask.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import { assertTerm } from '../postgres/checkpoint.ts';
import { readClaims } from '../postgres/claims.ts';
import { insertGranted, readClaimRows, settleClaim } from '../postgres/write-claim.ts';
import { changeMarkers, type ChangeResult } from '../redis/change-marker.ts';
import { observeClaims } from './observe-claims.ts';
import type { PlannedRepair } from './plan-repairs.ts';
import type { SourceContext } from './source-context.ts';
import type { Term } from './hold-term.ts';

/**
 * What came of each, in order, all side by side. Does not throw for a distributor that fails; throws `fenced_out` when a
 * newer term has begun.
 */
export async function settleClaims(
  context: SourceContext,
  term: Term,
  repairs: readonly PlannedRepair[],
): Promise<ChangeResult[]> {
  const confirm = async (): Promise<void> => assertTerm(context.pool, context.source.name, term.fencingToken);
  await confirm();
  const results = await Promise.all(repairs.map(async (repair) => settle(context, repair)));
  const settled = repairs.filter((_, at) => results[at]?.kind === 'applied');
  await makeMarkersRight(
    context,
    settled.flatMap(({ discrepancy }) => discrepancy.claimId ?? []),
    confirm,
  );
  return results;
}

async function settle(context: SourceContext, { action, look }: PlannedRepair): Promise<ChangeResult> {
  const { pool, sql, source } = context;
  const { claim } = look;
  if (!isSettlement(action)) throw new Error(`${action.kind} is no settlement`);
  try {
    if (claim.kind === 'no_row') {
      if (claim.open === null) throw new Error('a settlement without a claim');
      return written(await insertGranted(pool, source, sql, claim.open));
    }
    if (action.kind === 'grant_again') return await grantAgain(context, claim);
    return await moveOn(context, claim, action.kind === 'settle_granted' ? 'granted' : 'released');
  } catch (error) {
    return { kind: 'failed', reason: asOperatingError(error).message };
  }
}

type PendingClaim = Extract<PlannedRepair['look']['claim'], { readonly id: string }>;

async function moveOn(
  { pool, sql }: SourceContext,
  { id, changeXid }: PendingClaim,
  to: 'granted' | 'released',
): Promise<ChangeResult> {
  return written(await settleClaim(pool, sql, { id, changeXid, from: ['pending'], to }));
}

/**
 * Under the same key, so that a hand-out that was made before, or is on its way, stays the only one. Not for a claim that
 * changed since it was judged: the application may have cancelled it, and somebody else the thing by now.
 */
async function grantAgain(context: SourceContext, claim: PendingClaim): Promise<ChangeResult> {
  const { pool, sql, distributor, distributorTimeoutMs } = context;
  const row = (await readClaimRows(pool, sql, [claim.id])).get(claim.id);
  const now = (await readClaims(pool, sql, [claim.id])).get(claim.id);
  const isSame = now?.kind === 'readable' && now.changeXid === claim.changeXid;
  if (row === undefined || !isSame || claim.kind !== 'readable' || distributor === null) {
    return { kind: 'superseded' };
  }
  const { attempt, markerKey } = claim;
  const notAfterMs = Date.now() + distributorTimeoutMs;
  const answer = await askToGrant(
    distributor,
    { attempt, markerKey, claim: row, notAfterMs },
    distributorTimeoutMs,
  );
  if (answer.kind === 'unknown') {
    return { kind: 'failed', reason: `the distributor did not say whether it granted: ${answer.reason}` };
  }
  return answer.kind === 'granted' ? keepGranted(context, claim) : moveOn(context, claim, 'released');
}

/** What was handed out is on record as granted, also where somebody released the claim in the meantime. */
async function keepGranted(context: SourceContext, claim: PendingClaim): Promise<ChangeResult> {
  const { pool, sql } = context;
  const settling = await settleClaim(pool, sql, {
    id: claim.id,
    from: ['pending', 'released'],
    to: 'granted',
  });
  if (settling !== 'live_elsewhere') return written(settling);
  const reason = 'handed out, but its claim was released meanwhile and another live claim holds its place';
  return { kind: 'failed', reason };
}

type Writing = Awaited<ReturnType<typeof settleClaim>> | Awaited<ReturnType<typeof insertGranted>>;

function written(writing: Writing): ChangeResult {
  switch (writing) {
    case 'settled':
    case 'inserted':
      return { kind: 'applied' };
    case 'live_elsewhere':
      return { kind: 'failed', reason: 'another live claim for the same thing is in the table' };
    case 'moved_on':
    case 'attempt_exists':
      return { kind: 'superseded' };
  }
}

/** The markers of rows that were just settled. What takes more than a look at claim and marker is left to its own turn. */
async function makeMarkersRight(
  context: SourceContext,
  claimIds: readonly string[],
  confirm: () => Promise<void>,
): Promise<void> {
  if (claimIds.length === 0) return;
  const { source, markers, form, limits } = context;
  const looks = await observeClaims(context, claimIds);
  const changes = looks.flatMap((look): MarkerChange[] => {
    if (!isBad(look.verdict)) return [];
    const found = { verdict: look.verdict, observation: look, rival: null, answer: null, ageMs: 0 };
    const decision = decide(found, source.rules, look.atMs);
    return decision.kind === 'repair' && !isSettlement(decision.action) ? [decision.action] : [];
  });
  await changeMarkers(markers, changes, limits.callTimeoutMs, confirm, form);
}
