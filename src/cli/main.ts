#!/usr/bin/env node
/**
 * The entry point: the only place that listens to signals and ends the process.
 * Invariants kept: the first signal asks everything to stop, the second one, or a stop that takes too long, ends it; a
 * crash shows no secret.
 */
import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { readEnvironment } from '../config.ts';
import { exitCodes } from '../domain/exit-code.ts';
import { describeCrash } from './crash.ts';
import { runProgram } from './program.ts';

/** What a stop may take before the process ends by force: within the 30 s that container platforms give. */
const stopWithinMs = 25_000;

/** Runners such as npm and tsx pass on the Ctrl-C that the terminal has sent to everybody already. */
const sameSignalMs = 1_000;

/** For output that is still on its way. */
const lingerMs = 1_000;

const stop = new AbortController();
let askedAtMs = Number.POSITIVE_INFINITY;
const stopAsked = (signal: NodeJS.Signals): void => {
  if (performance.now() - askedAtMs > sameSignalMs) process.exit(130);
  if (stop.signal.aborted) return;
  askedAtMs = performance.now();
  stop.abort(new Error(`${signal} received`));
  setTimeout(() => process.exit(1), stopWithinMs).unref();
};
// Node's own words would show every property of the error, and with them secrets.
process.on('uncaughtException', (error) => {
  process.stderr.write(`${describeCrash(error)}\n`);
  process.exit(exitCodes.operatingError);
});
process.on('SIGINT', stopAsked);
process.on('SIGTERM', stopAsked);
// A reader that goes away (`| head`) is no reason to fail.
process.stdout.on('error', () => undefined);

const code = await runProgram(
  process.argv.slice(2),
  {
    env: readEnvironment(),
    cwd: process.cwd(),
    person: `${nameOfUser()}@${hostname()}`,
    isTerminal: process.stdout.isTTY,
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    progress: showProgress,
    signal: stop.signal,
  },
  readVersion(),
);
process.exitCode = code;
// A server that hangs keeps its sockets open, and with them the process: everything of ours has ended by now.
setTimeout(() => process.exit(code), lingerMs).unref();

/** Cut to the width: a line that wraps could not be taken back. */
function showProgress(line: string): void {
  const { isTTY, columns } = process.stderr;
  if (isTTY) process.stderr.write(`\r\u001b[K${line.slice(0, columns - 1)}`);
}

/** Some containers run under a user id without a name. */
function nameOfUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? '?'}`;
  }
}

/** The package file lies two folders up from the sources, three from what is built. */
function readVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const { version }: { version?: string } = JSON.parse(
        readFileSync(new URL(path, import.meta.url), 'utf8'),
      );
      if (version !== undefined) return version;
    } catch {
      continue;
    }
  }
  return 'unknown';
}
