/**
 * What a Redis says of itself, the one of the markers or that of the queues: who it is, its role, its memory limits.
 * Does not decide what follows: see `domain/marker-store.ts`.
 */
import type { Redis } from 'ioredis';
import type { StoreReading } from '../domain/marker-store.ts';
import { withDeadline } from './connect.ts';
import { describeRedisError } from './redis-trouble.ts';

/** Throws OperatingError if the server does not answer in time. */
export async function readMarkerStore(redis: Redis, callTimeoutMs: number): Promise<StoreReading> {
  return readStore(redis, callTimeoutMs, 'marker Redis');
}

/** As `readMarkerStore`, for the Redis of queues and leases. */
export async function readQueueStore(redis: Redis, callTimeoutMs: number): Promise<StoreReading> {
  return readStore(redis, callTimeoutMs, 'queue Redis');
}

async function readStore(redis: Redis, callTimeoutMs: number, name: string): Promise<StoreReading> {
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
