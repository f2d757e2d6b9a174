/**
 * Applications that write gift claims as real ones do: several at a time, in transactions that take longer or shorter
 * and end in any order, with savepoints, rollbacks and status changes of each other's rows.
 * Invariant kept: before a row is inserted its marker is set wrongly (its own attempt, without an expiry), so that every
 * status it may end in has a verdict of its own: see `verdictOf`.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { Client } from 'pg';
import type { SeededRandom } from '../../support/seeded-random.ts';
import { dayMs } from './claim-tables.ts';

export const statuses = ['pending', 'granted', 'failed'] as const;
export type Status = (typeof statuses)[number];

/** What a claim of this status is when its marker has its own value and no expiry. */
export const verdictOf: Readonly<Record<Status, string>> = {
  pending: 'in_doubt',
  granted: 'immortal_marker',
  failed: 'orphan_marker',
};

export interface WriterCounts {
  committed: number;
  rolledBack: number;
  savepoints: number;
}

export interface Writers {
  readonly url: string;
  readonly redis: Redis;
  readonly random: SeededRandom;
  readonly writers: number;
  readonly transactionsEach: number;
}

/** Resolves when all writers have made their transactions. */
export async function runWriters(options: Writers): Promise<WriterCounts> {
  const counts: WriterCounts = { committed: 0, rolledBack: 0, savepoints: 0 };
  const shared: Shared = { ...options, counts, uid: 1_000_000, written: [] };
  await Promise.all(Array.from({ length: options.writers }, async () => runWriter(shared)));
  return counts;
}

interface Shared extends Writers {
  readonly counts: WriterCounts;
  uid: number;
  /** Ids of rows that may or may not have been committed. */
  readonly written: string[];
}

async function runWriter(shared: Shared): Promise<void> {
  const client = new Client({ connectionString: shared.url, application_name: 'writer' });
  await client.connect();
  try {
    // Two writers may wait for each other's rows: soon found out, and rolled back like any failure.
    await client.query("set deadlock_timeout = '50ms'");
    for (let made = 0; made < shared.transactionsEach; made += 1) await writeTransaction(client, shared);
  } finally {
    await client.end();
  }
}

async function writeTransaction(client: Client, shared: Shared): Promise<void> {
  const { random, counts } = shared;
  await client.query('begin');
  try {
    for (let step = random.integer(1, 4); step > 0; step -= 1) {
      await writeInSavepoints(client, shared, random.chance(0.4) ? random.integer(1, 3) : 0);
      await pause(random.integer(0, 10));
    }
    await pause(random.chance(0.05) ? random.integer(300, 900) : random.integer(0, 40));
    const keeps = random.chance(0.8);
    await client.query(keeps ? 'commit' : 'rollback');
    counts[keeps ? 'committed' : 'rolledBack'] += 1;
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('deadlock')) throw error;
    await client.query('rollback');
    counts.rolledBack += 1;
  }
}

/** Writes `depth` levels deep in savepoints; each level is kept or rolled back by itself. */
async function writeInSavepoints(client: Client, shared: Shared, depth: number): Promise<void> {
  if (depth === 0) {
    await write(client, shared);
    return;
  }
  const { random, counts } = shared;
  counts.savepoints += 1;
  await client.query(`savepoint level_${depth}`);
  if (random.chance(0.5)) await write(client, shared);
  await writeInSavepoints(client, shared, depth - 1);
  await client.query(
    random.chance(0.4) ? `rollback to savepoint level_${depth}` : `release savepoint level_${depth}`,
  );
}

async function write(client: Client, shared: Shared): Promise<void> {
  const { random, written } = shared;
  const status = random.pick(statuses);
  if (written.length > 0 && random.chance(0.4)) {
    await client.query('update gift_claim set status = $2 where id = $1', [random.pick(written), status]);
    return;
  }
  shared.uid += 1;
  written.push(await insertClaim(client, shared.redis, shared.uid, status));
}

/** Returns the id of the new row. */
export async function insertClaim(
  client: Client,
  redis: Redis,
  uid: number,
  status: Status,
): Promise<string> {
  await redis.set(`gift:${uid}`, `attempt-${uid}`);
  const { rows } = await client.query<{ id: string }>(
    `insert into gift_claim (uid, attempt_id, status, expires_at)
     values ($1, $2, $3, now() + $4 * interval '1 ms') returning id::text`,
    [uid, `attempt-${uid}`, status, dayMs],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('an insert returned no row');
  return row.id;
}
