/**
 * The frame of every command that needs the stores: configuration, connections, errors, exit code.
 */
import { openDeps, type OpenDeps } from '../app/open-deps.ts';
import { createLog } from '../app/log.ts';
import { sentencesOf } from '../app/log-sentences.ts';
import { loadConfig, type LoadedConfig } from '../config.ts';
import { exitCodeOfError, type ExitCode } from '../domain/exit-code.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import { assertMigrated } from '../postgres/migrate.ts';
import { validateSchedule } from '../schedule/cron.ts';
import type { CommandIo } from './io.ts';
import { printable } from '../app/text-table.ts';

/** The options that every command has. */
export interface CommonOptions {
  readonly config?: string;
  readonly json?: boolean;
}

export interface CommandFrame {
  readonly config: LoadedConfig;
  readonly deps: OpenDeps;
}

/** Prints an error in words, or as JSON, and returns its exit code. Programming errors are thrown on. */
export function reportError(error: unknown, io: CommandIo, json: boolean): ExitCode {
  const operating = io.signal.aborted
    ? new OperatingError('aborted', 'Stopped as asked; what was done before is kept.', { cause: error })
    : asOperatingError(error);
  const { code, message } = operating;
  if (json) io.err(JSON.stringify({ error: { code, message } }));
  else io.err(`error: ${message.split('\n').map(printable).join('\n')}`);
  return exitCodeOfError(code);
}

export async function readConfig(options: CommonOptions, io: CommandIo): Promise<LoadedConfig> {
  return loadConfig({
    ...(options.config === undefined ? {} : { path: options.config }),
    env: io.env,
    cwd: io.cwd,
    validateSchedule,
  });
}

/** Opens the stores, runs the command, closes the stores; errors become exit codes. */
export async function runCommand(
  options: CommonOptions,
  io: CommandIo,
  work: (frame: CommandFrame) => Promise<ExitCode>,
): Promise<ExitCode> {
  try {
    const config = await readConfig(options, io);
    const log = createLog({ level: 'warn', descriptor: 2, pretty: io.isTerminal });
    const deps = await openDeps(config, sentencesOf(log));
    try {
      return await work({ config, deps });
    } finally {
      await deps.close();
    }
  } catch (error) {
    return reportError(error, io, options.json === true);
  }
}

/** For commands that need the reconciler's tables and both Redis servers. */
export async function requireStores(deps: OpenDeps): Promise<void> {
  await assertMigrated(deps.pool);
  await deps.untilRedisReady();
}
