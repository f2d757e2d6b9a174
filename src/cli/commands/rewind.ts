/**
 * `rewind`: moves a checkpoint back, so that claims are read again.
 */
import { exitCodes, type ExitCode } from '../../domain/exit-code.ts';
import { OperatingError } from '../../domain/operating-error.ts';
import { parseDuration } from '../../config/duration.ts';
import { rewindSource, type RewindTarget } from '../../reconcile/rewind-source.ts';
import { underTerm } from '../../reconcile/under-term.ts';
import type { CommandIo } from '../io.ts';
import { requireStores, runCommand, type CommonOptions } from '../run-command.ts';

export interface RewindOptions extends CommonOptions {
  readonly source: string;
  readonly by?: string;
  readonly to?: string;
}

const patienceMs = 10_000;

export async function runRewind(options: RewindOptions, io: CommandIo): Promise<ExitCode> {
  return runCommand(options, io, async ({ deps }) => {
    const target = targetOf(options);
    await requireStores(deps);
    const { source } = options;
    const changeXid = await underTerm(deps, { source, patienceMs }, io.signal, (context, term) =>
      rewindSource(context, term, target),
    );
    const place = changeXid === '0' ? 'the beginning' : `transaction ${changeXid}`;
    if (options.json === true) io.out(JSON.stringify({ source, changeXid }));
    else io.out(`The checkpoint of ${source} stands at ${place} now; the next pass reads on from there.`);
    return exitCodes.ok;
  });
}

function targetOf({ by, to }: RewindOptions): RewindTarget {
  if (to === 'beginning' && by === undefined) return { kind: 'beginning' };
  const agoMs = by === undefined || to !== undefined ? null : parseDuration(by);
  if (agoMs !== null) return { kind: 'ago', agoMs };
  throw new OperatingError(
    'configuration',
    'Say how far to go back: --by DURATION (such as 30m, 2h, 7d), or --to beginning.',
  );
}
