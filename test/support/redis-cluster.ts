/**
 * A Redis Cluster of real servers, for what a single server cannot show: keys in different slots, on different servers.
 * Invariant kept: it is used only once every server knows that every slot has one.
 */
import { Cluster, type Redis } from 'ioredis';
import { findFreePort } from '../../src/embedded/free-port.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { endRedis } from '../../src/redis/connect.ts';
import { strictTo } from './strict-redis.ts';
import { waitFor } from './wait-for.ts';

const slots = 16_384;

export interface TestCluster {
  /** `redis+cluster://`, with all primaries. */
  readonly url: string;
  /** Ready to be used. It neither queues nor sends again where the client allows it. */
  readonly client: Cluster;
  /** The primaries. */
  readonly servers: readonly RunningServer[];
  /** One for each primary, in the same order, where they were asked for. */
  readonly replicas: readonly RunningServer[];
  /** Starts another primary, which has no slots. */
  grow(): Promise<RunningServer>;
  stop(): Promise<void>;
}

export interface ClusterSettings {
  readonly hasReplicas?: boolean;
  readonly settings?: Readonly<Record<string, string>>;
}

/** Starts `count` servers that share the slots evenly, the first ones with the first server. */
export async function startRedisCluster(
  count = 1,
  { hasReplicas = false, settings = {} }: ClusterSettings = {},
): Promise<TestCluster> {
  const servers: RunningServer[] = [];
  const others: RunningServer[] = [];
  const replicas: RunningServer[] = [];
  for (let at = 0; at < count; at += 1) {
    const server = await startNode(servers[0], settings, async (admin) => {
      const first = Math.floor((slots * at) / count);
      const last = Math.floor((slots * (at + 1)) / count) - 1;
      await admin.call('CLUSTER', 'ADDSLOTSRANGE', first, last);
      // Else all have the same, and argue about it.
      await admin.call('CLUSTER', 'SET-CONFIG-EPOCH', at + 1);
    });
    servers.push(server);
  }
  for (const server of servers) await untilComplete(server);
  for (const server of hasReplicas ? servers : []) {
    const replica = await startNode(servers[0], settings);
    replicas.push(replica);
    await follow(replica, server);
  }
  const client = new Cluster(
    servers.map(({ port }) => ({ host: '127.0.0.1', port })),
    { enableOfflineQueue: false, lazyConnect: true, redisOptions: { maxRetriesPerRequest: 0 } },
  );
  client.on('error', () => undefined);
  await client.connect();
  return {
    url: `redis+cluster://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    client,
    servers,
    replicas,
    grow: async () => {
      const server = await startNode(servers[0], settings, async (admin) =>
        admin.call('CLUSTER', 'SET-CONFIG-EPOCH', count + others.length + 1),
      );
      others.push(server);
      await untilComplete(server);
      return server;
    },
    stop: async () => {
      client.disconnect();
      await Promise.all([...servers, ...replicas, ...others].map(async (server) => server.stop()));
    },
  };
}

/** Asks one server of a Cluster directly. */
export async function askNode<T>(server: RunningServer, ask: (admin: Redis) => Promise<T>): Promise<T> {
  const admin = await strictTo(server.url);
  try {
    return await ask(admin);
  } finally {
    await endRedis(admin, 1_000);
  }
}

/** @param known a server of the Cluster that it is to belong to; none for the first */
async function startNode(
  known: RunningServer | undefined,
  settings: Readonly<Record<string, string>>,
  prepare: (admin: Redis) => Promise<unknown> = async () => undefined,
): Promise<RunningServer> {
  const server = await startRedis({
    env: process.env,
    settings: {
      'cluster-enabled': 'yes',
      'cluster-port': String(await findFreePort()),
      // A server without neighbours does not know its own address, and clients need it.
      'cluster-announce-ip': '127.0.0.1',
      'repl-diskless-sync-delay': '0',
      ...settings,
    },
  });
  const knownBus = known === undefined ? '' : await askNode(known, busPortOf);
  await askNode(server, async (admin) => {
    await prepare(admin);
    if (known !== undefined) await admin.call('CLUSTER', 'MEET', '127.0.0.1', known.port, knownBus);
  });
  return server;
}

async function follow(replica: RunningServer, primary: RunningServer): Promise<void> {
  const id = await askNode(primary, async (admin) => admin.cluster('MYID'));
  await askNode(replica, async (admin) => {
    await waitFor(async () => admin.call('CLUSTER', 'REPLICATE', id), { what: 'the primary to be known' });
    await waitFor(async () => (await admin.info('replication')).includes('master_link_status:up'), {
      what: 'the replica to be in sync',
    });
  });
}

async function busPortOf(admin: Redis): Promise<string> {
  const [, port = ''] = await admin.config('GET', 'cluster-port');
  return port;
}

async function untilComplete(server: RunningServer): Promise<void> {
  await askNode(server, async (admin) =>
    waitFor(
      async () => {
        const info = String(await admin.call('CLUSTER', 'INFO'));
        return info.includes('cluster_state:ok') && info.includes(`cluster_slots_assigned:${slots}`);
      },
      { what: 'the cluster to know all its slots' },
    ),
  );
}
