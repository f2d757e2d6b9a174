/**
 * Turns open discrepancies into a plan: looks at each again, decides by verdict and policy, settles what needs no
 * repair. A plan is a proposal; the brake judges the whole of it before anything is applied.
 * Invariant kept (5): a failed read throws, and no plan is made from it.
 */
import type { ReadableClaim } from '../domain/claim.ts';
import { decide, needsRival, type Decision, type RepairAction, type Rival } from '../domain/repair-action.ts';
import { sameMarker } from '../domain/marker.ts';
import { isBad, type BadVerdict } from '../domain/verdict.ts';
import { lookUpRivals } from '../postgres/claims.ts';
import type { OpenDiscrepancy } from '../postgres/discrepancy.ts';
import { observeClaims, type JudgedClaim } from './observe-claims.ts';
import type { SourceContext } from './source-context.ts';

/** One discrepancy, seen again just now, and what is to be done about it. */
export interface PlannedCase {
  readonly discrepancy: OpenDiscrepancy;
  readonly look: JudgedClaim;
  readonly verdict: BadVerdict;
  readonly decision: Decision;
}

export interface PlannedRepair extends PlannedCase {
  readonly action: RepairAction;
}

export interface Plan {
  readonly repairs: readonly PlannedRepair[];
  /** To be told to people, looked at again later, or dropped by policy. */
  readonly others: readonly PlannedCase[];
  /** Ids of discrepancies that look consistent now. */
  readonly wentAway: readonly string[];
}

/**
 * Looks at the discrepancies' claims again and decides about each. Changes nothing.
 * @param horizon transaction id below which every row has been judged
 */
export async function planRepairs(
  context: SourceContext,
  discrepancies: readonly OpenDiscrepancy[],
  horizon: string,
): Promise<Plan> {
  const looks = await observeClaims(
    context,
    discrepancies.map(({ claimId }) => claimId),
  );
  const { rules } = context.source;
  const rivals = await rivalsOf(context, looks);
  const cases: PlannedCase[] = [];
  const wentAway: string[] = [];
  for (const [at, discrepancy] of discrepancies.entries()) {
    const look = looks[at];
    if (look === undefined || !isBad(look.verdict)) {
      wentAway.push(discrepancy.id);
      continue;
    }
    if (!isJudgedVersion(look, horizon)) continue;
    const rival = rivals.get(discrepancy.claimId) ?? null;
    const ageMs = sameMarker(look, discrepancy.evidence) ? discrepancy.markerAgeMs : 0;
    const found = { verdict: look.verdict, observation: look, rival, ageMs };
    const decision = restrain(decide(found, rules, look.atMs), discrepancy, look.verdict);
    cases.push({ discrepancy, look, verdict: look.verdict, decision });
  }
  return { ...divide(cases), wentAway };
}

/** Looks at one discrepancy after which waiting for it to settle is given up, and people are told: hours, by backoff. */
const rechecksMax = 8;

/** What a person undid is not repaired again; what will not settle by itself is told to people. */
function restrain(decision: Decision, { held, checks }: OpenDiscrepancy, cause: BadVerdict): Decision {
  if (held && decision.kind === 'repair') return { kind: 'recheck', why: 'a person undid its repair' };
  if (!held && decision.kind === 'recheck' && checks >= rechecksMax) return { kind: 'alert', cause };
  return decision;
}

/** A newer version of the row is inside its grace period: it stays open, and that version is judged in its own turn. */
function isJudgedVersion({ claim }: JudgedClaim, horizon: string): boolean {
  return claim.kind !== 'no_row' && BigInt(claim.changeXid) < BigInt(horizon);
}

function divide(cases: readonly PlannedCase[]): Pick<Plan, 'repairs' | 'others'> {
  const repairs: PlannedRepair[] = [];
  const others: PlannedCase[] = [];
  for (const planned of cases) {
    if (planned.decision.kind === 'repair') repairs.push({ ...planned, action: planned.decision.action });
    else others.push(planned);
  }
  return { repairs, others };
}

/** Who else owns the value that a marker holds, as far as the claim table knows. */
async function rivalsOf(
  context: SourceContext,
  looks: readonly JudgedClaim[],
): Promise<ReadonlyMap<string, Rival>> {
  const asked = looks.flatMap(({ claimId, verdict, marker }) =>
    isBad(verdict) && needsRival(verdict, context.source.rules) && marker.kind === 'present'
      ? [{ id: claimId, value: marker.value }]
      : [],
  );
  return lookUpRivals(context.pool, context.sql, asked);
}

/** The action with the time that is left now; null when the window has closed since it was planned. */
export function retime(action: RepairAction, claim: ReadableClaim, nowMs: number): RepairAction | null {
  if (action.kind === 'delete_marker') return action;
  const expiresInMs = Math.floor(claim.expiresAtMs - nowMs);
  if (expiresInMs >= 1) return { ...action, expiresInMs };
  return action.kind === 'set_expiry' ? { ...action, expiresInMs: 1 } : null;
}
