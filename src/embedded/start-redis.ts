/**
 * Starts a Redis server on the loopback address: from this machine, else from the cache, else from its Debian package.
 * Invariant kept: a server counts as started only when the one that answers on the port is the process started here.
 * It keeps nothing on disk unless asked to by a setting, and has no password: it is for demonstrations and tests.
 */
import { connect } from 'node:net';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchDebianRedis, findCachedRedis, type RedisBinaries } from './debian-redis.ts';
import { type BinarySource, startFirstWorking } from './first-working.ts';
import { findRedisServers } from './machine-binaries.ts';
import {
  listSettings,
  type RunningServer,
  runServer,
  type ServerOptions,
  withServerFolder,
} from './running-server.ts';
import { endServer, type ServerProcess, spawnServer, waitUntilReady } from './server-process.ts';
import type { Watchdog } from './watchdog.ts';

const startTimeoutMs = 30_000;
const probeTimeoutMs = 1000;

const defaultSettings = {
  save: '',
  appendonly: 'no',
  'maxmemory-policy': 'noeviction',
  // Tests take a database each.
  databases: '64',
};

const advice =
  'Set REDIS_URL, or install Redis 7 or later: `apt install redis-server`, `dnf install valkey`, ' +
  '`brew install redis`, or `docker run -p 6379:6379 redis:7`.';

/** Resolves when the server answers. Its url names database 0. */
export async function startRedis(options: ServerOptions): Promise<RunningServer> {
  const { env, say = () => undefined } = options;
  return withServerFolder(options, async (folder, watchdog) => {
    await mkdir(join(folder, 'data'), { recursive: true });
    return startFirstWorking({
      what: 'Redis',
      sources: await listSources(env, join(folder, 'redis'), say),
      start: async (binaries, origin) =>
        runServer({
          folder,
          ownsFolder: options.folder === undefined,
          port: options.port,
          origin,
          urlFor: (port) => `redis://127.0.0.1:${port}/0`,
          stopSignal: 'SIGTERM',
          watchdog,
          launch: async (port) => launch(options, folder, binaries, port, watchdog),
        }),
      say,
      advice,
    });
  });
}

async function listSources(
  env: NodeJS.ProcessEnv,
  spare: string,
  say: (line: string) => void,
): Promise<BinarySource<RedisBinaries>[]> {
  const installed = await findRedisServers(env);
  return [
    ...installed.map((file) => ({ origin: file, find: async () => ({ file, env: {} }) })),
    { origin: 'Debian package (cached)', find: async () => findCachedRedis(env) },
    { origin: 'Debian package', find: async () => fetchDebianRedis(env, spare, say) },
  ];
}

async function launch(
  options: ServerOptions,
  folder: string,
  binaries: RedisBinaries,
  port: number,
  watchdog: Watchdog,
): Promise<ServerProcess> {
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir: join(folder, 'data'),
    ...defaultSettings,
    ...options.settings,
  };
  const args = listSettings(settings, (name, words) => [`--${name}`, ...words]);
  const logFile = join(folder, 'redis.log');
  const env = { ...options.env, TZ: 'UTC', ...binaries.env };
  const server = await spawnServer({ file: binaries.file, args, env, user: null }, logFile);
  watchdog.guard(server.pid);
  try {
    await waitUntilReady({
      server,
      what: 'redis-server',
      logFile,
      timeoutMs: startTimeoutMs,
      isReady: async () => (await readProcessId(port)) === server.pid,
    });
    return server;
  } catch (error) {
    await endServer(server, 'SIGKILL', 0);
    watchdog.guard(null);
    throw error;
  }
}

/** The process id of the Redis on this port, null when none answers (or only one that wants a password). */
async function readProcessId(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    let reply = '';
    const socket = connect(port, '127.0.0.1', () => socket.write('INFO server\r\n'));
    const settle = (pid: number | null): void => {
      socket.destroy();
      resolve(pid);
    };
    socket.setTimeout(probeTimeoutMs, () => settle(null));
    socket.on('error', () => settle(null));
    socket.on('close', () => settle(null));
    socket.on('data', (chunk) => {
      reply += chunk.toString('latin1');
      const pid = /process_id:(\d+)\r/.exec(reply)?.[1];
      if (pid !== undefined || reply.startsWith('-')) settle(pid === undefined ? null : Number(pid));
    });
  });
}
