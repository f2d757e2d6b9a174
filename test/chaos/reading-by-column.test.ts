/**
 * Reading a table that may not be altered loses nothing either, as far as its overlap reaches: random writers with
 * savepoints, whose transactions end in any order, against passes by id and by creation time with a tiny grace period.
 * The server is this file's own: long transactions hold the horizon of every database on it.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ClaimPosition, Source } from '../../src/domain/source.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startPostgres } from '../../src/embedded/start-postgres.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { describeSource } from '../../src/postgres/source-sql.ts';
import { giftSource } from '../reconcile/support/claim-tables.ts';
import { runWriters, statuses, verdictOf } from '../reconcile/support/random-writers.ts';
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
  await world.pool.query('create index on gift_claim (created_at, id)');
});

afterAll(async () => {
  await world.drop();
  await Promise.all([postgres.stop(), redis.stop()]);
});

function readBy(name: string, position: ClaimPosition): Source {
  return { ...giftSource, name, columns: { ...giftSource.columns, change: null }, position };
}

const sources = [
  readBy('by-time', { column: 'created_at', overlap: { kind: 'time', ms: 600_000 } }),
  readBy('by-id', { column: 'id', overlap: { kind: 'ids', count: 100_000 } }),
];

/** Small pages, so that they end within transactions; judged and recorded, never repaired. */
const reading = {
  sources,
  rules: { mode: 'observe', graceMs: 50 },
  limits: { rowsPerPage: 7, block: { linesMin: 1, linesMax: 3, serverMs: 1 } },
} as const;

it('judges every committed row as its final state says, each version of it once', async () => {
  const random = createRandom(chooseSeed('random writers'));
  let checked = 0;
  const readAll = async (): Promise<void> => {
    for (const { name } of sources) {
      const report = await world.runPassNow({ ...reading, source: name });
      expect(report).toMatchObject({ outcome: 'completed' });
      checked += report.checked;
    }
  };
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
  for (const { name } of sources) {
    await world.runPass({ ...reading, source: name });
    expect(await world.runPass({ ...reading, source: name })).toMatchObject({ checked: 0 });
  }
  console.log(`${passes} passes of each source while writing judged ${checked} versions:`, counts);
  expect(counts.savepoints).toBeGreaterThan(10);
  expect(checked).toBeGreaterThan(0);

  const [source = giftSource] = sources;
  const { rows } = await world.pool.query<{ id: string; status: string; version: string }>(
    `select id::text, status, ${describeSource(source, 'bigint').change}::text as version
     from gift_claim order by gift_claim.id`,
  );
  const words: Readonly<Record<string, string>> = verdictOf;
  const expected = rows.map((row) => `${row.id} ${words[row.status]} at ${row.version}`);
  for (const { name } of sources) {
    const { rows: open } = await world.pool.query<{ found: string }>(
      `select claim_id || ' ' || verdict || ' at ' || change_xid as found from reconciler.discrepancy
       where source = $1 and state = 'open' order by claim_id::bigint`,
      [name],
    );
    expect(open.map(({ found }) => found)).toEqual(expected);
  }
  for (const status of statuses) expect(rows.some((row) => row.status === status)).toBe(true);
});
