/**
 * `start`: the daemon, until it is asked to stop.
 */
import { startDaemon } from '../../app/daemon.ts';
import { createLog } from '../../app/log.ts';
import { exitCodes, type ExitCode } from '../../domain/exit-code.ts';
import type { CommandIo } from '../io.ts';
import { readConfig, reportError, type CommonOptions } from '../run-command.ts';

export async function runStart(options: CommonOptions, io: CommandIo): Promise<ExitCode> {
  try {
    const config = await readConfig(options, io);
    const log = createLog({ level: config.log.level, descriptor: 1, pretty: io.isTerminal });
    const daemon = await startDaemon(config, log, io.signal);
    return (await daemon.stopped) ? exitCodes.ok : exitCodes.operatingError;
  } catch (error) {
    if (io.signal.aborted) return exitCodes.ok;
    return reportError(error, io, options.json === true);
  }
}
