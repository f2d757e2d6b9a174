/**
 * `report`: tells of a marker that an application could not give back.
 */
import { silentReporter } from '../../../jobs/job.ts';
import { readReport, run } from '../../../jobs/report.ts';
import { exitCodes, type ExitCode } from '../../domain/exit-code.ts';
import { assertMigrated } from '../../postgres/migrate.ts';
import type { ReportAnswer } from '../../reconcile/report-claim.ts';
import { printable } from '../../app/text-table.ts';
import type { CommandIo } from '../io.ts';
import { runCommand, type CommonOptions } from '../run-command.ts';

export interface ReportOptions extends CommonOptions {
  readonly source: string;
  readonly marker: string;
  readonly attempt: string;
  readonly reason: string;
}

/** Exit code 3 while a discrepancy is open, and for a report that is left to the next pass. Redis need not answer. */
export async function runReport(options: ReportOptions, io: CommandIo): Promise<ExitCode> {
  return runCommand(options, io, async ({ config, deps }) => {
    const { source, marker: markerKey, attempt, reason } = options;
    const report = readReport({ source, markerKey, attempt, reason }, config.sources, io.person);
    await assertMigrated(deps.pool);
    const answer = await run({ ...report, judging: 'patiently' }, deps, silentReporter);
    if (options.json === true) io.out(JSON.stringify(answer));
    else for (const line of describe(answer)) io.out(printable(line));
    return answer.verdict === 'consistent' ? exitCodes.ok : exitCodes.discrepanciesRemain;
  });
}

function describe({ reportId, verdict, note }: ReportAnswer): string[] {
  return [`Report ${reportId} is stored${verdict === null ? '' : `: ${verdict}`}.`, note];
}
