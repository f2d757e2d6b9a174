/**
 * A Redis Cluster of real servers, for what a single server cannot show: keys in different slots, on different servers.
 * Invariant kept: it is used only once every server knows that every slot has one.
 */
import { Cluster } from 'ioredis';
import { findFreePort } from '../../src/embedded/free-port.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { endRedis } from '../../src/redis/connect.ts';
import { strictTo } from './strict-redis.ts';
import { waitFor } from './wait-for.ts';

const slots = 16_384;

export interface TestCluster {
  /** Ready to be used. It neither queues nor sends again where the client allows it. */
  readonly client: Cluster;
  readonly servers: readonly RunningServer[];
  stop(): Promise<void>;
}

/** Starts `count` servers that share the slots evenly, the first ones with the first server. */
export async function startRedisCluster(count = 1): Promise<TestCluster> {
  const servers: RunningServer[] = [];
  for (let at = 0; at < count; at += 1) {
    const busPort = String(await findFreePort());
    const settings = {
      'cluster-enabled': 'yes',
      'cluster-port': busPort,
      // A server without neighbours does not know its own address, and clients need it.
      'cluster-announce-ip': '127.0.0.1',
    };
    const server = await startRedis({ env: process.env, settings });
    servers.push(server);
    const admin = await strictTo(server.url);
    const first = Math.floor((slots * at) / count);
    const last = Math.floor((slots * (at + 1)) / count) - 1;
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', first, last);
    // Else all have the same, and argue about it.
    await admin.call('CLUSTER', 'SET-CONFIG-EPOCH', at + 1);
    const [known] = servers;
    if (known !== undefined && known !== server) {
      const knownBus = await busPortOf(known);
      await admin.call('CLUSTER', 'MEET', '127.0.0.1', known.port, knownBus);
    }
    await endRedis(admin, 1_000);
  }
  for (const server of servers) await untilComplete(server);
  const client = new Cluster(
    servers.map(({ port }) => ({ host: '127.0.0.1', port })),
    { enableOfflineQueue: false, lazyConnect: true, redisOptions: { maxRetriesPerRequest: 0 } },
  );
  client.on('error', () => undefined);
  await client.connect();
  return {
    client,
    servers,
    stop: async () => {
      client.disconnect();
      for (const server of servers) await server.stop();
    },
  };
}

async function busPortOf(server: RunningServer): Promise<string> {
  const admin = await strictTo(server.url);
  const [, port = ''] = await admin.config('GET', 'cluster-port');
  await endRedis(admin, 1_000);
  return port;
}

async function untilComplete(server: RunningServer): Promise<void> {
  const admin = await strictTo(server.url);
  await waitFor(async () => String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok'), {
    what: 'the cluster to know all its slots',
  });
  await endRedis(admin, 1_000);
}
