/**
 * Invariant 12: schedulers as real processes, one dead, one stopped, one with a clock an hour off. Each slot is enqueued
 * at most once, and soon by someone. Judged by what landed in Postgres and by the recorded
 * history of the lease.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TestDatabase } from '../support/database.ts';
import { RecordedLeases } from '../support/history/record-leases.ts';
import { startProcess, type ProcessHandle } from '../support/process-handle.ts';
import { waitFor } from '../support/wait-for.ts';

const leaseKey = 'test:lease:scheduler';
const hourMs = 3_600_000;

let stores: RecordedLeases;
let database: TestDatabase;

beforeAll(async () => {
  stores = await RecordedLeases.open();
  ({ database } = stores);
  await database.pool.query(
    'create table enqueued (task text, slot timestamptz, holder text, at timestamptz default now())',
  );
});

afterAll(async () => stores.close());

function startScheduler(holder: string, clockOffsetMs: number): ProcessHandle {
  const args = [stores.redis.url, database.url, leaseKey, holder];
  return startProcess('test/chaos/lease-scheduler.ts', { args, clockOffsetMs });
}

async function enqueuedBy(holder: string): Promise<number> {
  const { rows } = await database.pool.query<{ count: string }>(
    'select count(*) from enqueued where holder = $1',
    [holder],
  );
  return Number(rows[0]?.count);
}

async function moreFrom(holder: string, slots: number): Promise<void> {
  const before = await enqueuedBy(holder);
  await waitFor(async () => (await enqueuedBy(holder)) >= before + slots, {
    what: `${slots} more slots of ${holder}`,
    timeoutMs: 30_000,
  });
}

/** Rows that should not be there, each with its reason. */
const violations = `
  select 'twice' as what, task, slot from enqueued group by task, slot having count(*) > 1
  union all
  select 'not in the ledger', task, slot from enqueued where (task, slot) not in (select task, slot from reconciler.slot)
  union all
  select 'named after a wrong clock', task, slot from enqueued where abs(extract(epoch from slot - at)) > 10
  union all
  select 'too close', task, slot from (
    select task, slot, slot - lag(slot) over (partition by task order by slot) as gap from reconciler.slot
  ) gaps where gap < interval '1 second'
  union all
  select 'out of token order', task, slot from (
    select task, slot, fencing_token, max(fencing_token) over (partition by task order by slot) as newest
    from reconciler.slot
  ) terms where fencing_token < newest`;

it('one dead, one stopped, one with a clock an hour off: no slot twice, and always someone who goes on', async () => {
  const dead = startScheduler('dead', 0);
  await moreFrom('dead', 3);
  const stopped = startScheduler('stopped', 0);
  const ahead = startScheduler('ahead', hourMs);
  const clock = (await ahead.waitForLine('clock')).split(' ')[1] ?? '';
  expect(Date.parse(clock) - Date.now()).toBeGreaterThan(hourMs / 2);
  await stopped.waitForLine('clock');

  // Whoever of the two follows the dead one, the other follows it.
  await dead.kill();
  const next = await waitFor(
    async () => ((await enqueuedBy('stopped')) > 0 ? 'stopped' : (await enqueuedBy('ahead')) > 0 && 'ahead'),
    { what: 'a successor of the dead one', timeoutMs: 30_000 },
  );
  if (next === 'ahead') {
    await moreFrom('ahead', 3);
    ahead.signal('SIGSTOP');
    await moreFrom('stopped', 3);
    stopped.signal('SIGSTOP');
    ahead.signal('SIGCONT');
  } else {
    await moreFrom('stopped', 3);
    stopped.signal('SIGSTOP');
  }
  await moreFrom('ahead', 5);

  // The stopped one goes on where it was, and does no harm.
  const before = await enqueuedBy('stopped');
  stopped.signal('SIGCONT');
  await stopped.waitForLine('term_ended', { timeoutMs: 30_000 });
  await moreFrom('ahead', 5);
  expect((await enqueuedBy('stopped')) - before).toBeLessThanOrEqual(1);

  await ahead.kill();
  await stopped.kill();
  const { rows } = await database.pool.query(violations);
  expect(rows).toEqual([]);
  expect(await stores.wrongs(leaseKey)).toEqual([]);
});
