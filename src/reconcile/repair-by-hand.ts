/**
 * A person's repair of a range of claims, one claim or one marker: the same judging, planning, brake and journal as a
 * pass, over rows picked by id instead of by change.
 * Invariant kept: planning changes no marker and records no discrepancy. It leaves what every reading leaves in Postgres:
 * a sample of the horizon, and an alert when somebody holds that still.
 */
import { markerKeyOf } from '../domain/claim.ts';
import { sameMarker } from '../domain/marker.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { RepairKind } from '../domain/repair-action.ts';
import { matchTemplate } from '../domain/template.ts';
import { estimateRows, readClaimPage } from '../postgres/claim-pages.ts';
import { findClaimsOnMarker } from '../postgres/claims.ts';
import {
  readOpenDiscrepancies,
  readOpenRowless,
  recordDiscrepancies,
  releaseHold,
  type FoundDiscrepancy,
  type OpenDiscrepancy,
} from '../postgres/discrepancy.ts';
import { fixWindow } from './fix-window.ts';
import type { Term } from './hold-term.ts';
import { Inquiry } from './inquiry.ts';
import { judgePage } from './judge-page.ts';
import { planRepairs, type Plan, type PlannedCase } from './plan-repairs.ts';
import type { ReadingProgress } from './reading-progress.ts';
import { journalAndApply } from './repair-due.ts';
import { settleOthers } from './settle-others.ts';
import type { SourceContext } from './source-context.ts';
import type { Tally } from './tally.ts';

export type RepairTarget =
  | { readonly kind: 'range'; readonly fromId: string; readonly toId: string }
  | { readonly kind: 'claim'; readonly id: string }
  | { readonly kind: 'marker'; readonly key: string };

export interface HandPlan {
  /** Claims judged: those outside their grace period. */
  readonly checked: number;
  readonly found: readonly FoundDiscrepancy[];
  /** Open discrepancies about markers without a row: they are on record already. */
  readonly rowless: readonly OpenDiscrepancy[];
  readonly plan: Plan;
  /** Transaction id below which rows were judged. */
  readonly horizon: string;
  /** For a plan that a person has reviewed: what was planned for each subject, and nothing else is done. */
  readonly reviewed?: ReadonlyMap<string, RepairKind>;
}

/** Rows of one marker that a person's repair looks at; more would mean that the key is not what it seems. */
const claimsPerMarkerMax = 100;
const recordedPerStep = 2_000;

/** Judges the target and plans its repairs. Throws `configuration` when more claims are bad than a plan may hold. */
export async function planByHand(
  context: SourceContext,
  target: RepairTarget,
  signal: AbortSignal,
  onWait: (waitMs: number) => void,
  onProgress: (progress: ReadingProgress) => void = () => undefined,
): Promise<HandPlan> {
  const { horizon } = await fixWindow(context, signal, onWait);
  const found: FoundDiscrepancy[] = [];
  let checked = 0;
  for (const { fromId, toId } of await rangesOf(context, target)) {
    let afterId: string | null = null;
    const all = { by: 'id', fromId, toId, afterId } as const;
    const expected = await estimateRows(context.pool, context.sql, all, horizon);
    do {
      signal.throwIfAborted();
      const page = await readClaimPage(context.pool, context.sql, {
        range: { by: 'id', fromId, toId, afterId },
        horizon,
        rowsMax: context.limits.rowsPerPage,
      });
      await context.awaitTurn(page.rows, signal, () => undefined);
      for await (const some of judgePage(context, page)) {
        found.push(...some);
        if (found.length > context.limits.planMax) throw tooMany(context);
      }
      checked += page.rows;
      onProgress({ checked, expected });
      afterId = page.last?.id ?? null;
    } while (afterId !== null);
  }
  const rowless = target.kind === 'marker' ? await findRowless(context, target.key, horizon) : [];
  const open = [...(await asOpen(context, found)), ...rowless.map((known) => ({ ...known, held: false }))];
  const plan = await planRepairs(context, open, horizon, new Inquiry(context, signal));
  return { checked, found, rowless, plan, horizon };
}

