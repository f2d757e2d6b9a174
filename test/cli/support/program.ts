/**
 * The program as a person calls it, inside the test process: arguments in; lines and exit code out.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { runProgram } from '../../../src/cli/program.ts';
import type { ExitCode } from '../../../src/domain/exit-code.ts';

export interface Ran {
  readonly code: ExitCode;
  /** Results, line by line; a printed text of several lines counts as several. */
  readonly out: readonly string[];
  readonly err: readonly string[];
  /** Lines of progress, each of which took the place of the one before. */
  readonly progress: readonly string[];
  /** The one line of output, parsed. Throws when there are more, or when it is no JSON. */
  readonly json: () => unknown;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  readonly isTerminal?: boolean;
}

export interface Program {
  /** A folder of this file's own, in which the program is called. */
  readonly folder: () => string;
  readonly write: (name: string, text: string) => Promise<string>;
  readonly run: (args: readonly string[], options?: RunOptions) => Promise<Ran>;
}

/** To be called once at the top of a test file. */
export function useProgram(): Program {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'reconciler-cli-'));
  });
  afterAll(async () => rm(folder, { recursive: true, force: true }));
  return {
    folder: () => folder,
    write: async (name, text) => {
      const path = join(folder, name);
      await writeFile(path, text);
      return path;
    },
    run: async (args, options = {}) => runIn(folder, args, options),
  };
}

async function runIn(
  cwd: string,
  args: readonly string[],
  { env = {}, signal = new AbortController().signal, isTerminal = false }: RunOptions,
): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const progress: string[] = [];
  const io = {
    env,
    cwd,
    person: 'tester@here',
    isTerminal,
    out: (text: string) => void out.push(...text.split('\n')),
    err: (text: string) => void err.push(...text.split('\n')),
    progress: (line: string) => void progress.push(line),
    signal,
  };
  const code = await runProgram(args, io, '1.2.3');
  return {
    code,
    out,
    err,
    progress,
    json: () => {
      if (out.length !== 1) throw new Error(`expected one line, got ${out.length}:\n${out.join('\n')}`);
      const value: unknown = JSON.parse(out[0] ?? '');
      return value;
    },
  };
}
