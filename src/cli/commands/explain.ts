/**
 * `explain claim|marker`: everything that is known of one claim or marker, for the person who is asked about it.
 * Changes nothing. Exit code 0 when all of it is consistent, 3 otherwise, 2 when there is no such thing.
 */
import { exitCodes, type ExitCode } from '../../domain/exit-code.ts';
import { OperatingError } from '../../domain/operating-error.ts';
import type { Source } from '../../domain/source.ts';
import { matchTemplate } from '../../domain/template.ts';
import { assertMigrated } from '../../postgres/migrate.ts';
import { untilMarkersReady } from '../../redis/connect-markers.ts';
import { explainClaim, explainMarker, type ExplainTarget } from '../../reconcile/explain-claim.ts';
import { tell, type Told } from '../../reconcile/explain-words.ts';
import { openSource } from '../../reconcile/source-context.ts';
import { findSource } from '../../reconcile/under-term.ts';
import { printable } from '../../app/text-table.ts';
import { describeTold } from '../explained-lines.ts';
import type { CommandIo } from '../io.ts';
import { runCommand, type CommonOptions } from '../run-command.ts';

export interface ExplainOptions extends CommonOptions {
  readonly source: string;
  readonly ask?: boolean;
}

/** A person is waiting: a Redis that does not answer by then is told of as that. */
const redisReadyMs = 2_000;

export async function runExplain(
  target: ExplainTarget,
  options: ExplainOptions,
  io: CommandIo,
): Promise<ExitCode> {
  return runCommand(options, io, async ({ config, deps }) => {
    const source = findSource(config.sources, options.source);
    await assertMigrated(deps.pool);
    const context = await openSource(deps, source, deps.limits);
    // Whether it is ready is told by the reading of the marker itself.
    await untilMarkersReady(deps.markers, redisReadyMs).catch(() => undefined);
    const ask = options.ask === true;
    const explained =
      target.kind === 'claim'
        ? await explainClaim(context, target.id, ask, io.signal)
        : await explainMarker(context, target.key, ask, io.signal);
    if (explained === null) throw notFound(target, source, config.sources);
    const told = tell(explained, context.source);
    if (options.json === true) io.out(JSON.stringify({ asked: target, ...told }));
    else for (const line of describeTold(told, target)) io.out(printable(line));
    return exitCodeOf(told);
  });
}

function exitCodeOf({ cases }: Told): ExitCode {
  const isFine = cases.every(({ verdict }) => verdict === 'consistent');
  return isFine ? exitCodes.ok : exitCodes.discrepanciesRemain;
}

function notFound(target: ExplainTarget, { name }: Source, sources: readonly Source[]): OperatingError {
  if (target.kind === 'claim') {
    const what = `There is no claim ${target.id} in ${name}, and nothing is on record of one.`;
    return new OperatingError('not_found', `${what} Is it the id of the row, and the right source?`);
  }
  const { key } = target;
  const fits = sources.filter(({ marker }) => matchTemplate(marker.key, key) !== null).map((one) => one.name);
  const what = `There is no marker ${key}, no claim of ${name} that has it, and nothing is on record of it.`;
  const hint = fits.includes(name)
    ? ''
    : fits.length === 0
      ? ' No source has markers that look like this.'
      : ` It looks like a marker of: ${fits.join(', ')}.`;
  return new OperatingError('not_found', `${what}${hint}`);
}
