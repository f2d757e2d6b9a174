/**
 * Carries out journalled repairs: claim read again, marker (or row) changed by compare-and-set, looked at again, outcome
 * written.
 * Invariants kept: (3, 4) in the scripts; (5) a failed read leads to no repair; (7) every entry was committed before, and a
 * change that a newer term has closed as not made is not made any more.
 * A change whose reply was lost stays `intended`: the next pass looks again and completes it.
 */
import { deletedClaim, type ClaimReading } from '../domain/claim.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { isSettlement, type RepairAction } from '../domain/repair-action.ts';
import { isBad } from '../domain/verdict.ts';
import { assertTerm } from '../postgres/checkpoint.ts';
import { inTransaction } from '../postgres/connect.ts';
import { postponeDiscrepancies, resolveDiscrepancies, type Postponement } from '../postgres/discrepancy.ts';
import { finishRepairs, type FinishedRepair } from '../postgres/repair-journal.ts';
import { changeMarkers, type ChangeResult } from '../redis/change-marker.ts';
import { observeSubjects, type Look } from './observe-claims.ts';
import { postpone, retime, type PlannedRepair } from './plan-repairs.ts';
import { readAgain } from './read-again.ts';
import { settleClaims } from './settle-claims.ts';
import type { SourceContext } from './source-context.ts';
import { countRepair, type Tally } from './tally.ts';
import type { Term } from './hold-term.ts';

const repairsPerStep = 200;
/** All of a step at one time: each may ask the distributor and wait for it, and a stop waits for the step in hand. */
const settlementsPerStep = 8;

export interface JournalledRepair extends PlannedRepair {
  readonly repairId: string;
}

/**
 * Applies the repairs in order, some hundred at a time, and counts their outcomes. On `signal` it finishes the step in
 * hand and closes the rest as not made.
 */
export async function applyRepairs(
  context: SourceContext,
  term: Term,
  repairs: readonly JournalledRepair[],
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  let rest = repairs;
  while (rest.length > 0) {
    if (signal.aborted) {
      await closeUnmade(context, rest, tally);
      return;
    }
    const step = nextStep(rest);
    await applyStep(context, term, step, tally);
    rest = rest.slice(step.length);
  }
}

/** What is in one step is changed side by side, in no certain order: so a step is of one stage. */
function nextStep(repairs: readonly JournalledRepair[]): readonly JournalledRepair[] {
  const first = repairs[0]?.action;
  if (first === undefined) return [];
  const end = repairs.findIndex(({ action }) => stageOf(action) !== stageOf(first));
  const stepMax = isSettlement(first) ? settlementsPerStep : repairsPerStep;
  return repairs.slice(0, Math.min(stepMax, end === -1 ? repairs.length : end));
}

/** Deletions come last: a marker that a granted claim is to take over must not be gone when its turn comes. */
export function stageOf(action: RepairAction): number {
  if (action.kind === 'delete_marker') return 2;
  return isSettlement(action) ? 1 : 0;
}

async function applyStep(
  context: SourceContext,
  term: Term,
  repairs: readonly JournalledRepair[],
  tally: Tally,
): Promise<void> {
  const isSettling = repairs.some(({ action }) => isSettlement(action));
  const planned = repairs.map(({ look }) => look.claim);
  const claims = isSettling ? [] : await readAgain(context, planned);
  term.guard();
  const results = isSettling
    ? await settleClaims(context, term, repairs)
    : await changeAll(context, term, repairs, claims);
  const looks = await observeSubjects(
    context,
    repairs.map(({ discrepancy }) => discrepancy),
  );
  await writeOutcomes(context, repairs, results, looks);
  for (const [at, { kind }] of results.entries()) {
    const action = repairs[at]?.action.kind;
    if (kind !== 'unknown' && action !== undefined) countRepair(tally, action, kind);
  }
  const lost = results.find((result) => result.kind === 'unknown');
  if (lost !== undefined) {
    throw new OperatingError(
      'redis_unreachable',
      `The marker Redis did not say whether a repair was made (${lost.reason}). It stays in the journal as intended; ` +
        'the next pass looks again and completes it.',
    );
  }
}

/** A repair whose claim has a newer version than the one it was planned from is refused here. */
async function changeAll(
  { pool, source, markers, form, limits, nowMs }: SourceContext,
  term: Term,
  repairs: readonly JournalledRepair[],
  claims: readonly ClaimReading[],
): Promise<ChangeResult[]> {
  const actions = repairs.map(({ action, look }, at) => {
    const claim = claims[at] ?? deletedClaim;
    return !isSettlement(action) && isSameVersion(claim, look.claim) ? retime(action, claim, nowMs()) : null;
  });
  const results = await changeMarkers(
    markers,
    actions.filter((action) => action !== null),
    limits.callTimeoutMs,
    async () => assertTerm(pool, source.name, term.fencingToken),
    form,
  );
  const next = results[Symbol.iterator]();
  const superseded: ChangeResult = { kind: 'superseded' };
  return actions.map((action) => (action === null ? superseded : (next.next().value ?? superseded)));
}

function isSameVersion(now: ClaimReading, planned: ClaimReading): boolean {
  if (planned.kind === 'no_row') return now.kind === 'no_row';
  return now.kind === 'readable' && planned.kind === 'readable' && now.changeXid === planned.changeXid;
}

async function writeOutcomes(
  context: SourceContext,
  repairs: readonly JournalledRepair[],
  results: readonly ChangeResult[],
  looks: readonly Look[],
): Promise<void> {
  const finished: FinishedRepair[] = [];
  const repaired: string[] = [];
  const wentAway: string[] = [];
  const postponed: Postponement[] = [];
  for (const [at, { repairId, discrepancy }] of repairs.entries()) {
    const result = results[at];
    const look = looks[at];
    if (result === undefined || look === undefined || result.kind === 'unknown') continue;
    finished.push({ id: repairId, outcome: result.kind, after: look.marker, note: noteOf(result) });
    if (!isBad(look.verdict)) (result.kind === 'applied' ? repaired : wentAway).push(discrepancy.id);
    else postponed.push(postpone({ discrepancy, look, verdict: look.verdict }, context.source.rules));
  }
  await inTransaction(context.pool, async (client) => {
    await finishRepairs(client, finished);
    await resolveDiscrepancies(client, repaired, 'repaired');
    await resolveDiscrepancies(client, wentAway, 'went_away');
    await postponeDiscrepancies(client, postponed);
  });
}

async function closeUnmade(
  context: SourceContext,
  repairs: readonly JournalledRepair[],
  tally: Tally,
): Promise<void> {
  const note = 'not made: the pass was asked to stop';
  await finishRepairs(
    context.pool,
    repairs.map(({ repairId }) => ({ id: repairId, outcome: 'superseded', after: null, note })),
  );
  for (const { action } of repairs) countRepair(tally, action.kind, 'superseded');
}

function noteOf(result: ChangeResult): string | null {
  return result.kind === 'failed' ? result.reason : null;
}
