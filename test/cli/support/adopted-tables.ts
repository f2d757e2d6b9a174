/**
 * Claim tables as applications have them before anybody thought of a reconciler, and their markers; in a database of
 * the test file's own.
 */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import type { Pool } from 'pg';
import { startPostgres } from '../../../src/embedded/start-postgres.ts';
import { startRedis } from '../../../src/embedded/start-redis.ts';
import type { RunningServer } from '../../../src/embedded/running-server.ts';
import { connectStrict, endRedis, untilReady } from '../../../src/redis/connect.ts';
import { createDatabase, type TestDatabase } from '../../support/database.ts';

export interface AdoptedTables {
  readonly pool: () => Pool;
  readonly redis: () => Redis;
  /** For the program: where both stores are. */
  readonly env: () => { readonly DATABASE_URL: string; readonly REDIS_URL: string };
  readonly run: (sql: string) => Promise<void>;
  /** Sets the marker of each granted row that lives still, as the statement says: key, value, milliseconds. */
  readonly setMarkers: (sql: string) => Promise<number>;
}

/** To be called once at the top of a test file; with a Postgres of its own where its transactions would be in others' way. */
export function useAdoptedTables({ ownPostgres = false } = {}): AdoptedTables {
  let postgres: RunningServer | null = null;
  let database: TestDatabase;
  let server: RunningServer;
  let redis: Redis;
  beforeAll(async () => {
    if (ownPostgres) postgres = await startPostgres({ env: process.env });
    [database, server] = await Promise.all([
      createDatabase(postgres === null ? {} : { serverUrl: postgres.url }),
      startRedis({ env: process.env }),
    ]);
    redis = connectStrict(server.url, { onError: () => undefined });
    await untilReady(redis, 5_000);
  });
  afterAll(async () => {
    await endRedis(redis, 1_000);
    await Promise.all([database.drop(), server.stop()]);
    await postgres?.stop();
  });
  return {
    pool: () => database.pool,
    redis: () => redis,
    env: () => ({ DATABASE_URL: database.url, REDIS_URL: server.url }),
    run: async (sql) => {
      await database.pool.query(sql);
    },
    setMarkers: async (sql) => {
      const { rows } = await database.pool.query<{ key: string; value: string; left_ms: string }>(sql);
      const pipeline = redis.pipeline();
      for (const { key, value, left_ms: leftMs } of rows) pipeline.set(key, value, 'PX', Number(leftMs));
      await pipeline.exec();
      return rows.length;
    },
  };
}

export const giftTableSql = `create table gift_claim (
  id bigint generated always as identity primary key,
  activity_id int not null,
  gift_id int not null,
  uid bigint not null,
  attempt_id uuid not null unique default gen_random_uuid(),
  status text not null,
  note text,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create unique index gift_claim_live on gift_claim (activity_id, gift_id, uid) where status in ('pending', 'granted');`;

/** Rows of `giftTableSql`: all but each fiftieth granted, made a second after each other, the last one just now. */
export function giftRowsSql(count: number): string {
  return `insert into gift_claim (activity_id, gift_id, uid, status, created_at, expires_at)
    select 7 + n % 3, n % 5, 100000 + n, case when n % 50 = 0 then 'failed' when n % 71 = 0 then 'pending' else 'granted' end,
      at, at + interval '180 d'
    from generate_series(1, ${count}) n, lateral (select now() - (${count} - n) * interval '1 s') t (at);
    analyze gift_claim;`;
}

export const giftMarkersSql = `select format('gift:%s:%s:%s', activity_id, gift_id, uid) as key, attempt_id::text as value,
  (extract(epoch from expires_at - clock_timestamp()) * 1000)::bigint as left_ms
  from gift_claim where status = 'granted' and expires_at > now()`;
