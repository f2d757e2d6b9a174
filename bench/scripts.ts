/**
 * What one would write first: the ways the bench compares with. Each judges every claim: value and expiry of the marker of a
 * granted one, no marker of its own for a released one.
 * They repair and remember nothing, and what is committed late they miss.
 */
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { connectPostgres, defaultPoolLimits, endPool } from '../src/postgres/connect.ts';
import { connectStrict, endRedis, untilReady } from '../src/redis/connect.ts';
import { runScan } from './scan-script.ts';
import { judge, keyOf, type ScriptRow } from './script-row.ts';
import type { StoresAddress, Way } from './way.ts';

export interface ScriptStores {
  readonly pool: pg.Pool;
  readonly redis: Redis;
  readonly prefix: string;
}

const pageRows = 1_000;
const scripts = { batched: runBatched, rowByRow: runRowByRow, scan: runScan } as const;

export async function openScript(
  name: keyof typeof scripts,
  stores: StoresAddress,
  rows: number,
): Promise<Way> {
  const pool = connectPostgres({
    url: stores.databaseUrl,
    applicationName: 'claim-reconciler bench',
    ...defaultPoolLimits,
    onError: () => undefined,
  });
  const redis = connectStrict(stores.redisUrl, { onError: () => undefined });
  await untilReady(redis, 5_000);
  return {
    run: () => scripts[name]({ pool, redis, prefix: stores.prefix }, rows),
    async close() {
      await endRedis(redis, 1_000);
      await endPool(pool, 1_000);
    },
  };
}

/** Pages of objects, one pipeline of GET and PTTL a page, nothing overlapping. Returns the rows judged. */
async function runBatched({ pool, redis, prefix }: ScriptStores, rowsMax: number): Promise<number> {
  let judged = 0;
  let lastId = '0';
  while (judged < rowsMax) {
    const rows = await readPage(pool, lastId, Math.min(pageRows, rowsMax - judged));
    if (rows.length === 0) break;
    const pipeline = redis.pipeline();
    for (const row of rows) pipeline.get(keyOf(row, prefix)).pttl(keyOf(row, prefix));
    const replies = (await pipeline.exec()) ?? [];
    for (const [at, row] of rows.entries()) judge(row, replies[at * 2]?.[1], replies[at * 2 + 1]?.[1]);
    judged += rows.length;
    lastId = rows.at(-1)?.id ?? lastId;
  }
  return judged;
}

/** One claim after the other, each with two round trips. Returns the rows judged. */
async function runRowByRow({ pool, redis, prefix }: ScriptStores, rowsMax: number): Promise<number> {
  let judged = 0;
  let lastId = '0';
  while (judged < rowsMax) {
    const rows = await readPage(pool, lastId, Math.min(pageRows, rowsMax - judged));
    if (rows.length === 0) break;
    for (const row of rows) {
      const key = keyOf(row, prefix);
      judge(row, await redis.get(key), await redis.pttl(key));
    }
    judged += rows.length;
    lastId = rows.at(-1)?.id ?? lastId;
  }
  return judged;
}

async function readPage(pool: pg.Pool, lastId: string, rowsMax: number): Promise<ScriptRow[]> {
  const { rows } = await pool.query<ScriptRow>(
    'select * from gift_claim where id > $1 order by id limit $2',
    [lastId, rowsMax],
  );
  return rows;
}
