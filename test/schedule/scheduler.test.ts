/**
 * Schedulers side by side: each slot is enqueued once, by whoever holds the lease, and a holder that cannot do it makes
 * way (FAULTS "The daemon" 16).
 */
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { migrate } from '../../src/postgres/migrate.ts';
import { connectStrict, endRedis, untilReady } from '../../src/redis/connect.ts';
import type { Enqueue } from '../../src/schedule/enqueue-in-time.ts';
import type { ScheduleEvent } from '../../src/schedule/schedule-event.ts';
import { startScheduler, type Scheduler } from '../../src/schedule/scheduler.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { createRedis, type TestRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait-for.ts';

const leaseKey = 'test:lease:scheduler';
const timing = { ttlMs: 3_000, renewEveryMs: 1_000, callTimeoutMs: 500 };

let database: TestDatabase;
let redis: TestRedis;
let leases: Redis;
const open: Scheduler[] = [];

beforeAll(async () => {
  database = await createDatabase();
  await migrate(database.pool);
  redis = await createRedis();
  leases = connectStrict(redis.url, { onError: () => {} });
  await untilReady(leases, 5_000);
});

afterAll(async () => {
  await endRedis(leases, 1_000);
  await redis.release();
  await database.drop();
});

beforeEach(async () => {
  await redis.client.del(leaseKey);
  await database.pool.query('truncate reconciler.slot');
});

afterEach(async () => {
  await Promise.all(open.splice(0).map(async (scheduler) => scheduler.close(10_000)));
});

interface Replica {
  readonly scheduler: Scheduler;
  readonly events: ScheduleEvent[];
  /** What it enqueued, as `source at slot`. */
  readonly enqueued: string[];
}

function startReplica(
  holder: string,
  options: { schedule?: string; sources?: readonly string[]; enqueue?: Enqueue } = {},
): Replica {
  const { schedule = '* * * * * *', sources = ['gifts'] } = options;
  const events: ScheduleEvent[] = [];
  const enqueued: string[] = [];
  const record: Enqueue = async ({ source, slot }) => {
    enqueued.push(`${source} at ${slot.toISOString()}`);
    return 'enqueued';
  };
  const scheduler = startScheduler({
    leases,
    pool: database.pool,
    leaseKey,
    holder,
    timing,
    timezone: 'UTC',
    tasks: sources.map((name) => ({ name, schedule })),
    enqueue: options.enqueue ?? record,
    onEvent: (event) => void events.push(event),
  });
  open.push(scheduler);
  return { scheduler, events, enqueued };
}

async function readLedger(): Promise<string[]> {
  const { rows } = await database.pool.query<{ task: string; slot: Date }>(
    'select task, slot from reconciler.slot order by slot, task',
  );
  return rows.map(({ task, slot }) => `${task} at ${slot.toISOString()}`);
}

describe('replicas that start at once', () => {
  it('16: enqueue each of some twenty slots once, one replica at a time, across a change of holder', async () => {
    const sources = ['gifts', 'orders', 'seats'];
    const replicas = ['one', 'two', 'three'].map((holder) => startReplica(holder, { sources }));
    const all = (): string[] => replicas.flatMap(({ enqueued }) => enqueued);
    await waitFor(() => all().length >= 12, { what: 'a dozen slots' });
    const holders = replicas.filter(({ scheduler }) => scheduler.isHolder());
    expect(holders).toHaveLength(1);
    await holders[0]?.scheduler.close(10_000);
    expect(holders[0]?.scheduler.isHolder()).toBe(false);
    const others = replicas.filter((replica) => replica !== holders[0]);
    await waitFor(() => others.flatMap(({ enqueued }) => enqueued).length >= 10, {
      what: 'slots of the next holder',
    });
    await Promise.all(replicas.map(async ({ scheduler }) => scheduler.close(10_000)));
    expect(all().toSorted()).toEqual((await readLedger()).toSorted());
    expect(new Set(all()).size).toBe(all().length);
  });
});

