/**
 * What the servers of a Redis say of themselves, the one of the markers or that of the queues: who they are, their role, their
 * memory limits.
 * Does not decide what follows: see `domain/marker-store.ts`.
 */
import { Redis } from 'ioredis';
import { slotCount } from '../domain/key-slot.ts';
import type { ServerReading, StoreReading } from '../domain/marker-store.ts';
import { markerServers } from './connect-markers.ts';
import { withDeadline } from './connect.ts';
import { describeRedisError } from './redis-trouble.ts';
import type { MarkerRedis } from './script.ts';
import { sentinelsOf } from './sentinel-connector.ts';

/** Throws OperatingError if a server that holds markers does not answer in time. */
export async function readMarkerStore(redis: MarkerRedis, callTimeoutMs: number): Promise<StoreReading> {
  const servers = await markerServers(redis, callTimeoutMs);
  const readings = servers.map(async (server) =>
    readServer(server, callTimeoutMs, 'marker Redis', placeOf(server, redis)),
  );
  return {
    servers: await Promise.all(readings),
    unservedSlots: redis instanceof Redis ? 0 : await countUnserved(servers, callTimeoutMs),
  };
}

/** As `readMarkerStore`, for the Redis of queues and leases. */
export async function readQueueStore(redis: Redis, callTimeoutMs: number): Promise<ServerReading> {
  return readServer(redis, callTimeoutMs, 'queue Redis', '');
}

/** Empty for the one that the URL names. */
function placeOf(server: Redis, redis: MarkerRedis): string {
  const { options, stream } = server;
  if (server !== redis) return `${options.host}:${options.port}`;
  if (sentinelsOf(options).length === 0) return '';
  return `${stream.remoteAddress}:${stream.remotePort} (${options.name ?? ''})`;
}

/** The most that any of them misses: a server that was told to give up a slot does not tell the others. */
async function countUnserved(servers: readonly Redis[], callTimeoutMs: number): Promise<number> {
  const asked = Promise.all(servers.map(async (server) => server.cluster('SLOTS')));
  const tables = await withDeadline(asked, callTimeoutMs, 'asking the Redis Cluster for its slots').catch(
    (error: unknown) => {
      throw describeRedisError(error);
    },
  );
  const unserved = tables.map((ranges) =>
    ranges.reduce((left, [first, last]) => left - (last - first + 1), slotCount),
  );
  return Math.max(...unserved, unserved.length === 0 ? slotCount : 0);
}

async function readServer(
  redis: Redis,
  callTimeoutMs: number,
  name: string,
  place: string,
): Promise<ServerReading> {
  const text = await withDeadline(
    redis.info('everything'),
    callTimeoutMs,
    `asking the ${name} for its state`,
  ).catch((error: unknown) => {
    throw describeRedisError(error);
  });
  const fields = new Map(text.split('\r\n').map((line) => splitAt(line, line.indexOf(':'))));
  const field = (name: string): string => fields.get(name) ?? '';
  return {
    place,
    version: field('redis_version'),
    runId: field('run_id'),
    replicationId: field('master_replid'),
    role: field('role'),
    maxmemoryPolicy: field('maxmemory_policy'),
    maxmemoryBytes: Number(field('maxmemory')),
    usedMemoryBytes: Number(field('used_memory')),
    loading: field('loading') === '1',
    flushes: callsOf(field('cmdstat_flushall')) + callsOf(field('cmdstat_flushdb')),
  };
}

/** From `calls=3,usec=…`; 0 for a command that was never called. */
function callsOf(statistics: string): number {
  return Number(/calls=(\d+)/.exec(statistics)?.[1] ?? 0);
}

function splitAt(line: string, at: number): [string, string] {
  return [line.slice(0, at), line.slice(at + 1)];
}
