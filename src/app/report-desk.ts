/**
 * Takes reports in the daemon, beside its passes: when Redis is in trouble an application may report by the thousand.
 * Invariant kept: reports never take the connections that passes need: a few are judged at a time, the others are stored
 * and left to the next pass, and beyond a limit they are refused.
 */
import { silentReporter } from '../../jobs/job.ts';
import { readReport, run } from '../../jobs/report.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { ReportAnswer, ReportDeps } from '../reconcile/report-claim.ts';

const judgedMax = 2;
const takenMax = 200;

/**
 * What it returns throws `bad_report`, `not_ready` when there are too many, and what kept Postgres from storing the report.
 * @param onStored told the source of each report that was stored
 */
export function openReportDesk(
  deps: ReportDeps,
  onStored: (source: string) => void = () => undefined,
): (said: unknown, by: string) => Promise<ReportAnswer> {
  let taken = 0;
  let judged = 0;
  return async (said, by) => {
    const report = readReport(said, deps.sources, by);
    if (taken >= takenMax) {
      throw new OperatingError(
        'not_ready',
        `${takenMax} reports are being taken already; this one was not stored. Report it again in a while.`,
      );
    }
    const judges = judged < judgedMax;
    taken += 1;
    judged += judges ? 1 : 0;
    try {
      const answer = await run({ ...report, judging: judges ? 'now' : 'by_next_pass' }, deps, silentReporter);
      onStored(report.source);
      return answer;
    } finally {
      taken -= 1;
      judged -= judges ? 1 : 0;
    }
  };
}
