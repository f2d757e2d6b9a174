/**
 * What the tests of the guarded cache share: caches with connections of their own on one Redis, and rebuilds that wait
 * until the test lets them go.
 */
import type { Redis } from 'ioredis';
import { expect, onTestFinished } from 'vitest';
import type { OperatingError } from '../../src/domain/operating-error.ts';
import { endRedis } from '../../src/redis/connect.ts';
import { GuardedCache, type GuardedCacheOptions } from '../../src/redis/guarded-cache.ts';
import { strictTo } from '../support/strict-redis.ts';

const hourMs = 3_600_000;
export const namespace = 'test';
export const valueKey = (key: string): string => `${namespace}:cache:${key}`;
export const leaseKey = (key: string): string => `${namespace}:cache-lease:${key}`;

/** Short, so that a lost holder is followed soon. */
export const leaseTiming = { ttlMs: 3_000, renewEveryMs: 300, callTimeoutMs: 1_000 };

export interface TestCache {
  readonly cache: GuardedCache;
  readonly redis: Redis;
  readonly troubles: OperatingError[];
}

/** A cache as another process would have it. Without local copies, unless `more` says so. */
export async function openCache(url: string, more: Partial<GuardedCacheOptions> = {}): Promise<TestCache> {
  const redis = await strictTo(url);
  const troubles: OperatingError[] = [];
  const cache = new GuardedCache({
    redis,
    namespace,
    freshMs: hourMs,
    staleMs: hourMs,
    waitMs: 20_000,
    localMs: 0,
    leaseTiming,
    onTrouble: (trouble) => troubles.push(trouble),
    ...more,
  });
  onTestFinished(async () => {
    await cache.close();
    await endRedis(redis, 1_000);
  });
  return { cache, redis, troubles };
}

/** A rebuild that ends when the test says so. */
export interface HeldRebuild {
  readonly rebuild: (signal: AbortSignal) => Promise<unknown>;
  readonly signals: AbortSignal[];
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export function heldRebuild(): HeldRebuild {
  const { promise, resolve, reject } = withResolvers();
  const signals: AbortSignal[] = [];
  const rebuild = async (signal: AbortSignal): Promise<unknown> => {
    signals.push(signal);
    return promise;
  };
  return { rebuild, signals, resolve, reject };
}

function withResolvers(): {
  promise: Promise<unknown>;
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
} {
  let resolve: (value: unknown) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<unknown>((onResolve, onReject) => {
    [resolve, reject] = [onResolve, onReject];
  });
  // A rebuild that nobody calls must not fail the run.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** A rebuild that must not be called. */
export async function never(): Promise<never> {
  throw new Error('rebuilt, although there was no need');
}

/** Makes a value stale, or ends what holds off its rebuild, as if the time had passed. */
export async function endTime(redis: Redis, key: string, field: 'fresh_until' | 'retry_at'): Promise<void> {
  await redis.hset(valueKey(key), field, 1);
}

export async function expectExpiries(redis: Redis): Promise<void> {
  for (const key of await redis.keys('*')) {
    expect([key, await redis.pttl(key)]).not.toEqual([key, -1]);
  }
}
