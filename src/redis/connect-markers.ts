/**
 * The connection to the marker Redis, which may be a Cluster: then one to each of its servers, replicas among them, so that one
 * that is promoted can be asked at once.
 * Invariants kept: as of a strict connection (`connect.ts`): nothing is queued while offline, and what may have been carried
 * out is not sent again. What the servers of a Cluster refuse without carrying it out (MOVED, ASK, TRYAGAIN, CLUSTERDOWN)
 * is sent on, for less than two seconds.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import { OperatingError } from '../domain/operating-error.ts';
import { readAddress, type ClusterAddress } from './address.ts';
import {
  connectStrict,
  reconnectDelayMs,
  strictSettings,
  untilReady,
  withDeadline,
  type StrictOptions,
} from './connect.ts';
import { describeRedisError } from './redis-trouble.ts';
import type { MarkerRedis } from './script.ts';

/** How often the servers of a Cluster are asked who has which slots, when nothing else leads there. */
const slotsRefreshMs = 5_000;
/** Together less than the deadline of a call, so that its error says why. */
const [redirectionsMax, redirectionDelayMs] = [16, 100];
const retryMs = 50;

/**
 * A client that connects in the background and goes on trying. Throws OperatingError `configuration` for a URL that
 * cannot be read.
 */
export function connectMarkers(url: string, options: StrictOptions): MarkerRedis {
  const address = readAddress(url);
  return address.kind === 'cluster' ? connectCluster(address, options) : connectStrict(url, options);
}

function connectCluster({ hosts, options: own }: ClusterAddress, options: StrictOptions): Cluster {
  const cluster = new Cluster([...hosts], {
    redisOptions: { ...strictSettings(options), ...own },
    enableOfflineQueue: false,
    // A Cluster with slots that nobody serves is asked all the same: what it answers says what is wrong.
    enableReadyCheck: false,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: redirectionDelayMs,
    retryDelayOnTryAgain: redirectionDelayMs,
    maxRedirections: redirectionsMax,
    slotsRefreshInterval: slotsRefreshMs,
    clusterRetryStrategy: reconnectDelayMs,
    // Names stay names: over TLS the certificate is checked against them.
    dnsLookup: (name, done) => done(null, name),
  });
  // The client asks all servers in turn and tells of each by itself.
  cluster.on('error', () => undefined);
  cluster.on('node error', oncePerStreak(cluster, options.onError));
  cluster.on('+node', (node: Redis) => {
    node.connect().catch(() => undefined);
  });
  return cluster;
}

/** Passes on the same trouble of a server once, until that server is connected and the slots are known. */
function oncePerStreak(
  cluster: Cluster,
  tell: StrictOptions['onError'],
): (error: unknown, place: string) => void {
  const told = new Map<string, Set<string>>();
  cluster.on('refresh', () => {
    for (const { status, options } of cluster.nodes('all')) {
      if (status === 'ready') told.delete(`${options.host}:${options.port}`);
    }
  });
  return (error, place) => {
    const trouble = troubleAt(place, error);
    const before = told.get(place) ?? new Set();
    told.set(place, before);
    if (before.has(trouble.message)) return;
    before.add(trouble.message);
    tell(trouble);
  };
}

function troubleAt(place: string, error: unknown): OperatingError {
  const { code, message } = describeRedisError(error);
  return new OperatingError(code, `${place}: ${message}`);
}

/**
 * The servers that hold markers: of a Cluster the primaries with slots, as it knows them at this moment.
 * Throws OperatingError when none of them can be asked in time.
 */
export async function markerServers(redis: MarkerRedis, callTimeoutMs: number): Promise<Redis[]> {
  if (redis instanceof Redis) return [redis];
  const refreshed = new Promise<void>((resolve, reject) => {
    redis.refreshSlotsCache((error) => (error ? reject(causeOf(error)) : resolve()));
  });
  try {
    await withDeadline(refreshed, callTimeoutMs, 'asking the Redis Cluster for its slots');
  } catch (error) {
    throw describeRedisError(error);
  }
  return redis.nodes('master');
}

/** Resolves once every server that holds markers answers. Throws OperatingError as `untilReady` does. */
export async function untilMarkersReady(redis: MarkerRedis, deadlineMs: number): Promise<void> {
  if (redis instanceof Redis) return untilReady(redis, deadlineMs);
  const untilMs = performance.now() + deadlineMs;
  // What a server said, with its place, tells more than that all could not be asked.
  const said: OperatingError[] = [];
  const note = (error: unknown, place: string): void => void said.push(troubleAt(place, error));
  redis.on('node error', note);
  try {
    for (;;) {
      const trouble = await troubleAsking(redis, untilMs - performance.now());
      if (trouble === null) return;
      const refused = said.find(({ code }) => code === 'configuration');
      if (refused !== undefined) throw refused;
      if (performance.now() + retryMs > untilMs) throw unreachable(deadlineMs, said.at(-1) ?? trouble);
      await wait(retryMs);
    }
  } finally {
    redis.off('node error', note);
  }
}

/** Resolves if every server that holds markers answers in time. Throws OperatingError otherwise. */
export async function pingMarkers(redis: MarkerRedis, deadlineMs: number): Promise<void> {
  await markerServers(redis, deadlineMs);
  try {
    await withDeadline(pingKnown(redis), deadlineMs, 'asking the servers of the marker Redis');
  } catch (error) {
    throw describeRedisError(error);
  }
}

/** Resolves when every server has answered that is known to hold markers; rejects as soon as one does not. */
export async function pingKnown(redis: MarkerRedis): Promise<void> {
  const servers = redis instanceof Redis ? [redis] : redis.nodes('master');
  if (servers.length === 0) throw new Error('Connection is closed.');
  await Promise.all(servers.map(async (server) => server.ping()));
}

/** Null when all of them answered. */
async function troubleAsking(redis: Cluster, leftMs: number): Promise<OperatingError | null> {
  try {
    await pingMarkers(redis, leftMs);
    return null;
  } catch (error) {
    return describeRedisError(error);
  }
}

function unreachable(deadlineMs: number, { message }: OperatingError): OperatingError {
  return new OperatingError(
    'redis_unreachable',
    `The Redis Cluster could not be reached within ${deadlineMs} ms. ${message} Check that it runs and that the URL is right.`,
  );
}

/** Why the last of the servers that were asked in turn did not answer. */
function causeOf(error: Error): unknown {
  return 'lastNodeError' in error && error.lastNodeError ? error.lastNodeError : error;
}
