/**
 * `migrate`: brings the schema `reconciler` up to date.
 */
import { exitCodes, type ExitCode } from '../../domain/exit-code.ts';
import { migrate } from '../../postgres/migrate.ts';
import type { CommandIo } from '../io.ts';
import { runCommand, type CommonOptions } from '../run-command.ts';

export async function runMigrate(options: CommonOptions, io: CommandIo): Promise<ExitCode> {
  return runCommand(options, io, async ({ deps }) => {
    const applied = await migrate(deps.pool);
    if (options.json === true) io.out(JSON.stringify({ applied }));
    else if (applied.length === 0) io.out('The schema is up to date; nothing was changed.');
    else io.out(`Applied ${applied.join(', ')}.`);
    return exitCodes.ok;
  });
}
