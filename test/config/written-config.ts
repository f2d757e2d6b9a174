/**
 * Writes configuration files for the tests and loads them, in a folder of their own.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { loadConfig, type LoadedConfig, type LoadOptions } from '../../src/config.ts';
import { OperatingError } from '../../src/domain/operating-error.ts';

/** The smallest file that will do, but for the sources. */
export const stores = `
database: { url: postgres://app:pg-secret@127.0.0.1:5432/claims }
markerRedis: { url: redis://:redis-secret@127.0.0.1:6379/0 }
`;

/** The smallest source that will do. */
export const gifts = `
  gifts:
    table: gift_claim
    columns: { id: id, attempt: attempt_id, status: status, expiresAt: expires_at }
    marker: { key: 'gift:{uid}', value: '{attempt_id}' }
    statuses: { granted: granted }
    mode: observe
`;

export const smallest = `${stores}sources:${gifts}`;

type Rest = Partial<Omit<LoadOptions, 'cwd'>>;

export interface WrittenConfig {
  readonly folder: () => string;
  readonly write: (name: string, text: string) => Promise<string>;
  /** Loads a file with this text. */
  readonly load: (text: string, rest?: Rest) => Promise<LoadedConfig>;
  /** What is said when a file with this text is loaded: the head line, and one for each problem. */
  readonly complaints: (text: string, rest?: Rest) => Promise<{ head: string; lines: readonly string[] }>;
}

/** To be called once at the top of a test file. */
export function useFolder(): WrittenConfig {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'reconciler-config-'));
  });
  afterAll(async () => rm(folder, { recursive: true, force: true }));
  const write = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, text);
    return path;
  };
  const load = async (text: string, rest: Rest = {}): Promise<LoadedConfig> =>
    loadConfig({ path: await write('written.yaml', text), env: {}, cwd: folder, ...rest });
  return {
    folder: () => folder,
    write,
    load,
    complaints: async (text, rest) => {
      const [head = '', ...lines] = (await complaintOf(load(text, rest))).split('\n');
      return { head, lines: lines.map((line) => line.replace(/^ {2}- /, '')) };
    },
  };
}

/** The message of the configuration error that `loading` must end in. */
export async function complaintOf(loading: Promise<unknown>): Promise<string> {
  try {
    await loading;
  } catch (error) {
    if (error instanceof OperatingError && error.code === 'configuration') return error.message;
    throw error;
  }
  throw new Error('the configuration was taken');
}
