/**
 * An application reports that it could not give a marker back: store that, then judge it at once.
 * Invariants kept: a report that is acknowledged was committed; what cannot be judged now is left to the next pass and
 * never lost; nothing is repaired here.
 */
import { OperatingError } from '../domain/operating-error.ts';
import type { Verdict } from '../domain/verdict.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import { storeReport, type NewReport } from '../postgres/report.ts';
import { untilMarkersReady } from '../redis/connect-markers.ts';
import { judgeReported } from './judge-reports.ts';
import { openSource } from './source-context.ts';
import { findSource, type ReconcilerDeps } from './under-term.ts';

/** `patiently`: a marker Redis that is still being connected to is waited for. */
export const judgings = ['now', 'patiently', 'by_next_pass'] as const;
export type Judging = (typeof judgings)[number];

export interface ReportAnswer {
  readonly reportId: string;
  /** Null: not judged yet, or it could not be. */
  readonly verdict: Verdict | null;
  /** The open discrepancy; null where nothing is wrong, or nobody has looked yet. */
  readonly discrepancyId: string | null;
  /** What it means and what follows, in words. */
  readonly note: string;
}

export type ReportDeps = Pick<
  ReconcilerDeps,
  'pool' | 'markers' | 'namespace' | 'distributors' | 'sources' | 'limits'
>;

const patienceMs = 5_000;

/** Throws `not_found` for an unknown source, and what kept Postgres from storing the report. */
export async function reportClaim(
  deps: ReportDeps,
  report: NewReport,
  judging: Judging,
): Promise<ReportAnswer> {
  const source = findSource(deps.sources, report.source);
  const reportId = await store(deps, report);
  if (judging === 'by_next_pass') return unjudged(reportId, 'Others are being judged.');
  try {
    if (judging === 'patiently') await untilMarkersReady(deps.markers, patienceMs);
    const context = await openSource(deps, source, deps.limits);
    return { reportId, ...(await judgeReported(context, null, { ...report, ids: [reportId] })) };
  } catch (error) {
    return unjudged(reportId, asOperatingError(error).message);
  }
}

async function store({ pool }: ReportDeps, report: NewReport): Promise<string> {
  try {
    return await storeReport(pool, report);
  } catch (error) {
    const { code, message } = asOperatingError(error);
    throw new OperatingError(
      code,
      `The report may not have been stored; report it again, twice does no harm. ${message}`,
      { cause: error },
    );
  }
}

function unjudged(reportId: string, why: string): ReportAnswer {
  const note = `The report is stored and will be judged by the next pass: it could not be judged now. ${why}`;
  return { reportId, verdict: null, discrepancyId: null, note };
}
