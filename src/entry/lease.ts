/**
 * The library entry `claim-reconciler/lease`: the lease that guards the reconciler's own schedule, for an application that has
 * work of its own which one process at a time should do. Opens one connection of its own that queues and resends nothing.
 * Invariant kept: what did not open, and what is closed, leaves no connection open.
 *
 * What a lease does NOT guarantee: mutual exclusion. Redis can lose the key, and a process can be stopped between `guard()` and
 * its write. What must not happen twice is also refused by whoever is written to: a unique index, a fencing token.
 */
import { acquireTimeoutMs, defaultLeaseTiming, type LeaseTiming } from '../domain/lease-trust.ts';
import type { OperatingError } from '../domain/operating-error.ts';
import { connectStrict, endRedis, untilReady } from '../redis/connect.ts';
import { LeaseContender, type AcquireOutcome } from '../redis/lease.ts';

export { defaultLeaseTiming, type LeaseTiming } from '../domain/lease-trust.ts';
export { OperatingError, type OperatingErrorCode } from '../domain/operating-error.ts';
export type { AcquireOutcome, Lease } from '../redis/lease.ts';

export interface OpenLeasesOptions {
  /** `redis://`, `rediss://` or `redis+sentinel://`: no Cluster. */
  readonly redisUrl: string;
  /** Told about trouble with the connection, and once per streak of renewals that failed. Not about a lost lease. */
  readonly onTrouble: (error: OperatingError) => void;
}

/** Someone who tries for one lease, again and again. */
export interface Contender {
  /**
   * One attempt; ends within the lease's `callTimeoutMs`, or a third of its `ttlMs` if that is less. A store that fails is an
   * outcome and not an error. Throws OperatingError `aborted` as soon as `signal` aborts.
   */
  acquire(signal?: AbortSignal): Promise<AcquireOutcome>;
}

export interface Leases {
  /**
   * To be kept for as long as one goes on trying: an attempt whose answer was lost is recognised by the next one.
   * Throws OperatingError `configuration` for a timing that cannot work.
   * @param key the Redis key, as it is
   * @param timing in milliseconds; `defaultLeaseTiming` unless given
   */
  contender(key: string, timing?: LeaseTiming): Contender;
  /** Closes the connection. Leases that are still held then end by themselves, within their `ttlMs`: release them before. */
  close(): Promise<void>;
}

const readyMs = 3_000;
const closeMs = acquireTimeoutMs(defaultLeaseTiming);

/**
 * Connects; once in a process, for any number of leases. Throws OperatingError, with nothing left open: `configuration` for a
 * URL or certificate that will not do, `redis_unreachable`.
 */
export async function openLeases({ redisUrl, onTrouble }: OpenLeasesOptions): Promise<Leases> {
  const redis = connectStrict(redisUrl, { connectionName: 'claim-reconciler:lease', onError: onTrouble });
  const close = async (): Promise<void> => endRedis(redis, closeMs);
  try {
    await untilReady(redis, readyMs);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    contender: (key, timing = defaultLeaseTiming) => new LeaseContender({ redis, key, timing, onTrouble }),
    close,
  };
}
