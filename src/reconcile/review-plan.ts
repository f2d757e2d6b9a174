/**
 * Holds a plan that was written for review against what is there now, item by item.
 * Invariant kept: what is left of it is what the person saw: the same version of the row, the same marker, the same
 * verdict, the same change, and nobody took it back since. What differs is skipped, and why is said. Changes nothing.
 */
import { markerKeyOf } from '../domain/claim.ts';
import { sameMarker } from '../domain/marker.ts';
import type { RepairKind } from '../domain/repair-action.ts';
import { isBad } from '../domain/verdict.ts';
import { readOpenRowless, type FoundDiscrepancy, type OpenDiscrepancy } from '../postgres/discrepancy.ts';
import { readUndoneSince } from '../postgres/repair-journal.ts';
import { describeDecision, describeMarker } from './describe-plan.ts';
import { fixWindow } from './fix-window.ts';
import { Inquiry } from './inquiry.ts';
import { observeClaims, observeSubjects, type Look } from './observe-claims.ts';
import { subjectOfItem, type PlanFile, type PlanItem } from './plan-file.ts';
import { planRepairs, type Plan } from './plan-repairs.ts';
import { asOpen, subjectOf, type HandPlan } from './repair-by-hand.ts';
import type { SourceContext } from './source-context.ts';

export interface SkippedItem {
  readonly claimId: string | null;
  readonly markerKey: string;
  readonly why: string;
}

const itemsPerLook = 500;

/** The part of the plan that still stands, as a plan by hand, and the rest. */
export async function reviewPlan(
  context: SourceContext,
  file: PlanFile,
  signal: AbortSignal,
  onWait: (waitMs: number) => void,
): Promise<{ hand: HandPlan; skipped: SkippedItem[] }> {
  const { horizon } = await fixWindow(context, signal, onWait);
  const found: FoundDiscrepancy[] = [];
  const rowless: OpenDiscrepancy[] = [];
  const undone = await findUndone(context, file);
  const items = file.items.filter((item) => !undone.has(subjectOfItem(item)));
  const skipped = file.items
    .filter((item) => undone.has(subjectOfItem(item)))
    .map((item) => skip(item, 'its repair was undone since'));
  for (let at = 0; at < items.length; at += itemsPerLook) {
    signal.throwIfAborted();
    for (const seen of await lookAt(context, items.slice(at, at + itemsPerLook))) {
      if (seen.kind === 'skipped') skipped.push(skip(seen.item, seen.why));
      else if (seen.kind === 'claim') found.push(seen.found);
      else rowless.push(seen.open);
    }
  }
  const open = [...(await asOpen(context, found)), ...rowless.map((known) => ({ ...known, held: false }))];
  const plan = await planRepairs(context, open, horizon, new Inquiry(context, signal));
  const standing = keepReviewed(file, plan);
  const kept = new Set(standing.repairs.map(subjectOf));
  const done = new Set(skipped.map(subjectOfItem));
  for (const item of file.items) {
    if (kept.has(subjectOfItem(item)) || done.has(subjectOfItem(item))) continue;
    skipped.push(skip(item, whyNot(item, plan)));
  }
  const keptFound = found.filter(({ claimId }) => kept.has(`claim:${claimId}`));
  return {
    skipped,
    hand: {
      checked: keptFound.length,
      found: keptFound,
      rowless: rowless.filter(({ evidence }) => kept.has(`marker:${markerKeyOf(evidence.claim) ?? ''}`)),
      plan: standing,
      horizon,
      reviewed: plannedOf(file),
    },
  };
}

/** Whoever planned did not know of it. */
async function findUndone({ pool, source }: SourceContext, { items }: PlanFile): Promise<Set<string>> {
  const looked = items.map((item) => ({ subject: subjectOfItem(item), atMs: item.atMs }));
  return readUndoneSince(pool, source.name, looked);
}

type Seen =
  | { readonly kind: 'claim'; readonly found: FoundDiscrepancy }
  | { readonly kind: 'rowless'; readonly open: OpenDiscrepancy }
  | { readonly kind: 'skipped'; readonly item: PlanItem; readonly why: string };

async function lookAt(context: SourceContext, items: readonly PlanItem[]): Promise<Seen[]> {
  const ids = items.flatMap(({ claimId }) => claimId ?? []);
  const claims = (await observeClaims(context, ids))[Symbol.iterator]();
  const seen: Seen[] = [];
  for (const item of items) {
    if (item.claimId === null) seen.push(await lookAtRowless(context, item));
    else seen.push(compareClaim(item, claims.next().value));
  }
  return seen;
}

function compareClaim(item: PlanItem, look: Look | undefined): Seen {
  if (look === undefined || look.claim.kind === 'no_row')
    return { kind: 'skipped', item, why: 'its row is gone' };
  const { claim, marker, atMs, verdict } = look;
  if (claim.changeXid !== item.changeXid) return { kind: 'skipped', item, why: 'its row has changed since' };
  const why = differs(item, look);
  if (why !== null || !isBad(verdict)) return { kind: 'skipped', item, why: why ?? `it is ${verdict} now` };
  const { id: claimId, markerKey, changeXid } = claim;
  return {
    kind: 'claim',
    found: { claimId, markerKey, changeXid, verdict, evidence: { claim, marker, atMs } },
  };
}

async function lookAtRowless(context: SourceContext, item: PlanItem): Promise<Seen> {
  const [open] = await readOpenRowless(context.pool, context.source.name, item.markerKey);
  if (open === undefined) return { kind: 'skipped', item, why: 'its discrepancy is closed' };
  const [look] = await observeSubjects(context, [open]);
  const why = look === undefined ? 'it could not be looked at' : differs(item, look);
  return why === null ? { kind: 'rowless', open } : { kind: 'skipped', item, why };
}

function differs(item: PlanItem, look: Look): string | null {
  if (!sameMarker(item, look)) return `its marker has changed since: ${describeMarker(look.marker)}`;
  return look.verdict === item.verdict ? null : `it is ${look.verdict} now`;
}

/** Only what would be done now as it was planned. */
function keepReviewed(file: PlanFile, plan: Plan): Plan {
  const planned = plannedOf(file);
  const repairs = plan.repairs.filter((repair) => planned.get(subjectOf(repair)) === repair.action.kind);
  return { repairs, others: [], wentAway: [] };
}

function plannedOf({ items }: PlanFile): Map<string, RepairKind> {
  return new Map(items.map((item) => [subjectOfItem(item), item.action]));
}

function whyNot(item: PlanItem, plan: Plan): string {
  const subject = subjectOfItem(item);
  const now = [...plan.repairs, ...plan.others].find((planned) => subjectOf(planned) === subject);
  return now === undefined
    ? 'it is consistent now, or its row changed within the grace period'
    : `something else would be done now: ${describeDecision(now.decision)}`;
}

function skip({ claimId, markerKey }: PlanItem, why: string): SkippedItem {
  return { claimId, markerKey, why };
}
