/**
 * The library entry `claim-reconciler/cache`: the guarded cache that the gate asks whether something is open, for look-ups of an
 * application's own that many ask for at once. Opens one connection of its own.
 * Invariant kept: what did not open, and what is closed, leaves no connection open.
 */
import type { OperatingError } from '../domain/operating-error.ts';
import { connectStrict, endRedis, untilReady } from '../redis/connect.ts';
import { GuardedCache, type GuardedCacheOptions } from '../redis/guarded-cache.ts';

export { OperatingError, type OperatingErrorCode } from '../domain/operating-error.ts';

export interface OpenCacheOptions extends Omit<GuardedCacheOptions, 'redis'> {
  /** `redis://`, `rediss://` or `redis+sentinel://`: no Cluster. */
  readonly redisUrl: string;
}

export type Cache = Pick<GuardedCache, 'get' | 'invalidate' | 'close'>;

const readyMs = 3_000;
const closeMs = 2_000;

/**
 * Connects; once in a process, for any number of keys. Throws OperatingError, with nothing left open: `configuration` with all
 * that is wrong with the options, or for a URL or certificate that will not do. A Redis that is away is told to `onTrouble`
 * and not an error: until it is back, each process rebuilds for itself.
 */
export async function openCache({ redisUrl, ...options }: OpenCacheOptions): Promise<Cache> {
  const redis = connectStrict(redisUrl, {
    connectionName: 'claim-reconciler:cache',
    onError: options.onTrouble,
  });
  try {
    const cache = new GuardedCache({ ...options, redis });
    await untilReady(redis, readyMs).catch((error: OperatingError) => {
      if (error.code === 'configuration') throw error;
      options.onTrouble(error);
    });
    return {
      get: async (key, rebuild) => cache.get(key, rebuild),
      invalidate: async (key) => cache.invalidate(key),
      close: async () => {
        await cache.close();
        await endRedis(redis, closeMs);
      },
    };
  } catch (error) {
    await endRedis(redis, closeMs);
    throw error;
  }
}
