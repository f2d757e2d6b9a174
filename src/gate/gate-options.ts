/**
 * What a gate is made of and how it can be set.
 * Times are milliseconds. Does not check anything: see `open-context.ts`.
 */
import type { Redis } from 'ioredis';
import type pg from 'pg';
import type { Distributor } from '../domain/distributor.ts';
import type { OperatingError } from '../domain/operating-error.ts';
import type { ClaimTable } from '../postgres/claim-table.ts';
import type { MarkerRedis } from '../redis/open-claims.ts';
import type { Eligibility } from './eligibility.ts';

/** What a gate works with; whoever opened it closes it, after the gate. */
export interface GateParts {
  readonly pool: pg.Pool;
  readonly table: ClaimTable;
  /** A connection that neither queues offline nor sends again (`connectStrict`). */
  readonly redis: MarkerRedis;
  readonly distributor: Distributor;
  /** Needed for `eligibility`: another such connection, to a standalone Redis. */
  readonly cacheRedis?: Redis;
  /** Comes before the keys of our own in Redis; the reconciler must have the same. */
  readonly namespace?: string;
}

export interface GateOptions {
  /** How long a marker is to live where a claim does not say it, in milliseconds. */
  readonly ttlMs?: number;
  /** The longest one call to Redis may take, in milliseconds; 1,000 unless given. */
  readonly redisTimeoutMs?: number;
  /**
   * How long after it began, or was found open, a claim may still be handed out, and the longest the distributor may take,
   * in milliseconds; that of the source's distributor unless given, or 3,000.
   */
  readonly distributorTimeoutMs?: number;
  /** `refuse`, unless given: without Redis nothing is claimed. `postgres`: its unique index decides alone. */
  readonly whenRedisIsDown?: 'refuse' | 'postgres';
  /** Whether something may be claimed at all; everything may, unless given. */
  readonly eligibility?: Eligibility;
  /** The longest `close` waits for claims under way, in milliseconds; 10,000 unless given. */
  readonly closeTimeoutMs?: number;
  /**
   * Told what went wrong behind an answer: with key, attempt and claim. The reconciler settles it, but for `double_grant`,
   * which a person must.
   */
  readonly onTrouble: (error: OperatingError) => void;
}

export const gateDefaults = {
  redisTimeoutMs: 1_000,
  distributorTimeoutMs: 3_000,
  closeTimeoutMs: 10_000,
} as const;
