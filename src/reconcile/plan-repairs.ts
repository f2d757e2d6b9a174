/**
 * Turns open discrepancies into a plan: looks at each again, decides by verdict and policy, settles what needs no
 * repair. A plan is a proposal; the brake judges the whole of it before anything is applied.
 * Invariant kept (5): a failed read throws, and no plan is made from it.
 */
import { recheckDelayMs } from '../domain/backoff.ts';
import type { ClaimReading } from '../domain/claim.ts';
import { decide, type Decision } from '../domain/decide.ts';
import { sameMarker } from '../domain/marker.ts';
import type { MarkerChange, RepairAction } from '../domain/repair-action.ts';
import type { SourceRules } from '../domain/source.ts';
import { isBad, type BadVerdict } from '../domain/verdict.ts';
import type { OpenDiscrepancy, Postponement } from '../postgres/discrepancy.ts';
import { gatherEvidence, type Evidenced } from './gather-evidence.ts';
import type { Inquiry } from './inquiry.ts';
import { observeSubjects, type Look } from './observe-claims.ts';
import type { SourceContext } from './source-context.ts';

/** One discrepancy, seen again just now, and what is to be done about it. */
export interface PlannedCase {
  readonly discrepancy: OpenDiscrepancy;
  readonly look: Look;
  readonly verdict: BadVerdict;
  readonly decision: Decision;
  /** The other claim that the decision is about, such as the second one of a double grant. */
  readonly rivalId: string | null;
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
  inquiry: Inquiry,
): Promise<Plan> {
  const looks = await observeSubjects(context, discrepancies);
  const judged: { discrepancy: OpenDiscrepancy; look: Look & { readonly verdict: BadVerdict } }[] = [];
  const wentAway: string[] = [];
  for (const [at, discrepancy] of discrepancies.entries()) {
    const look = looks[at];
    if (look === undefined || !isBad(look.verdict)) wentAway.push(discrepancy.id);
    else if (isJudgedVersion(look, discrepancy, horizon)) {
      judged.push({ discrepancy, look: { ...look, verdict: look.verdict } });
    }
  }
  // Nobody is asked about what is not decided yet.
  const evidence = await gatherEvidence(
    context,
    judged.map(({ look }) => look),
    inquiry,
  );
  const cases = judged.map(({ discrepancy, look }, at) =>
    decideAbout(context.source.rules, discrepancy, look, evidence[at]),
  );
  return { ...divide(cases), wentAway };
}

/** Decides about one discrepancy by what was seen of it just now. Reads nothing. */
export function decideAbout(
  rules: SourceRules,
  discrepancy: OpenDiscrepancy,
  look: Look & { readonly verdict: BadVerdict },
  evidence: Evidenced = { rival: null, answer: null },
): PlannedCase {
  const { verdict } = look;
  const { rival, answer } = evidence;
  const ageMs = sameMarker(look, discrepancy.evidence) ? discrepancy.markerAgeMs : 0;
  const found = { verdict, observation: look, rival: rival?.rival ?? null, answer, ageMs };
  const decision = restrain(decide(found, rules, look.atMs), discrepancy, verdict);
  return { discrepancy, look, verdict, decision, rivalId: rival?.claimId ?? null };
}

/** Looks after which waiting for it to settle is given up, and people are told: half an hour by backoff from a minute. */
const rechecksMax = 5;

/** What a person undid is not repaired again; what will not settle by itself is told to people. */
function restrain(decision: Decision, { held, checks }: OpenDiscrepancy, cause: BadVerdict): Decision {
  if (held && decision.kind === 'repair') return { kind: 'recheck', why: 'a person undid its repair' };
  if (!held && decision.kind === 'recheck' && checks >= rechecksMax) return { kind: 'alert', cause };
  return decision;
}

/**
 * A newer version of the row is inside its grace period: it stays open, and that version is judged in its own turn. An
 * entry of the open-claims index is read only after its grace period; a report of a marker without a row is not, so it
 * waits as if it were the row.
 */
function isJudgedVersion({ claim }: Look, { changeXid }: OpenDiscrepancy, horizon: string): boolean {
  const version = claim.kind === 'no_row' ? changeXid : claim.changeXid;
  return version === null || BigInt(version) < BigInt(horizon);
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

/** Looked at and not settled: when it is looked at again, with what was seen of it. */
export function postpone(
  { discrepancy, look, verdict }: Pick<PlannedCase, 'discrepancy' | 'look' | 'verdict'>,
  { graceMs }: SourceRules,
): Postponement {
  const { claim, marker, atMs } = look;
  const delayMs = recheckDelayMs(discrepancy.checks, graceMs);
  return { id: discrepancy.id, delayMs, verdict, evidence: { claim, marker, atMs } };
}

/** The action with the time that is left now; null when the window has closed since it was planned. */
export function retime(action: MarkerChange, claim: ClaimReading, nowMs: number): MarkerChange | null {
  if (action.kind === 'delete_marker') return action;
  if (claim.kind !== 'readable') return null;
  const expiresInMs = Math.floor(claim.expiresAtMs - nowMs);
  if (expiresInMs >= 1) return { ...action, expiresInMs };
  return action.kind === 'set_expiry' ? { ...action, expiresInMs: 1 } : null;
}
