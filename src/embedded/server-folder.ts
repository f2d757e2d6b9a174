/**
 * The folder of one server (data, log, password), and the account it runs under.
 * Invariant kept: PostgreSQL, which refuses to run as root, gets another account and a folder that this account can
 * reach; everybody else is kept out of the data.
 */
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ServerUser } from './server-process.ts';

/** Made for each server; removed with it. */
export async function makeServerFolder(): Promise<string> {
  const parent = !isRoot() || (await isReachableByOthers(tmpdir())) ? tmpdir() : '/tmp';
  const folder = await mkdtemp(join(parent, 'claim-reconciler-'));
  if (isRoot()) await chmod(folder, 0o711);
  return folder;
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** Null: this program's own account will do. Rejects when root finds no account to change to. */
export async function findServerUser(): Promise<ServerUser | null> {
  if (!isRoot()) return null;
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const account = accounts.find((fields) => fields[0] === name);
    if (account !== undefined) return { uid: Number(account[2]), gid: Number(account[3]) };
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody');
}

/** Whether every folder down to `path` may be entered by any account. */
export async function isReachableByOthers(path: string): Promise<boolean> {
  const { mode } = await stat(path);
  if ((mode & 0o001) === 0) return false;
  const parent = dirname(path);
  return parent === path || isReachableByOthers(parent);
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
