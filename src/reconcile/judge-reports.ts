/**
 * Judges what applications report: looks at the claim of the reported attempt and at its marker, and records what is wrong.
 * Invariants kept: (5) a failed read leaves a report unjudged; (6) nothing is repaired here, and what is recorded is
 * repaired by a pass only when row or report is older than a grace period (`isJudgedVersion` in `plan-repairs.ts`).
 */
import type pg from 'pg';
import { isBad } from '../domain/verdict.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import { inTransaction } from '../postgres/connect.ts';
import {
  isRefusedValue,
  lockUnjudged,
  markJudged,
  readJudgement,
  readUnjudged,
  recordReported,
  recordReportedRowless,
  type Judgement,
  type UnjudgedReport,
} from '../postgres/report.ts';
import { explainJudgement } from './explain-judgement.ts';
import { lookAtReported, type Reported, type Sight } from './look-at-reported.ts';
import type { SourceContext } from './source-context.ts';

/** What one pass judges at most: a flood of reports must not hold up the repairs. */
const reportsPerPass = 1_000;
const reportsPerRead = 200;

/** Reports of one attempt on one marker: one look answers all of them. */
export interface ReportedAttempt extends Reported {
  readonly ids: readonly string[];
}

/** Judges what is unjudged, oldest first. Ends early when `signal` aborts; throws when a store cannot be read. */
export async function judgeReports(
  context: SourceContext,
  passId: string,
  signal: AbortSignal,
): Promise<void> {
  const { pool, source } = context;
  let afterId = '0';
  for (let count = 0; count < reportsPerPass; count += reportsPerRead) {
    const reports = await readUnjudged(pool, source.name, { afterId, rowsMax: reportsPerRead });
    for (const reported of groupByAttempt(reports)) {
      if (signal.aborted) return;
      await judgeReported(context, passId, reported);
    }
    if (reports.length < reportsPerRead) return;
    afterId = reports.at(-1)?.id ?? afterId;
  }
}

function groupByAttempt(reports: readonly UnjudgedReport[]): ReportedAttempt[] {
  const groups = new Map<string, ReportedAttempt>();
  for (const { id, markerKey, attempt } of reports) {
    const subject = JSON.stringify([markerKey, attempt]);
    groups.set(subject, { markerKey, attempt, ids: [...(groups.get(subject)?.ids ?? []), id] });
  }
  return [...groups.values()];
}

/**
 * Looks, and records what is wrong; what another judged meanwhile stays as it is.
 * @param passId null outside of a pass
 */
export async function judgeReported(
  context: SourceContext,
  passId: string | null,
  reported: ReportedAttempt,
): Promise<Judgement> {
  try {
    const sight = await lookAtReported(context, reported);
    return await conclude(context, reported, async (client) => {
      const discrepancyId = await record(client, context.source.name, passId, sight);
      return {
        verdict: sight.verdict,
        discrepancyId,
        note: explainJudgement(context.source, sight, discrepancyId),
      };
    });
  } catch (error) {
    if (!isRefusedValue(error)) throw error;
    const { message } = asOperatingError(error);
    const note = `It could not be judged, and will not be looked at again: ${message}`;
    return conclude(context, reported, async () => ({ verdict: null, discrepancyId: null, note }));
  }
}

async function conclude(
  { pool }: SourceContext,
  { ids }: ReportedAttempt,
  judge: (client: pg.PoolClient) => Promise<Judgement>,
): Promise<Judgement> {
  return inTransaction(pool, async (client) => {
    const unjudged = await lockUnjudged(client, ids);
    const known = unjudged.length > 0 ? null : await readJudgement(client, ids[0] ?? '');
    if (known !== null) return known;
    const judgement = await judge(client);
    await markJudged(client, unjudged, judgement);
    return judgement;
  });
}

async function record(
  client: pg.PoolClient,
  source: string,
  passId: string | null,
  { claim, marker, atMs, verdict }: Sight,
): Promise<string | null> {
  if (!isBad(verdict)) return null;
  const evidence = { claim, marker, atMs };
  if (claim.kind !== 'no_row') {
    const { id: claimId, markerKey, changeXid } = claim;
    return recordReported(client, source, passId, { claimId, markerKey, changeXid, verdict, evidence });
  }
  if (claim.open === null) throw new Error('a deleted claim owes nothing');
  const { markerKey, markerValue } = claim.open;
  return recordReportedRowless(client, source, passId, { markerKey, verdict, evidence }, markerValue);
}
