/**
 * Compiles the program and the benches, so that the processes which are measured run what is run in production.
 * Invariant kept: two benches at one time do not share the folder. Does not touch `dist`.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

export interface CompiledBench {
  readonly folder: string;
  remove(): void;
}

/** Throws with what the compiler printed. */
export function compileBench(): CompiledBench {
  // Below the project, or the dependencies would not be found.
  const folder = `${root}.cache/bench-${process.pid}`;
  const args = [`${root}scripts/build.mjs`, `${root}bench/tsconfig.json`, folder];
  const built = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`The benches do not compile:\n${built.stdout}${built.stderr}`);
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
