/**
 * `repair range|claim|marker`: plans, prints the plan, and with `--apply` carries it out. The same for a plan that was
 * reviewed: see `repair-reviewed.ts`.
 */
import { run, type PersonsPayload, type RepairResult } from '../../../jobs/repair.ts';
import { exitCodes, type ExitCode } from '../../domain/exit-code.ts';
import { OperatingError } from '../../domain/operating-error.ts';
import { findSource } from '../../reconcile/under-term.ts';
import type { CommandIo } from '../io.ts';
import { count, printable, table } from '../../app/text-table.ts';
import { requireStores, runCommand, type CommonOptions } from '../run-command.ts';
import { describeReport, reporter } from './reconcile.ts';
import { writePlan } from './new-file.ts';

export interface RepairOptions extends CommonOptions {
  readonly source: string;
  readonly apply?: boolean;
  readonly force?: boolean;
  readonly planOut?: string;
}

type Target = PersonsPayload['target'];

/** Plan lines printed to people; the rest is counted. `--json` prints all. */
const linesMax = 50;

export async function runRepair(target: Target, options: RepairOptions, io: CommandIo): Promise<ExitCode> {
  return runCommand(options, io, async ({ config, deps }) => {
    findSource(config.sources, options.source);
    const { source, apply = false, force = false, planOut } = options;
    if (apply && planOut !== undefined) {
      throw new OperatingError(
        'configuration',
        'Either --apply or --plan-out: a plan is written to be reviewed first.',
      );
    }
    await requireStores(deps);
    const payload = { source, target, apply, force, by: io.person, asFile: planOut !== undefined };
    const told = { ...reporter(source, options, io), log: (line: string) => io.err(line) };
    const result = await run(payload, deps, told, io.signal).finally(() => io.progress(''));
    const { file, ...shown } = result;
    if (file !== null && planOut !== undefined) await writePlan(file, planOut, io.cwd);
    if (options.json === true) io.out(JSON.stringify(shown));
    else for (const line of describe(result, target, planOut)) io.out(printable(line));
    return exitCodeOf(result);
  });
}

function exitCodeOf({ plan, skipped, report }: RepairResult): ExitCode {
  if (report === null) return plan.length + skipped.length > 0 ? exitCodes.discrepanciesRemain : exitCodes.ok;
  if (report.outcome === 'braked') return exitCodes.braked;
  const left = plan.length + skipped.length - report.repairs.applied;
  return left > 0 ? exitCodes.discrepanciesRemain : exitCodes.ok;
}

function describe({ plan, skipped, ...rest }: RepairResult, target: Target, planOut?: string): string[] {
  const { source, checked, report } = rest;
  if (checked === 0 && skipped.length === 0) return [nothingJudged(source, target)];
  if (plan.length + skipped.length === 0)
    return [`${count(checked, 'claim')} of ${source} judged, all consistent; nothing to repair.`];
  const rows = plan
    .slice(0, linesMax)
    .map((line) => [line.claimId ?? '(no row)', line.verdict, line.markerKey ?? '', line.marker, line.would]);
  const repairs = plan.filter((line) => line.repairs).length;
  return [
    ...(rows.length === 0 ? [] : table(['claim', 'verdict', 'marker', 'holds', 'would'], rows)),
    ...(plan.length > linesMax ? [`… and ${plan.length - linesMax} more (--json prints all)`] : []),
    ...describeSkipped(skipped),
    '',
    ...(report === null
      ? [`${count(checked, 'claim')} judged, ${count(repairs, 'repair')} planned. ${whatNext(planOut)}`]
      : describeReport(report)),
  ];
}

function whatNext(planOut: string | undefined): string {
  return planOut === undefined
    ? 'Nothing was changed; --apply carries them out.'
    : `Nothing was changed; the repairs are written to ${planOut}. Later: claim-reconciler repair --plan ${planOut} --apply`;
}

function describeSkipped(skipped: RepairResult['skipped']): string[] {
  const shown = skipped.slice(0, linesMax);
  return [
    ...shown.map(({ claimId, markerKey, why }) =>
      cut(`skipped ${claimId === null ? `marker ${markerKey}` : `claim ${claimId}`}: ${why}`),
    ),
    ...(skipped.length > shown.length ? [`… and ${skipped.length - shown.length} more skipped`] : []),
  ];
}

/** Ids come from users. */
function cut(text: string): string {
  return text.length <= 500 ? text : `${text.slice(0, 500)}…`;
}

function nothingJudged(source: string, target: Target): string {
  if (target.kind === 'plan') return `The plan for ${source} is empty; there is nothing to repair.`;
  const what =
    target.kind === 'range'
      ? `in ${target.fromId} to ${target.toId}`
      : target.kind === 'claim'
        ? `with the id ${target.id}`
        : `on the marker ${target.key}`;
  return `No claim of ${source} ${what} was judged: there is none, or it changed within its grace period.`;
}
