/**
 * The script of those who begin with the keys: enumerates the markers with SCAN, reads each and looks its claim up by the
 * attempt, then looks for claims that no marker was met of. It must go through all keys of the server, however few claims
 * are new.
 */
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { judge, type ScriptRow } from './script-row.ts';

const keysPerScan = 1_000;
const rowsPerPage = 10_000;

interface ScanStores {
  readonly pool: pg.Pool;
  readonly redis: Redis;
  readonly prefix: string;
}

/** Returns the claims judged. */
export async function runScan({ pool, redis, prefix }: ScanStores): Promise<number> {
  const met = new Set<string>();
  const stream = redis.scanStream({ match: `${prefix}gift:*`, count: keysPerScan });
  for await (const keys of stream) {
    if (Array.isArray(keys) && keys.length > 0) await judgeKeys(pool, redis, keys.map(String), met);
  }
  return met.size + (await judgeUnmet(pool, met));
}

async function judgeKeys(
  pool: pg.Pool,
  redis: Redis,
  keys: readonly string[],
  met: Set<string>,
): Promise<void> {
  const pipeline = redis.pipeline();
  for (const key of keys) pipeline.get(key).pttl(key);
  const replies = (await pipeline.exec()) ?? [];
  const markers = new Map(keys.map((_, at) => [String(replies[at * 2]?.[1]), replies[at * 2 + 1]?.[1]]));
  const { rows } = await pool.query<ScriptRow>('select * from gift_claim where attempt_id = any($1)', [
    [...markers.keys()],
  ]);
  for (const row of rows) {
    judge(row, row.attempt_id, markers.get(row.attempt_id));
    met.add(row.id);
  }
}

/** Claims whose marker was not met: right for a released one. */
async function judgeUnmet(pool: pg.Pool, met: ReadonlySet<string>): Promise<number> {
  let judged = 0;
  let lastId = '0';
  for (;;) {
    const { rows } = await pool.query<Pick<ScriptRow, 'id' | 'attempt_id' | 'status' | 'expires_at'>>(
      'select id, attempt_id, status, expires_at from gift_claim where id > $1 order by id limit $2',
      [lastId, rowsPerPage],
    );
    for (const row of rows) if (!met.has(row.id)) judged += 1;
    if (rows.length < rowsPerPage) return judged;
    lastId = rows.at(-1)?.id ?? lastId;
  }
}
