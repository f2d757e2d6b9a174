/**
 * The lease between real processes that are killed and stopped (FAULTS "The lease" 13, 18). Judged by what landed in
 * Postgres, not by what the processes say.
 */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { migrate } from '../../src/postgres/migrate.ts';
import { claimSlot } from '../../src/postgres/slot.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { startProcess, type ProcessHandle } from '../support/process-handle.ts';
import { createRedis, type TestRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait-for.ts';

const ttlMs = 3_000;
const key = 'test:lease:guarded';

let database: TestDatabase;
let redis: TestRedis;

beforeAll(async () => {
  database = await createDatabase();
  redis = await createRedis();
  await migrate(database.pool);
});

afterAll(async () => {
  await redis.release();
  await database.drop();
});

beforeEach(async () => {
  await redis.client.del(key);
  await database.pool.query('truncate reconciler.slot');
});

function startHolder(holder: string): ProcessHandle {
  return startProcess('test/chaos/lease-holder.ts', {
    args: [redis.url, database.url, key, holder, String(ttlMs)],
  });
}

interface Write {
  readonly holder: string;
  readonly token: string;
}

async function readWrites(): Promise<Write[]> {
  const { rows } = await database.pool.query<Write>(
    'select holder, fencing_token::text as token from reconciler.slot order by enqueued_at',
  );
  return rows;
}

async function writesOf(holder: string): Promise<number> {
  return (await readWrites()).filter((write) => write.holder === holder).length;
}

/** L1: no write of an older term after one of a newer. */
async function expectTokenOrder(): Promise<void> {
  const tokens = (await readWrites()).map(({ token }) => Number(token));
  expect(tokens).toEqual(tokens.toSorted((left, right) => left - right));
}

it('18: when the holder is killed, another holds the lease and writes soon after its TTL', async () => {
  const first = startHolder('first');
  await first.waitForLine('wrote');
  const second = startHolder('second');
  await first.kill();
  const left = await redis.client.pttl(key);
  expect(left).toBeLessThanOrEqual(ttlMs);
  await second.waitForLine('wrote');
  await expectTokenOrder();
  await second.kill();
});

it('13: a holder that was stopped for three TTLs writes nothing when it goes on', async () => {
  const first = startHolder('first');
  const token = (await first.waitForLine('holds')).split(' ')[1] ?? '';
  await waitFor(async () => (await writesOf('first')) >= 2, { what: 'two writes of the first' });
  first.signal('SIGSTOP');
  const stoppedAt = performance.now();
  const second = startHolder('second');
  await second.waitForLine('wrote');
  await waitFor(async () => performance.now() - stoppedAt > 3 * ttlMs && (await writesOf('second')) >= 3, {
    what: 'three TTLs, with writes of the second',
  });
  const before = await writesOf('first');
  first.signal('SIGCONT');
  await first.waitForLine('lost');
  // A write that was in its socket already is refused by Postgres.
  const late = { task: 'guarded', minGapMs: 0, holder: 'first', fencingToken: token };
  expect(await claimSlot(database.pool, late)).toMatchObject({ kind: 'fenced_out', holder: 'second' });
  const seconds = await writesOf('second');
  await waitFor(async () => (await writesOf('second')) > seconds, { what: 'another write of the second' });
  expect(await writesOf('first')).toBe(before);
  await expectTokenOrder();
  await first.kill();
  await second.kill();
});
