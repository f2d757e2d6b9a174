/**
 * `repair range|claim|marker`: plans, prints the plan, and with `--apply` carries it out.
 */
import { silentReporter } from '../../../jobs/job.ts';
import { run, type Payload, type RepairResult } from '../../../jobs/repair.ts';
import { exitCodes, type ExitCode } from '../../domain/exit-code.ts';
import { findSource } from '../../reconcile/under-term.ts';
import type { CommandIo } from '../io.ts';
import { count, printable, table } from '../../app/text-table.ts';
import { requireStores, runCommand, type CommonOptions } from '../run-command.ts';
import { describeReport } from './reconcile.ts';

export interface RepairOptions extends CommonOptions {
  readonly source: string;
  readonly apply?: boolean;
  readonly force?: boolean;
}

/** Plan lines printed to people; the rest is counted. `--json` prints all. */
const linesMax = 50;

export async function runRepair(
  target: Payload['target'],
  options: RepairOptions,
  io: CommandIo,
): Promise<ExitCode> {
  return runCommand(options, io, async ({ config, deps }) => {
    findSource(config.sources, options.source);
    await requireStores(deps);
    const { source, apply = false, force = false } = options;
    const payload = { source, target, apply, force, by: io.person };
    const reporter = { ...silentReporter, log: (line: string) => io.err(line) };
    const result = await run(payload, deps, reporter, io.signal);
    if (options.json === true) io.out(JSON.stringify(result));
    else for (const line of describe(result, target)) io.out(printable(line));
    return exitCodeOf(result);
  });
}

function exitCodeOf({ plan, report }: RepairResult): ExitCode {
  if (report === null) return plan.length > 0 ? exitCodes.discrepanciesRemain : exitCodes.ok;
  if (report.outcome === 'braked') return exitCodes.braked;
  const left = plan.length - report.repairs.applied;
  return left > 0 ? exitCodes.discrepanciesRemain : exitCodes.ok;
}

function describe({ source, checked, plan, report }: RepairResult, target: Payload['target']): string[] {
  if (checked === 0) return [nothingJudged(source, target)];
  if (plan.length === 0)
    return [`${count(checked, 'claim')} of ${source} judged, all consistent; nothing to repair.`];
  const rows = plan
    .slice(0, linesMax)
    .map((line) => [line.claimId ?? '(no row)', line.verdict, line.markerKey ?? '', line.marker, line.would]);
  const repairs = plan.filter((line) => line.repairs).length;
  return [
    ...table(['claim', 'verdict', 'marker', 'holds', 'would'], rows),
    ...(plan.length > linesMax ? [`… and ${plan.length - linesMax} more (--json prints all)`] : []),
    '',
    ...(report === null
      ? [
          `${count(checked, 'claim')} judged, ${count(repairs, 'repair')} planned. Nothing was changed; --apply carries them out.`,
        ]
      : describeReport(report)),
  ];
}

function nothingJudged(source: string, target: Payload['target']): string {
  const what =
    target.kind === 'range'
      ? `in ${target.fromId} to ${target.toId}`
      : target.kind === 'claim'
        ? `with the id ${target.id}`
        : `on the marker ${target.key}`;
  return `No claim of ${source} ${what} was judged: there is none, or it changed within its grace period.`;
}