/** One whose row may be on its way still (see `planRepairs`) is left alone. */
async function findRowless(
  { pool, source }: SourceContext,
  key: string,
  horizon: string,
): Promise<OpenDiscrepancy[]> {
  const open = await readOpenRowless(pool, source.name, key);
  return open.filter(({ changeXid }) => changeXid === null || BigInt(changeXid) < BigInt(horizon));
}

/**
 * Records what was found and repairs it, under a term that is held and whose checkpoint is taken. Returns false when the
 * brake admitted nothing.
 */
export async function applyByHand(
  context: SourceContext,
  term: Term,
  request: { readonly passId: string; readonly by: string; readonly force: boolean },
  { found, rowless, horizon, reviewed }: HandPlan,
  tally: Tally,
  signal: AbortSignal,
): Promise<boolean> {
  const { pool, source } = context;
  for (let at = 0; at < found.length; at += recordedPerStep) {
    await recordDiscrepancies(pool, source.name, request.passId, found.slice(at, at + recordedPerStep));
  }
  const ids = found.map(({ claimId }) => claimId);
  const open = [...(await readOpenDiscrepancies(pool, source.name, ids)), ...rowless];
  if (open.length === 0) return true;
  // A person who asks for a claim by name means the ones that were held, too.
  const asked = open.map((discrepancy) => ({ ...discrepancy, held: false }));
  await releaseHold(
    pool,
    open.map(({ id }) => id),
  );
  const plan = await planRepairs(context, asked, horizon, new Inquiry(context, signal));
  await settleOthers(context, plan, []);
  const repairs = plan.repairs.filter(
    (repair) => reviewed === undefined || reviewed.get(subjectOf(repair)) === repair.action.kind,
  );
  if (repairs.length === 0) return true;
  return journalAndApply(context, term, request, repairs, tally, signal);
}

/** As discrepancies name what they are about. */
export function subjectOf({ discrepancy, look }: PlannedCase): string {
  return discrepancy.claimId === null
    ? `marker:${markerKeyOf(look.claim) ?? ''}`
    : `claim:${discrepancy.claimId}`;
}

/** What was found as if it were recorded: known discrepancies keep their age, new ones have none. */
export async function asOpen(
  { pool, source }: SourceContext,
  found: readonly FoundDiscrepancy[],
): Promise<OpenDiscrepancy[]> {
  const ids = found.map(({ claimId }) => claimId);
  const known = await readOpenDiscrepancies(pool, source.name, ids);
  const byClaim = new Map(known.map((discrepancy) => [discrepancy.claimId, discrepancy]));
  return found.map((item): OpenDiscrepancy => {
    const known = byClaim.get(item.claimId);
    const isSame = known !== undefined && sameMarker(item.evidence, known.evidence);
    const markerAgeMs = isSame ? known.markerAgeMs : 0;
    return { ...item, id: known?.id ?? '', markerAgeMs, checks: known?.checks ?? 0, held: false };
  });
}

function tooMany({ source, limits }: SourceContext): OperatingError {
  return new OperatingError(
    'configuration',
    `More than ${limits.planMax} claims of ${source.name} in this range are bad; nothing was changed. Repair a smaller ` +
      'range, or rewind and let passes and the brake do it.',
  );
}

async function rangesOf(
  context: SourceContext,
  target: RepairTarget,
): Promise<{ readonly fromId: string; readonly toId: string }[]> {
  if (target.kind === 'range') return [target];
  if (target.kind === 'claim') return [{ fromId: target.id, toId: target.id }];
  const keyValues = matchTemplate(context.source.marker.key, target.key);
  if (keyValues === null) return [];
  const ids = await findClaimsOnMarker(
    context.pool,
    context.sql,
    { key: target.key, keyValues },
    claimsPerMarkerMax,
  );
  return ids.map((id) => ({ fromId: id, toId: id }));
}
