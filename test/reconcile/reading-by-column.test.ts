/**
 * Passes over a table that has no stamped column: what they find, what they do not do twice, and what they do not see.
 * The server is this file's own: an open transaction holds the horizon of every database on it.
 */
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { run as runPassJob } from '../../jobs/pass.ts';
import type { ClaimPosition, Source } from '../../src/domain/source.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startPostgres } from '../../src/embedded/start-postgres.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import type { PassReport } from '../../src/reconcile/pass-report.ts';
import type { Distributor } from '../../src/domain/distributor.ts';
import { openClaimTable } from '../../src/postgres/claim-table.ts';
import { insertPending } from '../../src/postgres/write-claim.ts';
import { waitFor } from '../support/wait-for.ts';
import { knownDistributor } from './support/known-distributor.ts';
import { giftSource } from './support/claim-tables.ts';
import { silentReporter } from './support/job-deps.ts';
import { createWorld, type Gift, type World } from './support/world.ts';

let postgres: RunningServer;
let redis: RunningServer;
let world: World;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([
    startPostgres({ env: process.env, settings: { autovacuum: 'off' } }),
    startRedis({ env: process.env }),
  ]);
  world = await createWorld({ redisUrl: redis.url, serverUrl: postgres.url });
  await world.pool.query(`alter table gift_claim add updated_at timestamptz default now();
    create index on gift_claim (updated_at, id); create index on gift_claim (created_at, id);`);
});

beforeEach(async () => world.reset());

afterAll(async () => {
  await world.drop();
  await Promise.all([postgres.stop(), redis.stop()]);
});

const minutes = (count: number): ClaimPosition['overlap'] => ({ kind: 'time', ms: count * 60_000 });
const changed: ClaimPosition = { column: 'updated_at', overlap: minutes(10) };
const created: ClaimPosition = { column: 'created_at', overlap: minutes(10) };

function readBy(position: ClaimPosition): Source {
  return { ...giftSource, columns: { ...giftSource.columns, change: null }, position };
}

async function pass(position: ClaimPosition): Promise<PassReport> {
  return world.runPass({ sources: [readBy(position)] });
}

async function passFrom(agoMs: number, position: ClaimPosition): Promise<PassReport> {
  const payload = { source: 'gifts', by: 'test', force: false, waits: true };
  const from = { kind: 'ago', agoMs } as const;
  const deps = world.deps({ sources: [readBy(position)] });
  return runPassJob({ ...payload, from }, deps, silentReporter, new AbortController().signal);
}

/** As the application does: status and time of the change together. */
async function setStatus({ id }: Gift, status: string): Promise<void> {
  await world.pool.query('update gift_claim set status = $2, updated_at = now() where id = $1', [id, status]);
}

/** As if it had been made that long ago. */
async function makeOlder({ id }: Gift, count: number): Promise<void> {
  await world.pool.query(
    `update gift_claim set created_at = created_at - $2 * interval '1 minute',
       updated_at = updated_at - $2 * interval '1 minute' where id = $1`,
    [id, count],
  );
}

async function begin(): Promise<Client> {
  const client = new Client(world.databaseUrl);
  await client.connect();
  onTestFinished(async () => client.end());
  await client.query('begin');
  return client;
}

/** Without a marker, which is what a pass then finds missing. */
async function insertIn(client: Client, uid: number): Promise<void> {
  await client.query(
    `insert into gift_claim (uid, attempt_id, status, expires_at) values ($1, $2, 'granted', now() + interval '1 day')`,
    [uid, `late-${uid}`],
  );
}

