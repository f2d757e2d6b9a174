/**
 * What may be done with the marker Redis, from what it says of itself; and what to tell people of that of the queues.
 * Invariant kept: no repair on a server that cannot be trusted to keep it.
 */

export interface StoreReading {
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

/** Which server held the markers when the checkpoint was stored. */
export interface MarkerStoreIdentity {
  readonly runId: string;
  readonly replicationId: string;
  readonly flushes: number;
}

/** The first with scripts that say of themselves what they do (`#!lua flags=no-writes`). */
const oldestVersion = 7;

/** Problems that forbid repairs altogether. */
export function repairObstacles(store: StoreReading): string[] {
  const found: string[] = [];
  if (Number.parseInt(store.version, 10) < oldestVersion) {
    found.push(`the marker Redis is version ${store.version}, and scripts need ${oldestVersion}.0 or newer`);
  }
  if (store.role !== 'master') found.push(`the marker Redis is a ${store.role}, not a primary`);
  if (store.loading) found.push('the marker Redis is still loading its data');
  return found;
}

/** Conditions worth telling people about that do not forbid repairs. */
export function storeWarnings(store: StoreReading): string[] {
  const found: string[] = [];
  if (store.maxmemoryPolicy !== 'noeviction' && store.maxmemoryBytes > 0) {
    found.push(
      `the marker Redis evicts keys when full (maxmemory-policy ${store.maxmemoryPolicy}): markers can vanish`,
    );
  }
  if (store.maxmemoryBytes > 0 && store.usedMemoryBytes >= store.maxmemoryBytes) {
    found.push('the marker Redis has reached its memory limit: markers cannot be re-issued');
  }
  return found;
}

/** What people should know of the Redis of queues and leases. Nothing there forbids work: Postgres knows what is to be done. */
export function queueStoreWarnings(store: StoreReading): string[] {
  if (store.maxmemoryPolicy === 'noeviction' || store.maxmemoryBytes === 0) return [];
  return [
    `the queue Redis evicts keys when full (maxmemory-policy ${store.maxmemoryPolicy}): jobs and leases can vanish; run: ` +
      'redis-cli CONFIG SET maxmemory-policy noeviction, and set it in its configuration, or give queues a Redis of their own',
  ];
}

/** True when markers may have been lost since: a restart, a failover, a flush. */
export function storeChanged(stored: MarkerStoreIdentity, now: MarkerStoreIdentity): boolean {
  const sameServer = stored.runId === now.runId && stored.replicationId === now.replicationId;
  return !sameServer || stored.flushes !== now.flushes;
}
