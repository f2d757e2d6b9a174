/**
 * `resume`: lets repairs go on after the brake stopped them.
 */
import { parseDuration } from '../../config/duration.ts';
import { exitCodes, type ExitCode } from '../../domain/exit-code.ts';
import { OperatingError } from '../../domain/operating-error.ts';
import { resumeSource } from '../../reconcile/rewind-source.ts';
import { assertMigrated } from '../../postgres/migrate.ts';
import { findSource } from '../../reconcile/under-term.ts';
import type { CommandIo } from '../io.ts';
import { runCommand, type CommonOptions } from '../run-command.ts';

export interface ResumeOptions extends CommonOptions {
  readonly source: string;
  readonly for: string;
}

export async function runResume(options: ResumeOptions, io: CommandIo): Promise<ExitCode> {
  return runCommand(options, io, async ({ config, deps }) => {
    const { source } = options;
    findSource(config.sources, source);
    const liftMs = parseDuration(options.for);
    if (liftMs === null) {
      throw new OperatingError('configuration', `--for ${options.for} is not a duration such as 30m or 1h.`);
    }
    await assertMigrated(deps.pool);
    const lifted = await resumeSource(deps.pool, source, liftMs, io.person);
    if (options.json === true) io.out(JSON.stringify({ source, lifted }));
    else if (lifted) {
      io.out(
        `Repairs of ${source} go on, without limits for ${options.for}; then the brake's limits hold again.`,
      );
    } else io.out(`The brake of ${source} was not tripped; nothing had to be resumed.`);
    return exitCodes.ok;
  });
}