describe('a pass by a column', () => {
  it.each([
    ['updated_at', changed],
    ['id', { column: 'id', overlap: { kind: 'ids', count: 1_000 } } as const],
  ])(
    '%s finds what is wrong, repairs it, and a second pass over unchanged data does nothing',
    async (_, by) => {
      const [right, missing] = [await world.addGift(), await world.addGift()];
      await world.setMarker(right);
      const report = await pass(by);
      expect(report).toMatchObject({ checked: 2, repairs: { applied: 1 }, verdicts: { missing_marker: 1 } });
      expect(await world.readMarker(missing.key)).toMatchObject({ value: missing.attempt });
      expect(await pass(by)).toMatchObject({ checked: 0, open: 0, repairs: { applied: 0 } });

      await setStatus(right, 'failed');
      expect(await pass(by)).toMatchObject({
        checked: 1,
        verdicts: { orphan_marker: 1 },
        repairs: { applied: 1 },
      });
      expect(await world.readMarker(right.key)).toBeNull();
      expect(await pass(by)).toMatchObject({ checked: 0 });
      expect(await world.discrepancies()).toHaveLength(2);
    },
  );

  it('leaves a row alone that was committed within the grace period, whatever its time says', async () => {
    const gift = await world.addGift();
    await pass(changed);
    await setStatus(gift, 'failed');
    await makeOlder(gift, 5);
    const rules = { graceMs: 60_000 };
    expect(await world.runPassNow({ sources: [readBy(changed)], rules })).toMatchObject({ checked: 0 });
    expect(await pass(changed)).toMatchObject({ checked: 1, verdicts: { orphan_marker: 1 } });
  });

  it('judges what waits for its next look no sooner for being read over again', async () => {
    const gift = await world.addGift({ status: 'pending' });
    await pass(changed);
    const readWait = async (): Promise<string | undefined> => {
      const { rows } = await world.pool.query<{ at: string }>(
        'select next_check_at::text as at from reconciler.discrepancy',
      );
      return rows[0]?.at;
    };
    const before = await readWait();
    expect(before).toBeTruthy();
    await world.addGift();
    await pass(changed);
    expect(await readWait()).toBe(before);
    await setStatus(gift, 'pending');
    await pass(changed);
    expect(await readWait()).not.toBe(before);
    expect(await world.discrepancies()).toHaveLength(2);
  });
});

describe('a claim in doubt', () => {
  it('is settled if it is still the version that was judged', async () => {
    const [granted, refused, moved] = [
      await world.addGift({ status: 'pending' }),
      await world.addGift({ status: 'pending' }),
      await world.addGift({ status: 'pending' }),
    ];
    await world.setMarker(refused);
    const distributor = knownDistributor();
    distributor.knows(granted.attempt, { kind: 'granted' });
    distributor.knows(refused.attempt, { kind: 'refused', reason: 'sold out' });
    const asking: Distributor = {
      ...distributor,
      lookup: async (attempt, signal) => {
        // The application writes to the row while the question is under way.
        if (attempt === moved.attempt) await setStatus(moved, 'pending');
        return distributor.lookup(attempt, signal);
      },
    };
    const sources = [readBy(changed)];
    const report = await world.runPass({ sources, distributor: asking });
    expect(report).toMatchObject({ verdicts: { in_doubt: 3 }, actions: { settle_granted: { applied: 1 } } });
    expect(report.actions.grant_again.applied).toBe(0);
    const { rows } = await world.pool.query<{ status: string }>('select status from gift_claim order by id');
    expect(rows.map(({ status }) => status)).toEqual(['granted', 'failed', 'pending']);
    expect(await world.readMarker(granted.key)).toMatchObject({ value: granted.attempt });
    expect(await world.readMarker(refused.key)).toBeNull();
  });

  it('may be written through the gate', async () => {
    await world.pool.query(
      `create unique index live on gift_claim (uid) where status in ('pending', 'granted')`,
    );
    onTestFinished(async () => void (await world.pool.query('drop index live')));
    const table = await openClaimTable(world.pool, readBy(changed));
    const claim = { attempt: 'a-1', columns: { uid: 1 }, window: { ttlMs: 60_000 } };
    expect(await insertPending(world.pool, table, claim)).toMatchObject({ kind: 'inserted' });
    expect(await pass(changed)).toMatchObject({ checked: 1, verdicts: { in_doubt: 1 } });
  });
});

