/**
 * The library entry `claim-reconciler/daemon`: what `claim-reconciler start` runs, inside a process of one's own.
 * It listens for no signals and never ends the process: both are the caller's.
 */
import { startDaemon as start, type Daemon } from '../app/daemon.ts';
import { createLog, type Logger } from '../app/log.ts';
import { loadConfig, readEnvironment } from '../config.ts';

export { OperatingError, type OperatingErrorCode } from '../domain/operating-error.ts';
export type { Daemon } from '../app/daemon.ts';

export interface DaemonOptions {
  /** The configuration file; unless given RECONCILER_CONFIG, or `reconciler.config.yaml` in the working directory. */
  readonly config?: string;
  /** What `${NAME}` in the configuration and DATABASE_URL, REDIS_URL are taken from; the process's own unless given. */
  readonly env?: NodeJS.ProcessEnv;
  /** Aborts when the daemon is to stop. It finishes or abandons between batches, and gives its leases back. */
  readonly signal: AbortSignal;
  /** A pino logger; unless given, lines of JSON on standard output at the level of the configuration. */
  readonly logger?: Logger;
}

/**
 * Resolves when the daemon works; await `stopped` after the signal, before the process ends. While a store cannot be
 * reached it goes on trying. Throws OperatingError, with nothing left open: `configuration` or `not_ready` with all problems.
 */
export async function startDaemon({ config, env, signal, logger }: DaemonOptions): Promise<Daemon> {
  const loaded = await loadConfig({ path: config, env: env ?? readEnvironment(), cwd: process.cwd() });
  const log = logger ?? createLog({ level: loaded.log.level, descriptor: 1, pretty: false });
  for (const warning of loaded.warnings) log.warn(warning);
  return start(loaded, log, signal);
}
