/**
 * Reports of applications in a world of these tests, made as the program makes them, through the job.
 */
import { readReport, run } from '../../../jobs/report.ts';
import type { Judging, ReportAnswer } from '../../../src/reconcile/report-claim.ts';
import { silentReporter, type PassChanges } from './job-deps.ts';
import type { World } from './world.ts';

export interface Said {
  readonly key: string;
  readonly attempt: string;
  readonly source?: string;
}

/** Reports that the marker could not be given back. */
export async function reportOn(
  world: World,
  { key: markerKey, attempt, source = 'gifts' }: Said,
  changes: PassChanges = {},
  judging: Judging = 'now',
): Promise<ReportAnswer> {
  const deps = world.deps(changes);
  const report = readReport({ source, markerKey, attempt, reason: 'DEL timed out' }, deps.sources, 'shop');
  return run({ ...report, judging }, deps, silentReporter);
}

export interface ReportRecord {
  readonly attempt: string;
  readonly verdict: string | null;
  readonly discrepancyId: string | null;
  readonly isJudged: boolean;
}

export async function reportsOf(world: World): Promise<ReportRecord[]> {
  const { rows } = await world.pool.query<ReportRecord>(
    `select attempt, verdict, discrepancy_id::text as "discrepancyId", judged_at is not null as "isJudged"
     from reconciler.report order by id`,
  );
  return rows;
}
