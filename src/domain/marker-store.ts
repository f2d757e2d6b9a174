/**
 * What may be done with the marker Redis, from what its servers say of themselves: one, or the primaries of a Cluster; and
 * what to tell people of that of the queues.
 * Invariant kept: no repair on a server that cannot be trusted to keep it; where markers may be lost, it is seen.
 */

export interface ServerReading {
  /** Host and port, where the URL does not say which server it is; else empty. */
  readonly place: string;
  /** Such as `7.0.15`; Valkey tells the version of Redis that it is compatible with. */
  readonly version: string;
  readonly runId: string;
  readonly replicationId: string;
  readonly role: string;
  readonly maxmemoryPolicy: string;
  readonly maxmemoryBytes: number;
  readonly usedMemoryBytes: number;
  readonly loading: boolean;
  /** FLUSHALL and FLUSHDB calls since the server started. */
  readonly flushes: number;
}

export interface StoreReading {
  /** Those that hold markers: of a Cluster the primaries with slots. */
  readonly servers: readonly ServerReading[];
  /** Slots of a Cluster that no server serves. */
  readonly unservedSlots: number;
}

/** Which servers held the markers when the checkpoint was stored. */
export interface MarkerStoreIdentity {
  /** Of each server, separated by blanks, in alphabetical order. */
  readonly runId: string;
  /** In the same order. */
  readonly replicationId: string;
  /** Of all together. */
  readonly flushes: number;
}

/** The first with scripts that say of themselves what they do (`#!lua flags=no-writes`). */
const oldestVersion = 7;

/** Problems that forbid repairs altogether. */
export function repairObstacles({ servers, unservedSlots }: StoreReading): string[] {
  const found = servers.flatMap(serverObstacles);
  if (unservedSlots > 0) {
    found.push(
      `${unservedSlots} of the 16384 slots of the marker Redis are served by no server: markers in them can be neither ` +
        'read nor set',
    );
  }
  return found;
}

function serverObstacles(server: ServerReading): string[] {
  const found: string[] = [];
  const name = nameOf(server);
  if (Number.parseInt(server.version, 10) < oldestVersion) {
    found.push(`${name} is version ${server.version}, and scripts need ${oldestVersion}.0 or newer`);
  }
  if (server.role !== 'master') found.push(`${name} is a ${server.role}, not a primary`);
  if (server.loading) found.push(`${name} is still loading its data`);
  return found;
}

/** Conditions worth telling people about that do not forbid repairs. */
export function storeWarnings({ servers }: StoreReading): string[] {
  return servers.flatMap((server) => {
    const found: string[] = [];
    const name = nameOf(server);
    if (server.maxmemoryPolicy !== 'noeviction' && server.maxmemoryBytes > 0) {
      found.push(
        `${name} evicts keys when full (maxmemory-policy ${server.maxmemoryPolicy}): markers can vanish`,
      );
    }
    if (server.maxmemoryBytes > 0 && server.usedMemoryBytes >= server.maxmemoryBytes) {
      found.push(`${name} has reached its memory limit: markers cannot be re-issued`);
    }
    return found;
  });
}

/** What people should know of the Redis of queues and leases. Nothing there forbids work: Postgres knows what is to be done. */
export function queueStoreWarnings(store: ServerReading): string[] {
  if (store.maxmemoryPolicy === 'noeviction' || store.maxmemoryBytes === 0) return [];
  return [
    `the queue Redis evicts keys when full (maxmemory-policy ${store.maxmemoryPolicy}): jobs and leases can vanish; run: ` +
      'redis-cli CONFIG SET maxmemory-policy noeviction, and set it in its configuration, or give queues a Redis of their own',
  ];
}

export function identityOf({ servers }: StoreReading): MarkerStoreIdentity {
  const sorted = servers.toSorted((a, b) => (a.runId < b.runId ? -1 : 1));
  return {
    runId: sorted.map(({ runId }) => runId).join(' '),
    replicationId: sorted.map(({ replicationId }) => replicationId).join(' '),
    flushes: sumOfFlushes(sorted),
  };
}

/**
 * `lost`: a server that held markers is another now (a restart, a failover), is gone, or was flushed: markers may have been
 * lost with it. `grown`: all of them are there as they were, and others beside them. Slots that move between servers
 * take their markers along, so that they do not count.
 */
export function storeChange(stored: MarkerStoreIdentity, now: StoreReading): 'none' | 'grown' | 'lost' {
  const [runIds, replicationIds] = [stored.runId.split(' '), stored.replicationId.split(' ')];
  const still = now.servers.filter((server) => {
    const at = runIds.indexOf(server.runId);
    return at >= 0 && replicationIds[at] === server.replicationId;
  });
  if (still.length < runIds.length || sumOfFlushes(still) !== stored.flushes) return 'lost';
  return now.servers.length > still.length ? 'grown' : 'none';
}

function sumOfFlushes(servers: readonly ServerReading[]): number {
  return servers.reduce((sum, { flushes }) => sum + flushes, 0);
}

function nameOf({ place }: ServerReading): string {
  return place === '' ? 'the marker Redis' : `the marker Redis at ${place}`;
}
