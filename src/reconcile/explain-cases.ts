/**
 * Claims and attempts held against their marker, one by one: verdict, what is on record as open, what a pass would decide.
 * Invariant kept: reads only. Nobody is asked what became of an attempt unless `ask` says so.
 */
import { needsAnswer, type Decision } from '../domain/decide.ts';
import type { LookupAnswer } from '../domain/distributor.ts';
import { isBad } from '../domain/verdict.ts';
import { readClaimRows } from '../postgres/claim-rows.ts';
import type { OpenDiscrepancy } from '../postgres/discrepancy.ts';
import { gatherEvidence, type Evidenced } from './gather-evidence.ts';
import { Inquiry } from './inquiry.ts';
import type { Look } from './observe-claims.ts';
import { decideAbout } from './plan-repairs.ts';
import type { SourceContext } from './source-context.ts';

/** What the distributor says, where a decision depends on it. */
export type DistributorWord =
  | { readonly kind: 'does_not_matter' | 'not_configured' | 'not_asked' }
  | { readonly kind: 'answered'; readonly answer: LookupAnswer };

/** One claim, or one attempt without a row, held against the marker. */
export interface ExplainedCase extends Look {
  /** The status as the application wrote it; null without a row. */
  readonly writtenStatus: string | null;
  /** Of the open discrepancy about it. */
  readonly open: Pick<OpenDiscrepancy, 'id' | 'held'> | null;
  readonly distributor: DistributorWord;
  /** What a pass would decide now, mode and brake aside; null where nothing is wrong, or nothing could be seen. */
  readonly decision: Decision | null;
  /** Another claim for the same thing that the decision is about. */
  readonly rivalId: string | null;
}

/** One case per look, in order. @param known open discrepancies about them */
export async function explainLooks(
  context: SourceContext,
  looks: readonly Look[],
  known: readonly OpenDiscrepancy[],
  ask: boolean,
  signal: AbortSignal,
): Promise<ExplainedCase[]> {
  const rows = await readClaimRows(
    context.pool,
    context.sql,
    looks.flatMap(({ claim }) => (claim.kind === 'no_row' ? [] : [claim.id])),
  );
  const asked = ask ? context : { ...context, distributor: null };
  const evidence = await gatherEvidence(asked, looks, new Inquiry(asked, signal));
  return looks.map((look, at) => {
    const { claim } = look;
    const id = claim.kind === 'no_row' ? null : claim.id;
    const open = known.find(({ claimId }) => claimId === id);
    const written = id === null ? null : rows.get(id)?.[context.source.columns.status];
    const writtenStatus =
      typeof written === 'string' ? written : written == null ? null : JSON.stringify(written);
    return {
      ...aboutNobody(look),
      ...decideOn(context, look, open, evidence[at], ask),
      writtenStatus,
      open: open === undefined ? null : { id: open.id, held: open.held },
    };
  });
}

/** A case of which nothing is on record. */
export function aboutNobody(look: Look): ExplainedCase {
  const distributor = { kind: 'does_not_matter' } as const;
  return { ...look, writtenStatus: null, open: null, distributor, decision: null, rivalId: null };
}

/** What a pass would decide about it, as if it were outside its grace period. */
function decideOn(
  { source: { rules }, distributor }: SourceContext,
  look: Look,
  open: OpenDiscrepancy | undefined,
  evidence: Evidenced | undefined,
  ask: boolean,
): Partial<Pick<ExplainedCase, 'decision' | 'rivalId' | 'distributor'>> {
  const { verdict, claim, marker, atMs } = look;
  if (!isBad(verdict)) return {};
  const seen = { claim, marker, atMs };
  const id = claim.kind === 'no_row' ? null : claim.id;
  const fresh = {
    id: '',
    claimId: id,
    changeXid: null,
    verdict,
    evidence: seen,
    markerAgeMs: 0,
    checks: 0,
    held: false,
  };
  const { decision, rivalId } = decideAbout(rules, open ?? fresh, { ...look, verdict }, evidence);
  const word = (): DistributorWord => {
    if (!needsAnswer(verdict, evidence?.rival?.rival ?? null, rules)) return { kind: 'does_not_matter' };
    if (distributor === null) return { kind: 'not_configured' };
    if (!ask) return { kind: 'not_asked' };
    const answer = evidence?.answer ?? null;
    return answer === null ? { kind: 'does_not_matter' } : { kind: 'answered', answer };
  };
  return { decision, rivalId, distributor: word() };
}
