/**
 * A primary with replicas and three Sentinels that watch it, all real servers.
 * Invariant kept: it is used only once every Sentinel knows the others and every replica; whatever is promoted later, `stop`
 * ends all of them.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findCachedRedis } from '../../src/embedded/debian-redis.ts';
import { findFreePort } from '../../src/embedded/free-port.ts';
import { findRedisServers } from '../../src/embedded/machine-binaries.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { makeServerFolder, removeFolder } from '../../src/embedded/server-folder.ts';
import { endServer, spawnServer, waitUntilReady } from '../../src/embedded/server-process.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { startWatchdog } from '../../src/embedded/watchdog.ts';
import { endRedis } from '../../src/redis/connect.ts';
import { strictTo } from './strict-redis.ts';
import { waitFor } from './wait-for.ts';

/** What the Sentinels call the primary. */
export const primaryName = 'the-markers';

export interface TestSentinels {
  /** `redis+sentinel://` with all Sentinels; database 0. */
  readonly url: string;
  readonly ports: readonly number[];
  readonly primary: RunningServer;
  readonly replica: RunningServer;
  stop(): Promise<void>;
}

interface SentinelSettings {
  /** Of the Sentinels themselves. */
  readonly password?: string;
  /** After how long without an answer a server counts as down. */
  readonly downAfterMs?: number;
  /** More lines of its configuration. */
  readonly lines?: readonly string[];
}

interface Sentinel {
  readonly port: number;
  stop(): Promise<void>;
}

export async function startSentinels(settings: SentinelSettings = {}): Promise<TestSentinels> {
  const primary = await startRedis({ env: process.env, settings: { 'repl-diskless-sync-delay': '0' } });
  const replica = await startRedis({
    env: process.env,
    settings: { replicaof: ['127.0.0.1', String(primary.port)], 'repl-diskless-sync-delay': '0' },
  });
  const sentinels = await Promise.all([1, 2, 3].map(async () => startSentinel(primary.port, settings)));
  for (const { port } of sentinels) await untilComplete(port, settings);
  const ports = sentinels.map(({ port }) => port);
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');
  return {
    url: `redis+sentinel://${hosts}/${primaryName}/0`,
    ports,
    primary,
    replica,
    stop: async () => {
      await Promise.all([...sentinels, primary, replica].map(async (server) => server.stop()));
    },
  };
}

/** One that takes the server on this port for the primary. */
export async function startSentinel(
  primaryPort: number,
  { password, downAfterMs = 1_000, lines: more = [] }: SentinelSettings = {},
): Promise<Sentinel> {
  const folder = await makeServerFolder();
  const watchdog = startWatchdog([folder]);
  const port = await findFreePort();
  // It rewrites this file, and does not start without one.
  const file = join(folder, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor ${primaryName} 127.0.0.1 ${primaryPort} 2`,
    `sentinel down-after-milliseconds ${primaryName} ${downAfterMs}`,
    `sentinel failover-timeout ${primaryName} 5000`,
    ...(password === undefined ? [] : [`requirepass ${password}`, `sentinel sentinel-pass ${password}`]),
    ...more,
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const [installed] = await findRedisServers(process.env);
  const binaries =
    installed === undefined ? await findCachedRedis(process.env) : { file: installed, env: {} };
  if (binaries === null) throw new Error('there is no redis-server, though one was started just now');
  const logFile = join(folder, 'sentinel.log');
  const env = { ...process.env, ...binaries.env };
  const server = await spawnServer(
    { file: binaries.file, args: [file, '--sentinel'], env, user: null },
    logFile,
  );
  watchdog.guard(server.pid);
  await waitUntilReady({
    server,
    what: 'a Sentinel',
    logFile,
    timeoutMs: 20_000,
    isReady: async () =>
      findFreePort(port).then(
        () => false,
        () => true,
      ),
  });
  return {
    port,
    stop: async () => {
      await endServer(server, 'SIGTERM', 5_000);
      watchdog.guard(null);
      await removeFolder(folder);
      watchdog.release();
    },
  };
}

/** Two of three must agree on a failover, and each must know whom to promote. */
async function untilComplete(port: number, { password = '' }: SentinelSettings): Promise<void> {
  const admin = await strictTo(`redis://:${password}@127.0.0.1:${port}`);
  await waitFor(
    async () => {
      const answer: unknown = await admin.call('SENTINEL', 'master', primaryName);
      const fields = Array.isArray(answer) ? answer.map(String) : [];
      const field = (name: string): string => fields[fields.indexOf(name) + 1] ?? '';
      return (
        field('num-slaves') === '1' && field('num-other-sentinels') === '2' && field('flags') === 'master'
      );
    },
    { what: 'a Sentinel to know the others and the replica' },
  );
  await endRedis(admin, 1_000);
}
