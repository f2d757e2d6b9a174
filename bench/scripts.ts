/**
 * What one would write first: the ways the bench compares with. They read the same rows and compare the same things.
 */
import type { DemoStores } from '../src/demo/fill-claims.ts';

interface ScriptRow {
  readonly id: string;
  readonly activity_id: number;
  readonly gift_id: string;
  readonly uid: string;
  readonly attempt_id: string;
  readonly status: string;
  readonly expires_at: Date;
}

const pageRows = 1_000;
const toleranceMs = 60_000;

/** Pages of objects, one pipeline of GET and PTTL a page, nothing overlapping. Returns the rows judged. */
export async function runBatched({ pool, redis, prefix }: DemoStores, rowsMax: number): Promise<number> {
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
export async function runRowByRow({ pool, redis, prefix }: DemoStores, rowsMax: number): Promise<number> {
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

async function readPage(pool: DemoStores['pool'], lastId: string, rowsMax: number): Promise<ScriptRow[]> {
  const { rows } = await pool.query<ScriptRow>(
    'select * from gift_claim where id > $1 order by id limit $2',
    [lastId, rowsMax],
  );
  return rows;
}

function keyOf({ activity_id, gift_id, uid }: ScriptRow, prefix: string): string {
  return `${prefix}gift:${activity_id}:${gift_id}:${uid}`;
}

function judge(row: ScriptRow, value: unknown, pttl: unknown): boolean {
  if (row.status !== 'granted') return value !== row.attempt_id;
  const leftMs = row.expires_at.getTime() - Date.now();
  return value === row.attempt_id && Math.abs(Number(pttl) - leftMs) <= toleranceMs;
}
