/**
 * Finds servers that are installed on this machine.
 * It only looks; whether what it finds works is seen by starting it.
 * CLAIM_RECONCILER_BINARIES=bundled makes it find nothing, so that the path of a bare machine can be tried on any.
 */
import { constants } from 'node:fs';
import { access, readdir, realpath, stat } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join } from 'node:path';

/** Folders that hold servers although they are often not on PATH. */
const moreFolders = ['/usr/local/bin', '/usr/bin', '/usr/sbin', '/opt/homebrew/bin'];

/** Folders with one sub-folder per version of PostgreSQL, and where the programs are in it. */
const versionFolders = [
  { parent: '/usr/lib/postgresql', name: /^\d+$/ },
  { parent: '/usr', name: /^pgsql-\d+$/ },
  { parent: '/opt/homebrew/opt', name: /^postgresql@\d+$/ },
  { parent: '/usr/local/opt', name: /^postgresql@\d+$/ },
];

/** Whether the environment asks to ignore what the machine has. */
function wantsBundledOnly(env: NodeJS.ProcessEnv): boolean {
  return env['CLAIM_RECONCILER_BINARIES'] === 'bundled';
}

/** Redis or Valkey, as paths of programs, the likeliest first. */
export async function findRedisServers(env: NodeJS.ProcessEnv): Promise<string[]> {
  if (wantsBundledOnly(env)) return [];
  const found: string[] = [];
  for (const name of ['redis-server', 'valkey-server']) {
    for (const folder of searchFolders(env)) {
      if (await isProgram(join(folder, name))) found.push(join(folder, name));
    }
  }
  return found;
}

/** Folders that hold both `initdb` and `postgres`: those on PATH first, then by version, the newest first. */
export async function findPostgresFolders(env: NodeJS.ProcessEnv): Promise<string[]> {
  if (wantsBundledOnly(env)) return [];
  const found = new Set<string>();
  for (const folder of [...searchFolders(env), ...(await listVersionFolders())]) {
    if (!(await isProgram(join(folder, 'initdb')))) continue;
    const real = dirname(await realpath(join(folder, 'initdb')));
    if (await isProgram(join(real, 'postgres'))) found.add(real);
  }
  return [...found];
}

export async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

function searchFolders(env: NodeJS.ProcessEnv): string[] {
  const onPath = (env['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  return [...new Set([...onPath, ...moreFolders])];
}

async function listVersionFolders(): Promise<string[]> {
  const folders: { version: number; path: string }[] = [];
  for (const { parent, name } of versionFolders) {
    const entries = await readdir(parent).catch(() => []);
    for (const entry of entries.filter((entry) => name.test(entry))) {
      folders.push({ version: Number(/\d+$/.exec(entry)?.[0]), path: join(parent, entry, 'bin') });
    }
  }
  return folders.sort((a, b) => b.version - a.version).map(({ path }) => path);
}
