/**
 * Reading loses nothing (FAULTS "The daemon" 23): random writers, whose transactions end in any order, against passes
 * with a tiny grace period. Reading by id and by creation time on the same interleaving loses rows.
 * The server is this file's own: long transactions hold the horizon of every database on it.
 */
import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startPostgres } from '../../src/embedded/start-postgres.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { naiveReader, type NaiveReader } from '../reconcile/support/naive-reader.ts';
import { insertClaim, runWriters, statuses, verdictOf } from '../reconcile/support/random-writers.ts';
import { createWorld, type World } from '../reconcile/support/world.ts';
import { chooseSeed, createRandom } from '../support/seeded-random.ts';

let postgres: RunningServer;
let redis: RunningServer;
let world: World;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([
    startPostgres({ env: process.env }),
    startRedis({ env: process.env }),
  ]);
  world = await createWorld({ redisUrl: redis.url, serverUrl: postgres.url });
});

afterAll(async () => {
  await world.drop();
  await Promise.all([postgres.stop(), redis.stop()]);
});

/** Small pages, so that they end within transactions; judged and recorded, never repaired. */
const reading = {
  rules: { mode: 'observe', graceMs: 50 },
  limits: { rowsPerPage: 7, block: { linesMin: 1, linesMax: 3, serverMs: 1 } },
} as const;

/** Two transactions that end in the other order than they began; returns the id that is committed last. */
async function overlap(uid: number, readAll: () => Promise<void>): Promise<string> {
  const [first, second] = [new Client(world.databaseUrl), new Client(world.databaseUrl)];
  await Promise.all([first.connect(), second.connect()]);
  await first.query('begin');
  const late = await insertClaim(first, world.redis, uid, 'granted');
  await second.query('begin');
  await insertClaim(second, world.redis, uid + 1, 'granted');
  await second.query('commit');
  await readAll();
  await first.query('commit');
  await Promise.all([first.end(), second.end()]);
  return late;
}

it('judges every committed row as its final state says, where reading by id or by time loses rows', async () => {
  const random = createRandom(chooseSeed('random writers'));
  const naive: Record<'id' | 'created_at', NaiveReader> = {
    id: naiveReader(world.pool, 'id'),
    created_at: naiveReader(world.pool, 'created_at'),
  };
  const readAll = async (): Promise<void> => {
    await Promise.all([naive.id.read(), naive.created_at.read()]);
    const report = await world.runPassNow(reading);
    expect(report).toMatchObject({ outcome: 'completed' });
  };
  const late: string[] = [];
  for (const uid of [1, 11, 21]) late.push(await overlap(uid, readAll));

  const state = { isWriting: true };
  const writing = runWriters({
    url: world.databaseUrl,
    redis: world.redis,
    random,
    writers: 8,
    transactionsEach: 60,
  }).finally(() => (state.isWriting = false));
  let passes = 0;
  while (state.isWriting) {
    await readAll();
    passes += 1;
  }
  const counts = await writing;
  console.log(`${passes} passes while writing:`, counts);
  expect(counts.committed).toBeGreaterThan(100);
  expect(counts.rolledBack).toBeGreaterThan(0);
  await readAll();
  await world.runPass(reading);
  expect(await world.runPass(reading)).toMatchObject({ outcome: 'completed', checked: 0 });

  const { rows } = await world.pool.query<{ id: string; status: string; change_xid: string }>(
    'select id::text, status, change_xid::text from gift_claim order by gift_claim.id',
  );
  const words: Readonly<Record<string, string>> = verdictOf;
  const expected = rows.map((row) => `${row.id} ${words[row.status]} at ${row.change_xid}`);
  const judged = (await world.discrepancies())
    .filter(({ state }) => state === 'open')
    .toSorted((a, b) => Number(a.claimId) - Number(b.claimId))
    .map(({ claimId, verdict, changeXid }) => `${claimId} ${verdict} at ${changeXid}`);
  expect(judged).toEqual(expected);
  for (const status of statuses) expect(rows.some((row) => row.status === status)).toBe(true);

  for (const reader of Object.values(naive)) {
    const lost = await reader.lost();
    expect(lost).toEqual(expect.arrayContaining(late));
    console.log(`lost by the naive reading: ${lost.length} of ${rows.length}`);
  }
});
