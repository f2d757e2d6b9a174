/**
 * `undo`: takes back one repair, or all of a pass.
 */
import { silentReporter } from '../../../jobs/job.ts';
import { run, type UndoResult } from '../../../jobs/undo.ts';
import { exitCodes, type ExitCode } from '../../domain/exit-code.ts';
import { OperatingError } from '../../domain/operating-error.ts';
import type { CommandIo } from '../io.ts';
import { table } from '../../app/text-table.ts';
import { requireStores, runCommand, type CommonOptions } from '../run-command.ts';

export interface UndoOptions extends CommonOptions {
  readonly repair?: string;
  readonly pass?: string;
  readonly force?: boolean;
}

export async function runUndo(options: UndoOptions, io: CommandIo): Promise<ExitCode> {
  return runCommand(options, io, async ({ deps }) => {
    const payload = { which: whichOf(options), force: options.force === true, by: io.person };
    await requireStores(deps);
    const result = await run(payload, deps, silentReporter, io.signal);
    if (options.json === true) io.out(JSON.stringify(result));
    else for (const line of describe(result)) io.out(line);
    const left = result.undone.filter(({ outcome }) => outcome === 'not_undone').length;
    return left > 0 ? exitCodes.discrepanciesRemain : exitCodes.ok;
  });
}

function whichOf({ repair, pass }: UndoOptions): { readonly repairId: string } | { readonly passId: string } {
  if (repair !== undefined && pass === undefined && /^\d+$/.test(repair)) return { repairId: repair };
  if (pass !== undefined && repair === undefined && /^\d+$/.test(pass)) return { passId: pass };
  throw new OperatingError(
    'configuration',
    'Say what to undo: either --repair N or --pass N, with a number that `status` or the journal shows.',
  );
}

function describe({ undone }: UndoResult): string[] {
  if (undone.length === 0)
    return ['Nothing to undo: no repair was applied there, or all were undone already.'];
  const rows = undone.map(({ repairId, markerKey, outcome, why }) => [
    repairId,
    markerKey,
    outcome === 'undone' ? 'undone' : `not undone: ${why ?? ''}`,
  ]);
  return [
    ...table(['repair', 'marker', 'result'], rows, 100),
    '',
    'What was undone is held: no pass repairs it again. `repair claim … --apply` does.',
  ];
}
