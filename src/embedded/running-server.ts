/**
 * The life of one server from its folder to its end, the same for PostgreSQL and Redis: start on a free port (again,
 * when another takes it first), stop, kill, restart on the same port with the same data.
 * Invariant kept: at any moment the watchdog knows the process that runs, and a folder that was made here is removed
 * at the end.
 */
import { findFreePort, isPortTaken } from './free-port.ts';
import { makeServerFolder, removeFolder } from './server-folder.ts';
import { endServer, type ServerProcess } from './server-process.ts';
import { startWatchdog, type Watchdog } from './watchdog.ts';

/** A server of one's own, for demonstrations and tests. */
export interface RunningServer {
  readonly url: string;
  readonly port: number;
  /** Where its binaries are from, in words. */
  readonly origin: string;
  /** Data, log and password. Pass it on to start another server on the same data. */
  readonly folder: string;
  /** Of the process that runs, or ran last. */
  pid(): number;
  /** Sends a signal (SIGSTOP, SIGCONT, ...) to the process. */
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL; resolves when it is dead. The data stay until `stop`. */
  kill(): Promise<void>;
  /** Stops it in order if it runs, then starts it with the same port, settings and data. */
  restart(): Promise<void>;
  /** Stops it in order and removes its folder, unless the caller named the folder. Safe to call twice. */
  stop(): Promise<void>;
}

/** Options of every server. */
export interface ServerOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly say?: (line: string) => void;
  /** More settings of the server by name; a list where a setting takes several words. */
  readonly settings?: Readonly<Record<string, string | readonly string[]>>;
  /** A free port, if not given. */
  readonly port?: number;
  /** The folder of a server that was stopped or killed, to go on with its data. It is not removed here. */
  readonly folder?: string;
}

const portTriesMax = 5;
/** How long a server may take to stop in order before it is killed. */
const stopGraceMs = 10_000;

/**
 * Gives `use` the folder of a server, made here unless it is given, and a watchdog over it. When `use` fails, both are
 * cleared away.
 */
export async function withServerFolder(
  options: ServerOptions,
  use: (folder: string, watchdog: Watchdog) => Promise<RunningServer>,
): Promise<RunningServer> {
  // Told apart from programs that do not work, so that others are not tried (and fetched) in vain.
  if (options.port !== undefined) await findFreePort(options.port);
  const folder = options.folder ?? (await makeServerFolder());
  const own = options.folder === undefined ? [folder] : [];
  const watchdog = startWatchdog(own);
  try {
    return await use(folder, watchdog);
  } catch (error) {
    for (const made of own) await removeFolder(made);
    watchdog.release();
    throw error;
  }
}

/**
 * Runs `launch`, which starts the server on a port and resolves when it answers, and wraps the result.
 * Rejects, with nothing left running, when it cannot be started.
 */
export async function runServer(options: {
  folder: string;
  ownsFolder: boolean;
  port: number | undefined;
  origin: string;
  urlFor: (port: number) => string;
  stopSignal: NodeJS.Signals;
  watchdog: Watchdog;
  launch: (port: number) => Promise<ServerProcess>;
}): Promise<RunningServer> {
  const { folder, ownsFolder, origin, urlFor, stopSignal, watchdog, launch } = options;
  const started = await launchOnPort(options.port, launch);
  const { port } = started;
  let { server } = started;
  let stopping: Promise<void> | null = null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    await endServer(server, signal, stopGraceMs);
    watchdog.guard(null);
  };
  const stop = async (): Promise<void> => {
    await end(stopSignal);
    if (ownsFolder) await removeFolder(folder);
    watchdog.release();
  };
  return {
    url: urlFor(port),
    port,
    origin,
    folder,
    pid: () => server.pid,
    signal: (signal) => server.signal(signal),
    kill: async () => end('SIGKILL'),
    restart: async () => {
      await end(stopSignal);
      server = await launch(port);
    },
    stop: async () => (stopping ??= stop()),
  };
}

async function launchOnPort(
  wanted: number | undefined,
  launch: (port: number) => Promise<ServerProcess>,
): Promise<{ port: number; server: ServerProcess }> {
  for (let tries = 1; ; tries += 1) {
    const port = wanted ?? (await findFreePort());
    try {
      return { port, server: await launch(port) };
    } catch (error) {
      if (wanted !== undefined || !isPortTaken(error) || tries === portTriesMax) throw error;
    }
  }
}

/** Settings as arguments: `toArgs` gets the name and the words of one. */
export function listSettings(
  settings: Readonly<Record<string, string | readonly string[]>>,
  toArgs: (name: string, words: readonly string[]) => string[],
): string[] {
  return Object.entries(settings).flatMap(([name, value]) =>
    toArgs(name, typeof value === 'string' ? [value] : value),
  );
}
