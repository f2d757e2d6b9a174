/**
 * A small shell process that outlives this program for a moment: when the program is gone, however it ended, it stops
 * the server it was told of and removes the folders.
 * Invariant kept: it is there before the server is, so no kill at any moment leaves a server or its data behind.
 * It guards one server: the last process id it was told of.
 */
import { spawn } from 'node:child_process';

export interface Watchdog {
  /** Names the process to stop from now on, or none. */
  guard(pid: number | null): void;
  /** Ends it. The folders are removed, the guarded server (if any) is stopped. */
  release(): void;
}

/**
 * Standard input is a pipe from the program. It closes when the program ends, and only then does the loop end.
 * The folders are removed twice when the first time fails: a dying server may still write into them.
 */
const script = `
trap '' HUP INT TERM
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
  kill -INT "$pid" 2>/dev/null
  kill -CONT "$pid" 2>/dev/null
  tries=0
  while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -KILL "$pid" 2>/dev/null
fi
[ $# -eq 0 ] || rm -rf -- "$@" 2>/dev/null || { sleep 1; rm -rf -- "$@"; }
`;

/** Starts a watchdog that will remove `folders` when this program ends. */
export function startWatchdog(folders: readonly string[]): Watchdog {
  const child = spawn('/bin/sh', ['-c', script, 'claim-reconciler-watchdog', ...folders], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
  });
  // Without a shell, or after someone killed it, there is no safety net: the program itself goes on as before.
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  child.unref();
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref();
  return {
    guard: (pid) => void child.stdin.write(`${pid ?? ''}\n`),
    release: () => void child.stdin.end(),
  };
}
