/**
 * Job: a person's repair of a range of claims, one claim or one marker. Without `apply` it only plans.
 */
import { z } from 'zod';
import { beginPass } from '../src/postgres/pass.ts';
import { closePass, noWindow } from '../src/reconcile/close-pass.ts';
import { describePlan, type PlanLine } from '../src/reconcile/describe-plan.ts';
import { finishInterrupted } from '../src/reconcile/finish-interrupted.ts';
import type { Term } from '../src/reconcile/hold-term.ts';
import type { PassReport } from '../src/reconcile/pass-report.ts';
import { asPlanFile, assertSamePlace, type PlanFile } from '../src/reconcile/plan-file.ts';
import { preflight } from '../src/reconcile/preflight.ts';
import { applyByHand, planByHand, type HandPlan } from '../src/reconcile/repair-by-hand.ts';
import type { ReadingProgress } from '../src/reconcile/reading-progress.ts';
import { reviewPlan, type SkippedItem } from '../src/reconcile/review-plan.ts';
import { openSource, type SourceContext } from '../src/reconcile/source-context.ts';
import { countBatch, countRowless, startTally } from '../src/reconcile/tally.ts';
import { findSource, underTerm } from '../src/reconcile/under-term.ts';
import { repairTargetSchema } from '../src/schedule/by-hand-payload.ts';
import { OperatingError } from '../src/domain/operating-error.ts';
import type { JobDeps, JobReporter } from './job.ts';

export const name = 'repair';

export const payloadSchema = z.strictObject({
  source: z.string(),
  target: repairTargetSchema,
  apply: z.boolean(),
  force: z.boolean(),
  by: z.string(),
});

export type Payload = z.infer<typeof payloadSchema>;

/** What a person at the command line may ask for besides: a plan that was reviewed, or the plan as a file. */
export interface PersonsPayload extends Omit<Payload, 'target'> {
  readonly target: Payload['target'] | { readonly kind: 'plan'; readonly file: PlanFile };
  readonly asFile?: boolean;
  /** How long it waits for a pass over the source to end, in milliseconds; 10,000 unless given. */
  readonly patienceMs?: number;
}

export interface RepairResult {
  readonly source: string;
  readonly checked: number;
  readonly plan: readonly PlanLine[];
  /** Items of a reviewed plan that are not as they were planned. */
  readonly skipped: readonly SkippedItem[];
  /** The plan as a file; null unless asked for. */
  readonly file: PlanFile | null;
  /** What was done; null for a plan only. */
  readonly report: PassReport | null;
}

const defaultPatienceMs = 10_000;

/** Throws what `underTerm` throws, and `checkpoint_refused`. */
export async function run(
  payload: PersonsPayload,
  deps: JobDeps,
  report: JobReporter,
  signal: AbortSignal,
): Promise<RepairResult> {
  const told: Told = {
    onWait: (waitMs) => report.log(`Waiting ${Math.ceil(waitMs / 1000)} s for the grace period to pass.`),
    onProgress: (progress) => report.progress(progress),
  };
  if (!payload.apply) {
    const context = await openSource(deps, findSource(deps.sources, payload.source), deps.limits);
    const { hand, skipped } = await planFor(context, payload, signal, told);
    const file = payload.asFile === true ? await asPlanFile(context, hand.plan, payload.by) : null;
    return { ...describeResult(context, hand, skipped), file, report: null };
  }
  const { source, patienceMs = defaultPatienceMs } = payload;
  return underTerm(deps, { source, patienceMs }, signal, async (context, term) => {
    const { hand, skipped } = await planFor(context, payload, signal, told);
    const made = await apply(payload, context, term, hand, signal);
    return { ...describeResult(context, hand, skipped), file: null, report: made };
  });
}

interface Told {
  readonly onWait: (waitMs: number) => void;
  readonly onProgress: (progress: ReadingProgress) => void;
}

async function planFor(
  context: SourceContext,
  { target }: PersonsPayload,
  signal: AbortSignal,
  { onWait, onProgress }: Told,
): Promise<{ hand: HandPlan; skipped: readonly SkippedItem[] }> {
  if (target.kind !== 'plan')
    return { hand: await planByHand(context, target, signal, onWait, onProgress), skipped: [] };
  await assertSamePlace(context, target.file);
  return reviewPlan(context, target.file, signal, onWait);
}

async function apply(
  { by, force }: PersonsPayload,
  context: SourceContext,
  term: Term,
  hand: HandPlan,
  signal: AbortSignal,
): Promise<PassReport> {
  const startedAtMs = performance.now();
  const { source, pool } = context;
  const { from, obstacles } = await preflight(context, term);
  if (obstacles.length > 0) {
    throw new OperatingError('not_ready', `Nothing was repaired: ${obstacles.join('; ')}.`);
  }
  const { mode } = source.rules;
  const { passId } = await beginPass(pool, {
    source: source.name,
    askedBy: by,
    mode,
    fencingToken: term.fencingToken,
  });
  await finishInterrupted(context, term, signal);
  const tally = startTally();
  const admitted = await applyByHand(context, term, { passId, by, force }, hand, tally, signal);
  countBatch(tally, hand.checked, hand.found);
  countRowless(
    tally,
    hand.rowless.map(({ verdict }) => verdict),
  );
  return closePass(context, {
    passId,
    startedAtMs,
    from,
    to: from,
    window: noWindow,
    tally,
    outcome: admitted ? 'completed' : 'braked',
    reason: admitted
      ? null
      : 'the brake does not admit these repairs; --force passes it, at the command line',
  });
}

function describeResult(
  { source }: SourceContext,
  hand: HandPlan,
  skipped: readonly SkippedItem[],
): Pick<RepairResult, 'source' | 'checked' | 'plan' | 'skipped'> {
  const checked = hand.checked + hand.rowless.length;
  return { source: source.name, checked, plan: describePlan(hand.plan), skipped };
}
