/**
 * One server as a child process: in a session of its own, its output in a file, ended by signals.
 * Invariant kept: Ctrl-C on the terminal does not reach it (the program decides the order in which things stop), and
 * it never keeps the program from exiting.
 * It does not know what it runs, and it does not clean up when the program is killed: that is the watchdog's part.
 */
import { spawn } from 'node:child_process';
import { open, readFile, rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

/** The account that a server runs under, when it is not the one of this program. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly user: ServerUser | null;
}

export interface ServerProcess {
  readonly pid: number;
  /** Null while it runs, else how it ended in words: `exit code 1`, `signal SIGKILL`. */
  ending(): string | null;
  signal(signal: NodeJS.Signals): void;
  /** Settles when it has ended, however that came about. */
  readonly ended: Promise<void>;
}

/** How much of the output is shown when something went wrong. */
const tailCharsMax = 2000;
const pollMs = 10;

/**
 * Starts `command` with its output in the file `logFile`, made anew. Resolves when the program really runs; rejects when
 * it cannot be executed.
 */
export async function spawnServer(command: Command, logFile: string): Promise<ServerProcess> {
  await rm(logFile, { force: true });
  const log = await open(logFile, 'a', 0o600);
  try {
    const child = spawn(command.file, command.args, {
      stdio: ['ignore', log.fd, log.fd],
      detached: true,
      cwd: '/',
      env: command.env,
      ...command.user,
    });
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) => reject(new Error(`${command.file} cannot be run: ${cause.message}`)));
    });
    child.unref();
    const { pid } = child;
    if (pid === undefined) throw new Error(`${command.file} was started without a process id`);
    return {
      pid,
      ended,
      ending: () => {
        if (child.signalCode !== null) return `signal ${child.signalCode}`;
        return child.exitCode === null ? null : `exit code ${child.exitCode}`;
      },
      signal: (signal) => void child.kill(signal),
    };
  } finally {
    await log.close();
  }
}

/**
 * Waits until `isReady` says so. Rejects with the end of the log when the server ends before, or when `timeoutMs` are
 * over; the server is left as it is.
 */
export async function waitUntilReady(options: {
  server: ServerProcess;
  what: string;
  logFile: string;
  timeoutMs: number;
  isReady: () => Promise<boolean>;
}): Promise<void> {
  const { server, what, logFile, timeoutMs, isReady } = options;
  const deadline = performance.now() + timeoutMs;
  while (!(await isReady())) {
    const ending = server.ending();
    if (ending !== null) throw new Error(`${what} ended with ${ending}: ${await readTail(logFile)}`);
    if (performance.now() > deadline) {
      throw new Error(`${what} was not ready after ${timeoutMs} ms: ${await readTail(logFile)}`);
    }
    await pause(pollMs);
  }
}

/** Asks the server to end with `signal`, and kills it when it has not ended after `graceMs`. */
export async function endServer(
  server: ServerProcess,
  signal: NodeJS.Signals,
  graceMs: number,
): Promise<void> {
  if (server.ending() !== null) return;
  server.signal(signal);
  server.signal('SIGCONT');
  const timer = setTimeout(() => server.signal('SIGKILL'), graceMs);
  await server.ended;
  clearTimeout(timer);
}

/** The last lines of a server's output, for a message to people. */
export async function readTail(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.trim() === '' ? '(it printed nothing)' : text.trim().slice(-tailCharsMax);
}
