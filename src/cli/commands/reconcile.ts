/**
 * `reconcile`: one pass now, over one source or all of them.
 */
import type { JobReporter } from '../../../jobs/job.ts';
import { run } from '../../../jobs/pass.ts';
import { exitCodeOfPass, gravest, type ExitCode } from '../../domain/exit-code.ts';
import { ProgressLine } from '../../app/progress-line.ts';
import type { PassReport } from '../../reconcile/pass-report.ts';
import { isReadingProgress } from '../../reconcile/reading-progress.ts';
import { findSource } from '../../reconcile/under-term.ts';
import { createDriftFile, type ReconciledSource } from '../drift-report.ts';
import { readFrom } from '../from-option.ts';
import type { CommandIo } from '../io.ts';
import { printable } from '../../app/text-table.ts';
import { reportError, requireStores, runCommand, type CommonOptions } from '../run-command.ts';

export interface ReconcileOptions extends CommonOptions {
  readonly source?: string;
  readonly force?: boolean;
  readonly from?: string;
  readonly reportOut?: string;
}

export async function runReconcile(options: ReconcileOptions, io: CommandIo): Promise<ExitCode> {
  return runCommand(options, io, async ({ config, deps }) => {
    const sources =
      options.source === undefined ? config.sources : [findSource(config.sources, options.source)];
    const from = options.from === undefined ? {} : { from: readFrom(options.from) };
    await requireStores(deps);
    const drift = options.reportOut === undefined ? null : await createDriftFile(options.reportOut, io.cwd);
    const codes: ExitCode[] = [];
    const reconciled: ReconciledSource[] = [];
    for (const source of sources) {
      const { name } = source;
      const payload = { source: name, by: io.person, force: options.force === true, waits: true, ...from };
      try {
        const report = await run(payload, deps, reporter(name, options, io), io.signal).finally(() =>
          io.progress(''),
        );
        print(report, options, io);
        codes.push(exitCodeOfPass(report.outcome, report.open));
        reconciled.push({ source, report });
      } catch (error) {
        codes.push(reportError(error, io, options.json === true));
        reconciled.push({ source, report: null });
      }
    }
    await drift?.write(reconciled, deps.pool);
    return gravest(codes);
  });
}

/** Progress goes to standard error, and only to people. */
export function reporter(source: string, options: CommonOptions, io: CommandIo): JobReporter {
  const quiet = options.json === true || !io.isTerminal;
  const line = new ProgressLine(source, performance.now());
  return {
    log: (sentence) => {
      if (sentence.startsWith('Waiting') && options.json !== true) io.err(sentence);
    },
    progress: (state) => {
      if (!quiet && isReadingProgress(state)) io.progress(line.next(state, performance.now()));
    },
  };
}

function print(report: PassReport, options: ReconcileOptions, io: CommandIo): void {
  if (options.json === true) {
    io.out(JSON.stringify(report));
    return;
  }
  for (const line of describeReport(report)) io.out(printable(line));
}

/** The report in a few lines for people. */
export function describeReport(report: PassReport): string[] {
  const bad = Object.entries(report.verdicts).filter(
    ([verdict, count]) => verdict !== 'consistent' && count > 0,
  );
  const made = Object.entries(report.repairs).filter(([, count]) => count > 0);
  const words = (entries: [string, number][]): string =>
    entries.map(([word, count]) => `${count} ${word}`).join(', ');
  return [
    `${report.source}: ${report.outcome} in ${report.durationMs} ms (pass ${report.passId}, mode ${report.mode})`,
    `  judged   ${report.checked}${report.checked === 0 ? '' : bad.length === 0 ? ': all consistent' : `: ${words(bad)}`}`,
    ...(made.length === 0 ? [] : [`  repairs  ${words(made)}`]),
    `  open     ${report.open} discrepancies`,
    ...(report.reason === null ? [] : [`  reason   ${report.reason}`]),
    ...(report.stalledBy === null ? [] : [`  stalled  by ${report.stalledBy}`]),
    ...(report.brake === 'armed' ? [] : [`  brake    ${report.brake}`]),
  ];
}