describe('a new holder', () => {
  it('makes good at once what was missed, though its timer is far off', async () => {
    const replica = startReplica('late riser', { schedule: '0 0 1 1 *' });
    await waitFor(() => replica.enqueued.length === 1, { what: 'the slot that was never taken' });
    expect(replica.scheduler.counts()).toEqual({ enqueued: 1, skipped: 0, taken: 0, failed: 0 });
  });

  it('does not repeat a slot of the current interval', async () => {
    await database.pool.query(
      `insert into reconciler.slot (task, slot, holder, fencing_token) values ('gifts', now() - interval '1 day', 'x', 0)`,
    );
    const replica = startReplica('early riser', { schedule: '0 0 1 1 *' });
    await waitFor(() => replica.scheduler.counts().taken === 1, { what: 'the fire that finds the slot' });
    expect(replica.enqueued).toEqual([]);
    expect(replica.events).toContainEqual(expect.objectContaining({ kind: 'slot_taken', holder: 'x' }));
  });

  it('gives the lease back when it closes, so that another follows at once', async () => {
    const first = startReplica('first');
    await waitFor(() => first.scheduler.isHolder(), { what: 'the first to hold' });
    await first.scheduler.close(10_000);
    expect(await redis.client.exists(leaseKey)).toBe(0);
  });
});

describe('a Redis that forgets everything', () => {
  it('20: costs the holder its term, and slots go on in the next one, none of them twice', async () => {
    const replica = startReplica('only');
    await waitFor(() => replica.enqueued.length >= 2, { what: 'the first slots' });
    await redis.client.flushdb();
    await waitFor(() => replica.events.filter(({ kind }) => kind === 'term_began').length === 2, {
      what: 'the next term',
    });
    const before = replica.enqueued.length;
    await waitFor(() => replica.enqueued.length >= before + 2, { what: 'slots of the next term' });
    await replica.scheduler.close(10_000);
    expect(replica.enqueued).toEqual(await readLedger());
    expect(replica.events).toContainEqual(
      expect.objectContaining({ kind: 'term_ended', reason: expect.stringContaining('gone from Redis') }),
    );
  });
});

describe('a holder that cannot do the work', () => {
  it('makes way for one that can, after three failures', async () => {
    const broken = startReplica('broken', {
      enqueue: async () => Promise.reject(new Error('the queue is down')),
    });
    await waitFor(() => broken.scheduler.isHolder(), { what: 'the broken one to hold' });
    const sound = startReplica('sound');
    await waitFor(() => sound.enqueued.length > 2, { what: 'slots of the sound one', timeoutMs: 30_000 });
    expect(broken.scheduler.counts()).toMatchObject({ enqueued: 0, failed: 3 });
    expect(broken.events).toContainEqual(
      expect.objectContaining({ kind: 'slot_lost', reason: 'the queue is down' }),
    );
    expect(broken.events).toContainEqual(
      expect.objectContaining({ kind: 'term_ended', reason: expect.stringContaining('3 times') }),
    );
  });

  it('enqueues nothing once Postgres has seen a newer term, and steps down', async () => {
    const old = startReplica('old');
    await waitFor(() => old.enqueued.length > 0, { what: 'a slot of the old one' });
    await database.pool.query(
      `insert into reconciler.slot (task, slot, holder, fencing_token)
       select 'gifts', max(slot) + interval '1 millisecond', 'new', 1000000 from reconciler.slot`,
    );
    const before = old.enqueued.length;
    await waitFor(() => old.events.some(({ kind }) => kind === 'term_ended'), {
      what: 'the old one to step down',
    });
    // One may have been under way.
    expect(old.enqueued.length - before).toBeLessThanOrEqual(1);
    expect(old.events).toContainEqual(
      expect.objectContaining({
        kind: 'term_ended',
        reason: expect.stringContaining('new holds a newer term'),
      }),
    );
  });
});

describe('closing', () => {
  it('ends in time while a pass is being enqueued that never answers', async () => {
    const stuck = startReplica('stuck', { enqueue: async () => new Promise(() => {}) });
    await waitFor(async () => (await readLedger()).length > 0, { what: 'a slot to be claimed' });
    await stuck.scheduler.close(300);
    open.pop();
  });
});
