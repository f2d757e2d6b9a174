/**
 * The second half of a pass: what is open and due is planned, admitted by the brake as a whole, journalled, applied.
 * Invariants kept: (7) journal first; (8) one code path for the limits, shared with manual jobs.
 */
import { repairedVerdicts } from '../domain/verdict.ts';
import { raiseAlerts, resolveAlerts } from '../postgres/alert.ts';
import {
  postponeDiscrepancies,
  readDueDiscrepancies,
  type OpenDiscrepancy,
} from '../postgres/discrepancy.ts';
import { hasOpenFailure, intendRepairs, readLastFailure } from '../postgres/repair-journal.ts';
import { applyRepairs, stageOf } from './apply-repairs.ts';
import { Inquiry } from './inquiry.ts';
import { planRepairs, postpone, type PlannedRepair } from './plan-repairs.ts';
import { settleOthers } from './settle-others.ts';
import type { SourceContext } from './source-context.ts';
import { countRepair, countRepairable, type Tally } from './tally.ts';
import type { Term } from './hold-term.ts';

const duePerLook = 1_000;

export interface RepairRequest {
  readonly passId: string;
  readonly by: string;
  /** A person chose to pass the brake. */
  readonly force: boolean;
  /** Reasons why nothing may be repaired now, such as a marker Redis that is a replica. */
  readonly obstacles: readonly string[];
  /** Transaction id below which every row has been judged. */
  readonly horizon: string;
}

/** Repairs what is due. Returns false when the brake admitted nothing. */
export async function repairDue(
  context: SourceContext,
  term: Term,
  request: RepairRequest,
  tally: Tally,
  signal: AbortSignal,
): Promise<boolean> {
  const { source, limits, pool } = context;
  const planMax = Math.min(limits.planMax, source.rules.brake.repairsPerPlan + 1);
  const inquiry = new Inquiry(context, signal);
  let afterId = '0';
  for (let isMore = true; isMore;) {
    const repairs: PlannedRepair[] = [];
    while (isMore && repairs.length < planMax) {
      const due = await readDueDiscrepancies(pool, source.name, { afterId, rowsMax: duePerLook });
      afterId = due.at(-1)?.id ?? afterId;
      repairs.push(...(await planAndSettle(context, due, request, tally, inquiry)));
      isMore = due.length === duePerLook && !signal.aborted;
    }
    if (repairs.length === 0) continue;
    if (!(await journalAndApply(context, term, request, repairs, tally, signal))) return false;
  }
  return true;
}

async function planAndSettle(
  context: SourceContext,
  due: readonly OpenDiscrepancy[],
  request: RepairRequest,
  tally: Tally,
  inquiry: Inquiry,
): Promise<readonly PlannedRepair[]> {
  if (due.length === 0) return [];
  const plan = await planRepairs(context, due, request.horizon, inquiry);
  const mayRepair = context.source.rules.mode === 'repair' && request.obstacles.length === 0;
  await settleOthers(context, plan, mayRepair ? [] : plan.repairs);
  if (mayRepair) return plan.repairs;
  for (const { action } of plan.repairs) countRepair(tally, action.kind, 'withheld');
  return [];
}

/**
 * The one way to repair, for passes and manual jobs alike: admitted as a whole, journalled, applied.
 */
export async function journalAndApply(
  context: SourceContext,
  term: Term,
  request: Pick<RepairRequest, 'passId' | 'by' | 'force'>,
  plan: readonly PlannedRepair[],
  tally: Tally,
  signal: AbortSignal,
): Promise<boolean> {
  const { source, pool } = context;
  const repairs = plan.toSorted((a, b) => stageOf(a.action) - stageOf(b.action));
  term.guard();
  const admission = {
    source: source.name,
    limits: source.rules.brake,
    planned: repairs.length,
    judged: tally.checked,
    bad: countRepairable(tally, source.rules.policy),
    repaired: repairedVerdicts(source.rules.policy),
    force: request.force,
    by: request.by,
  };
  const ids = await intendRepairs(
    pool,
    { admission, passId: request.passId, fencingToken: term.fencingToken },
    repairs.map(({ discrepancy, action, look }) => ({
      discrepancyId: discrepancy.id,
      action,
      before: { claim: look.claim, marker: look.marker, atMs: look.atMs },
      undoOf: null,
    })),
  );
  if (ids === null) {
    for (const { action } of repairs) countRepair(tally, action.kind, 'withheld');
    // Not planned anew by every pass, at the cost of both stores; `resume` makes it due.
    await postponeDiscrepancies(
      pool,
      repairs.map((repair) => postpone(repair, source.rules)),
    );
    return false;
  }
  const journalled = repairs.map((repair, at) => ({ ...repair, repairId: ids[at] ?? '' }));
  await applyRepairs(context, term, journalled, tally, signal);
  return true;
}

/**
 * Repairs that a store or the distributor refuses are tried again, but somebody should know. One alert while any waits for
 * another try; to be called by every pass, since what failed may settle without one.
 */
export async function tellFailures({ pool, source }: SourceContext, { repairs }: Tally): Promise<void> {
  const cause = `${source.name}:repair_failed`;
  if (repairs.failed === 0) {
    if (!(await hasOpenFailure(pool, source.name))) await resolveAlerts(pool, [cause]);
    return;
  }
  const why = (await readLastFailure(pool, source.name)) ?? 'no reason was given';
  const summary = `${repairs.failed} repairs of ${source.name} failed; the last one: ${why}. They are tried again, with growing pauses.`;
  await raiseAlerts(pool, [
    { cause, kind: 'repair_failed', source: source.name, severity: 'warning', summary },
  ]);
}
