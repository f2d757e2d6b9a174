/**
 * The lease between real processes that are killed and stopped (FAULTS "The lease" 13, 18). Judged by what landed in
 * Postgres and by the recorded history of the lease (L1, L2, L3), not by what the processes say.
 */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { Redis } from 'ioredis';
import { claimSlot } from '../../src/postgres/slot.ts';
import { RecordedLeases } from '../support/history/record-leases.ts';
import { startProcess, type ProcessHandle } from '../support/process-handle.ts';
import { waitFor } from '../support/wait-for.ts';

const ttlMs = 3_000;
const key = 'test:lease:guarded';

let stores: RecordedLeases;
let redis: Redis;

beforeAll(async () => {
  stores = await RecordedLeases.open();
  redis = new Redis(stores.redis.url);
});

afterAll(async () => {
  redis.disconnect();
  await stores.close();
});

beforeEach(async () => {
  await redis.del(key);
  await stores.database.pool.query('truncate reconciler.slot, history.written');
});

function startHolder(holder: string): ProcessHandle {
  return startProcess('test/chaos/lease-holder.ts', {
    args: [stores.redis.url, stores.database.url, key, holder, String(ttlMs)],
  });
}

interface Write {
  readonly holder: string;
  readonly token: string;
}

async function readWrites(): Promise<Write[]> {
  const { rows } = await stores.database.pool.query<Write>(
    'select holder, fencing_token::text as token from reconciler.slot order by enqueued_at',
  );
  return rows;
}

async function writesOf(holder: string): Promise<number> {
  return (await readWrites()).filter((write) => write.holder === holder).length;
}

it('18: when the holder is killed, another holds the lease and writes soon after its TTL', async () => {
  const first = startHolder('first');
  await first.waitForLine('wrote');
  const second = startHolder('second');
  await first.kill();
  const left = await redis.pttl(key);
  expect(left).toBeLessThanOrEqual(ttlMs);
  await second.waitForLine('wrote');
  expect(await stores.wrongs(key)).toEqual([]);
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
  expect(await claimSlot(stores.database.pool, late)).toMatchObject({ kind: 'fenced_out', holder: 'second' });
  const seconds = await writesOf('second');
  await waitFor(async () => (await writesOf('second')) > seconds, { what: 'another write of the second' });
  expect(await writesOf('first')).toBe(before);
  expect(await stores.wrongs(key)).toEqual([]);
  await first.kill();
  await second.kill();
});
