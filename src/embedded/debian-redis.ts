/**
 * Redis out of its Debian package, fetched into a cache folder: nothing is installed and no root is needed.
 * Invariant kept: the cache holds only what was fetched completely and ran; everything is made in a folder of its own
 * and renamed into place, so that neither a failed download nor two at once can spoil it.
 */
import { access, constants, mkdir, mkdtemp, readFile, readdir, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { isProgram } from './machine-binaries.ts';
import { runCommand } from './run-command.ts';
import { removeFolder } from './server-folder.ts';
import { startWatchdog } from './watchdog.ts';

/** A Redis server and the environment that it needs to find its libraries. */
export interface RedisBinaries {
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
}

const fetchTimeoutMs = 300_000;

/** What an earlier run has fetched, or null. */
export async function findCachedRedis(env: NodeJS.ProcessEnv): Promise<RedisBinaries | null> {
  return describeTree(join(cacheFolder(env), await cacheName()));
}

/**
 * Fetches Redis. What is in the cache already is replaced: this is called when that does not work. Without a cache
 * folder that can be written to, `spare` takes it. Null where there is no apt.
 */
export async function fetchDebianRedis(
  env: NodeJS.ProcessEnv,
  spare: string,
  say: (line: string) => void,
): Promise<RedisBinaries | null> {
  if (!(await isProgram('/usr/bin/apt-get')) || !(await isProgram('/usr/bin/dpkg'))) return null;
  const cache = await makeWritable(cacheFolder(env), spare);
  const work = await mkdtemp(join(cache, 'fetching-'));
  const watchdog = startWatchdog([work]);
  say(`No usable Redis server found: fetching the Debian package into ${cache} (nothing is installed).`);
  try {
    const tree = join(work, 'tree');
    await download(env, work, tree);
    const binaries = await describeTree(tree);
    if (binaries === null) throw new Error('The Debian packages do not hold /usr/bin/redis-server');
    await runCommand(binaries.file, ['--version'], {
      env: { ...env, ...binaries.env },
      timeoutMs: fetchTimeoutMs,
    });
    return await describeTree(await putInPlace(tree, join(cache, await cacheName()), work));
  } finally {
    await removeFolder(work);
    watchdog.release();
  }
}

/** Another program may do the same at this moment: then its tree is as good as ours. */
async function putInPlace(tree: string, place: string, work: string): Promise<string> {
  await rename(place, join(work, 'old')).catch(() => undefined);
  await rename(tree, place).catch(async (error: unknown) => {
    if ((await describeTree(place)) === null) throw error;
  });
  return place;
}

async function download(env: NodeJS.ProcessEnv, work: string, tree: string): Promise<void> {
  const packages = join(work, 'cache', 'archives');
  for (const folder of [tree, join(packages, 'partial'), join(work, 'state', 'lists', 'partial')]) {
    await mkdir(folder, { recursive: true });
  }
  const options = {
    env: { ...env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
    timeoutMs: fetchTimeoutMs,
  };
  const run = (...args: string[]): Promise<string> =>
    runCommand('/usr/bin/apt-get', [...aptSettings(work), ...args], { ...options, cwd: packages });
  // A hook of the system that needs root makes `update` fail although the lists are there: `download` is the judge.
  const updated = await run('update').then(
    () => null,
    (error: unknown) => error,
  );
  await run('download', 'redis-server', 'redis-tools', ...(await listMissingLibraries(run))).catch(
    (error: unknown) => {
      throw updated instanceof Error ? new Error(`${String(error)}\n${updated.message}`) : error;
    },
  );
  for (const name of (await readdir(packages)).filter((name) => name.endsWith('.deb'))) {
    await runCommand('/usr/bin/dpkg', ['-x', join(packages, name), tree], options);
  }
}

/** The libraries that a real installation would bring along. A system that apt cannot plan for is taken as complete. */
async function listMissingLibraries(run: (...args: string[]) => Promise<string>): Promise<string[]> {
  const plan = await run('-s', 'install', '--no-install-recommends', 'redis-server').catch(() => '');
  return [...plan.matchAll(/^Inst (lib\S+)/gm)].flatMap((match) => match[1] ?? []);
}

/** apt with its state in `work`; sources, keys and proxies are those of the system. */
function aptSettings(work: string): string[] {
  const settings = [
    `Dir::State=${join(work, 'state')}`,
    'Dir::State::status=/var/lib/dpkg/status',
    `Dir::Cache=${join(work, 'cache')}`,
    'APT::Sandbox::User=',
    'Debug::NoLocking=true',
    'Acquire::Languages=none',
    'Acquire::Retries=2',
    // Without lists there is nothing to download: the reason is worth to be known.
    'APT::Update::Error-Mode=any',
    'Acquire::http::Timeout=30',
    'Acquire::https::Timeout=30',
  ];
  return ['-q', '-y', ...settings.flatMap((setting) => ['-o', setting])];
}

async function describeTree(tree: string): Promise<RedisBinaries | null> {
  const file = join(tree, 'usr', 'bin', 'redis-server');
  if (!(await isProgram(file))) return null;
  const folders: string[] = [];
  for (const parent of [join(tree, 'usr', 'lib'), join(tree, 'lib')]) {
    const names = await readdir(parent).catch(() => []);
    folders.push(...names.filter((name) => name.includes('-linux-')).map((name) => join(parent, name)));
  }
  return { file, env: { LD_LIBRARY_PATH: folders.join(':') } };
}

function cacheFolder(env: NodeJS.ProcessEnv): string {
  const wanted = env['XDG_CACHE_HOME'] ?? '';
  const base = isAbsolute(wanted) ? wanted : join(env['HOME'] ?? homedir(), '.cache');
  return join(base, 'claim-reconciler');
}

/** Libraries fit one release of one distribution on one kind of machine. */
async function cacheName(): Promise<string> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const field = (name: string): string =>
    new RegExp(`^${name}="?([\\w.-]+)`, 'm').exec(release)?.[1] ?? 'unknown';
  return `redis-${field('ID')}-${field('VERSION_ID')}-${process.arch}`;
}

async function makeWritable(folder: string, spare: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, constants.W_OK);
    return folder;
  } catch {
    await mkdir(spare, { recursive: true });
    return spare;
  }
}