describe('a row with an old time', () => {
  it.each([
    [minutes(10), 1],
    [{ kind: 'time', ms: 1 } as const, 0],
  ])('that is written late is found within an overlap of %j (%i)', async (overlap, found) => {
    const position = { column: 'updated_at', overlap };
    await world.addGift();
    const slow = await begin();
    const { rows } = await slow.query<{ now: string }>('select now()::text as now');
    const isPast = `select clock_timestamp() > $1::timestamptz + interval '5 ms' as it_is`;
    await waitFor(
      async () =>
        (await world.pool.query<{ it_is: boolean }>(isPast, [rows[0]?.now])).rows[0]?.it_is === true,
      { what: 'a time that is later than that of the transaction' },
    );
    await world.addGift();
    await pass(position);
    await world.addGift();
    await pass(position);
    // Its time is that of its beginning, and it has written nothing so far.
    await insertIn(slow, 900);
    await slow.query('commit');
    expect(await pass(position)).toMatchObject({ checked: found, verdicts: { missing_marker: found } });
    expect(await passFrom(3_600_000, position)).toMatchObject({ checked: 4, open: 0 });
    expect(await world.readMarker('gift:900')).toMatchObject({ value: 'late-900' });
  });

  it('of a transaction that wrote early and stays open is waited for, however short the overlap', async () => {
    const position = { column: 'updated_at', overlap: { kind: 'time', ms: 1 } as const };
    await pass(position);
    const open = await begin();
    await insertIn(open, 900);
    for (let count = 0; count < 3; count += 1) {
      await world.addGift();
      await world.runPassNow({ sources: [readBy(position)] });
    }
    expect(await world.discrepancies()).toEqual([]);
    await open.query('commit');
    expect(await pass(position)).toMatchObject({ checked: 4, verdicts: { missing_marker: 4 } });
  });

  it('that changes and keeps its time is seen within the overlap only, or when it is read again', async () => {
    const [young, old] = [await world.addGift(), await world.addGift()];
    for (const gift of [young, old]) await world.setMarker(gift);
    await makeOlder(old, 30);
    expect(await pass(created)).toMatchObject({ checked: 2, verdicts: { consistent: 2 } });
    for (const gift of [young, old]) await setStatus(gift, 'failed');
    expect(await pass(created)).toMatchObject({ checked: 1, verdicts: { orphan_marker: 1 } });
    expect(await world.readMarker(old.key)).not.toBeNull();
    expect(await passFrom(3_600_000, created)).toMatchObject({ checked: 2, verdicts: { orphan_marker: 1 } });
    expect(await world.readMarker(old.key)).toBeNull();
  });

  it('or none at all: where the column is null it is never read', async () => {
    const gift = await world.addGift();
    await world.pool.query('update gift_claim set updated_at = null where id = $1', [gift.id]);
    expect(await pass(changed)).toMatchObject({ checked: 0 });
  });
});

describe('the first reading', () => {
  it('waits until it is known how far it may go, and then passes over nothing', async () => {
    const open = await begin();
    await insertIn(open, 900);
    for (let count = 0; count < 3; count += 1) {
      await world.addGift();
      expect(await world.runPassNow({ sources: [readBy(changed)] })).toMatchObject({ outcome: 'completed' });
    }
    expect(await world.discrepancies()).toEqual([]);
    await open.query('commit');
    expect(await pass({ ...changed, overlap: { kind: 'time', ms: 1 } })).toMatchObject({ checked: 4 });
  });

  it('is gone on with where it was cut off', async () => {
    for (let count = 0; count < 9; count += 1) await makeOlder(await world.addGift(), 100 - 10 * count);
    await world.settle();
    const limits = { rowsPerPage: 3 };
    const cut = new AbortController();
    const reporter = { log: () => undefined, progress: () => cut.abort() };
    const payload = { source: 'gifts', by: 'test', force: false, waits: true };
    const deps = world.deps({ sources: [readBy(changed)], limits });
    const first = await runPassJob(payload, deps, reporter, cut.signal);
    expect(first).toMatchObject({ outcome: 'stopped', checked: 3, checkpoint: { to: { changeXid: '0' } } });
    // The last row of the page lies within the overlap, and is read again.
    expect(await pass(changed)).toMatchObject({ outcome: 'completed', checked: 7, open: 0 });
    expect(await pass(changed)).toMatchObject({ checked: 0 });
    expect((await world.repairs()).filter(({ outcome }) => outcome === 'applied')).toHaveLength(9);
  });
});

describe('the checkpoint', () => {
  it('goes no further than what may be passed, though a clock is ahead', async () => {
    const ahead = await world.addGift();
    await makeOlder(ahead, -60);
    await pass(changed);
    await world.addGift();
    expect(await pass(changed)).toMatchObject({ checked: 1 });
  });

  it('begins anew when another column is configured, or the stamped one', async () => {
    await world.addGift();
    expect(await pass(changed)).toMatchObject({ checked: 1 });
    expect(await pass(created)).toMatchObject({
      checked: 1,
      checkpoint: { from: { changeXid: '0', id: null } },
    });
    expect(await world.runPass()).toMatchObject({ checked: 1 });
    expect(await pass(created)).toMatchObject({ checked: 1 });
    expect(await pass(created)).toMatchObject({ checked: 0 });
  });

  it('goes back when the marker Redis was flushed, and what is lost is put right', async () => {
    const gift = await world.addGift();
    await pass(changed);
    await world.redis.flushall();
    expect(await pass(changed)).toMatchObject({ checked: 1, verdicts: { missing_marker: 1 } });
    expect(await world.readMarker(gift.key)).toMatchObject({ value: gift.attempt });
  });
});
