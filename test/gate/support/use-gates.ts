/**
 * Gates for a test file, over real stores of its own: a database with the tables of `claim-tables.ts` and a Redis database,
 * both empty at the start of each test.
 */
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, onTestFinished } from 'vitest';
import { decodeOpenClaim, openClaimsKey } from '../../../src/domain/open-claim.ts';
import type { OperatingError } from '../../../src/domain/operating-error.ts';
import type { Source } from '../../../src/domain/source.ts';
import { createGate, type Gate, type GateOptions, type GateParts } from '../../../src/gate/gate.ts';
import { openClaimTable } from '../../../src/postgres/claim-table.ts';
import { connectPostgres, endPool } from '../../../src/postgres/connect.ts';
import { migrate } from '../../../src/postgres/migrate.ts';
import { endRedis } from '../../../src/redis/connect.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';
import { createRedis, type TestRedis } from '../../support/redis.ts';
import { strictTo } from '../../support/strict-redis.ts';
import { claimTablesSql, dayMs, giftSource } from './claim-tables.ts';
import type { WatchedCalls } from './watched-calls.ts';
import { notingDistributor, type NotingDistributor } from './noting-distributor.ts';

export interface TestGate extends Gate {
  readonly distributor: NotingDistributor;
  readonly troubles: OperatingError[];
  /** Waits until nothing of the claims so far is under way, and closes the gate. */
  readonly finish: () => Promise<void>;
}

export interface Gates {
  readonly databaseUrl: () => string;
  readonly redisUrl: () => string;
  readonly pool: () => pg.Pool;
  /** A strict connection, as a gate needs it. */
  readonly redis: () => Redis;
  /** A client to look with. */
  readonly client: () => Redis;
  /** A gate of the gifts unless changed; closed when the test has finished. */
  readonly open: (
    changes?: Partial<GateParts & GateOptions> & { readonly source?: Source; readonly calls?: WatchedCalls },
  ) => Promise<TestGate>;
  readonly rows: (table?: string) => Promise<readonly Record<string, string>[]>;
  /** Attempts in the open-claims index. */
  readonly listed: (source?: string) => Promise<(string | undefined)[]>;
}

export const namespace = 'gate-test';

/** To be called once at the top of a test file. */
export function useGates(): Gates {
  let database: TestDatabase;
  let redis: TestRedis;
  let pool: pg.Pool;
  let strict: Redis;
  beforeAll(async () => {
    database = await createDatabase();
    redis = await createRedis();
    pool = poolTo(database.url);
    strict = await strictTo(redis.url);
    await migrate(pool);
    await pool.query(claimTablesSql);
  });
  beforeEach(async () => {
    await pool.query('truncate gift_claim, coupon_claim, order_grab restart identity');
    await redis.client.flushdb();
  });
  afterAll(async () => {
    await Promise.all([endRedis(strict, 1_000), endPool(pool, 2_000)]);
    await Promise.all([database.drop(), redis.release()]);
  });
  return {
    databaseUrl: () => database.url,
    redisUrl: () => redis.url,
    pool: () => pool,
    redis: () => strict,
    client: () => redis.client,
    open: async ({ source = giftSource, calls, ...changes } = {}) => {
      const distributor = notingDistributor();
      const troubles: OperatingError[] = [];
      const table = await openClaimTable(pool, source);
      const plain = { pool, redis: strict, distributor, ...changes };
      const given = { table, namespace, ...plain, ...calls?.watch(plain) };
      const usual = 'ttlMs' in source.columns.expiry ? {} : { ttlMs: dayMs };
      const onTrouble = (error: OperatingError): void => void troubles.push(error);
      const gate = createGate(given, { ...usual, onTrouble, closeTimeoutMs: 2_000, ...changes });
      onTestFinished(async () => gate.close());
      return { ...gate, distributor, troubles, finish: async () => gate.close() };
    },
    rows: async (table = 'gift_claim') =>
      (await pool.query<Record<string, string>>(`select * from ${table} order by id`)).rows,
    listed: async (source = 'gifts') => {
      const members = await redis.client.zrange(openClaimsKey(namespace, source), '0', '-1');
      return members.map((member) => decodeOpenClaim(member)?.attempt);
    },
  };
}

export function poolTo(
  url: string,
  changes: { statementTimeoutMs?: number; connectionsMax?: number } = {},
): pg.Pool {
  return connectPostgres({
    url,
    applicationName: 'gate test',
    connectionsMax: 8,
    statementTimeoutMs: 5_000,
    onError: () => undefined,
    ...changes,
  });
}
