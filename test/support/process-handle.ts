/**
 * A second Node process under the hand of a test: started, watched by its lines, frozen, killed.
 * Invariant kept: none outlives its test file, not even when the test process itself is killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll } from 'vitest';
import { startWatchdog, type Watchdog } from '../../src/embedded/watchdog.ts';
import { waitFor } from './wait-for.ts';

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ProcessHandle {
  readonly pid: number;
  /** Everything printed so far, both streams together as they came. */
  output(): string;
  /** The complete lines of it. */
  lines(): string[];
  /** The first line (of the past, too) that holds or matches `pattern`. Fails at once when the process ends without. */
  waitForLine(pattern: string | RegExp, options?: { timeoutMs?: number }): Promise<string>;
  /** Waits for its end. After `timeoutMs` (20 s by default) it fails; the process is killed with the test file. */
  waitForEnd(options?: { timeoutMs?: number }): Promise<Ending>;
  /** SIGSTOP (frozen), SIGCONT, SIGTERM, ... Nothing when it has ended. */
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL, and waits until it is dead. */
  kill(): Promise<void>;
  /** A line on its standard input. */
  write(line: string): void;
}

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const alive = new Set<ProcessHandle>();

afterAll(async () => {
  await Promise.all([...alive].map(async (handle) => handle.kill()));
});

/** For processes whose wall clock is to be off. */
const shiftedClock = new URL('./shifted-clock.ts', import.meta.url).href;

/**
 * Runs the TypeScript or JavaScript file `script` (a path from the project's root) with Node. `env` is added to the
 * environment; undefined takes a variable away. Its wall clock is off by `clockOffsetMs`.
 */
export function startProcess(
  script: string,
  options: { args?: readonly string[]; env?: NodeJS.ProcessEnv; cwd?: string; clockOffsetMs?: number } = {},
): ProcessHandle {
  const { args = [], env = {}, cwd = process.cwd(), clockOffsetMs = 0 } = options;
  const clock = clockOffsetMs === 0 ? [] : ['--import', shiftedClock];
  const child = spawn(process.execPath, ['--import', tsx, ...clock, resolve(script), ...args], {
    cwd,
    env: { ...withoutTestRunner(process.env), CLOCK_OFFSET_MS: String(clockOffsetMs), ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const watchdog = startWatchdog([]);
  watchdog.guard(child.pid ?? null);
  return watch(child, watchdog, script);
}

function watch(child: ChildProcess, watchdog: Watchdog, script: string): ProcessHandle {
  let output = '';
  let ending: Ending | null = null;
  const ended = new Promise<void>((resolve) => {
    // Not `exit`: only at `close` has all output arrived.
    child.once('close', (code, signal) => {
      ending = { code, signal };
      watchdog.guard(null);
      watchdog.release();
      alive.delete(handle);
      resolve();
    });
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  child.on('error', (error) => (output += `${error.message}\n`));
  child.stdin?.on('error', () => undefined);
  const lines = (): string[] => output.split('\n').slice(0, -1);
  const handle: ProcessHandle = {
    pid: child.pid ?? 0,
    output: () => output,
    lines,
    waitForLine: async (pattern, { timeoutMs = 20_000 } = {}) => {
      const find = (): string | undefined => lines().find((line) => matches(line, pattern));
      await waitFor(() => find() !== undefined || ending !== null, {
        what: `a line ${String(pattern)} of ${script}, which printed:\n${output}`,
        timeoutMs,
      });
      const line = find();
      if (line === undefined)
        throw new Error(`${script} ended without a line ${String(pattern)}:\n${output}`);
      return line;
    },
    waitForEnd: async ({ timeoutMs = 20_000 } = {}) =>
      waitFor(() => ending, { what: `the end of ${script}`, timeoutMs }),
    signal: (signal) => void child.kill(signal),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
    write: (line) => void child.stdin?.write(`${line}\n`),
  };
  alive.add(handle);
  return handle;
}

function matches(line: string, pattern: string | RegExp): boolean {
  return typeof pattern === 'string' ? line.includes(pattern) : pattern.test(line);
}

/** A program must not behave differently because a test started it. */
function withoutTestRunner(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('VITEST') && name !== 'NODE_ENV');
  return Object.fromEntries(kept);
}
