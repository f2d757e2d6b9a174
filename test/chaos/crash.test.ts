/**
 * A pass that is killed (SIGKILL) at any of its writes is completed by the next one (FAULTS "The daemon" 18): whatever
 * the moment, both stores end in the state of a pass that nobody disturbed. Killed before the first write, between each
 * two, and while each is under way; after the answer to one and before the next is sent nothing else happens.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { dayMs } from '../reconcile/support/claim-tables.ts';
import { before, claimLooks, readsClaims } from '../reconcile/support/intercept.ts';
import { createWorld, type Gift, type World } from '../reconcile/support/world.ts';
import { startProcess } from '../support/process-handle.ts';
import { waitFor } from '../support/wait-for.ts';

const script = 'test/reconcile/support/crashing-pass.ts';

interface Drift {
  readonly world: World;
  readonly granted: readonly Gift[];
  readonly released: Gift;
  readonly pending: Gift;
}

/** A handful of every kind of drift that a pass repairs or tells people about, and a claim that is as it should be. */
async function createDrift(world: World): Promise<Drift> {
  await world.reset();
  const rival = await world.addGift({ uid: 1, attempt: 'rival', status: 'failed' });
  const [conflicting, missing, alsoMissing, immortal, tooShort, tooLong, right, released, pending] = [
    await world.addGift({ uid: 1, attempt: 'mine' }),
    await world.addGift(),
    await world.addGift(),
    await world.addGift(),
    await world.addGift(),
    await world.addGift(),
    await world.addGift(),
    await world.addGift({ status: 'revoked' }),
    await world.addGift({ status: 'pending' }),
  ];
  await world.setMarker(rival);
  await world.setMarker(immortal, { expiresInMs: null });
  await world.setMarker(tooShort, { expiresInMs: 3_600_000 });
  await world.setMarker(tooLong, { expiresInMs: 10 * dayMs });
  for (const claim of [right, released, pending]) await world.setMarker(claim);
  await world.settle();
  const granted = [conflicting, missing, alsoMissing, immortal, tooShort, tooLong, right];
  return { world, granted, released, pending };
}

/** Runs the pass that is to be killed; returns what it printed when it was not. */
async function runCrashing({ world }: Drift, write: number, moment: string): Promise<string | null> {
  const child = startProcess(script, {
    args: [world.databaseUrl, world.redisUrl, String(write), moment],
  });
  const { code, signal } = await child.waitForEnd();
  if (signal === 'SIGKILL') return null;
  if (code !== 0) throw new Error(child.output());
  return child.output();
}

/** What it had sent may still be at work: the next pass would begin after the lease has run out. */
async function waitUntilGone({ world }: Drift): Promise<void> {
  await waitFor(
    async () => {
      const { rowCount } = await world.pool.query(
        `select from pg_stat_activity where datname = current_database() and application_name = 'crashing pass'`,
      );
      const clients = String(await world.redis.client('LIST'));
      return rowCount === 0 && !clients.includes('crashing-pass');
    },
    { what: 'the connections of the killed process to be closed' },
  );
}

/** The next pass, after the lease of the killed one is gone, and one more for what that one only looked at. */
async function recover({ world }: Drift): Promise<void> {
  await world.breakLease();
  // For so long it waits for changes that may still be on their way, before it looks what became of them.
  const limits = { callTimeoutMs: 500 };
  expect(await world.runPass({ limits })).toMatchObject({ outcome: 'completed' });
  await world.makeDue();
  expect(await world.runPass()).toMatchObject({ outcome: 'completed', checked: 0 });
}

async function expectAllRight({ world, granted, released, pending }: Drift): Promise<void> {
  for (const claim of granted) {
    const marker = await world.readMarker(claim.key);
    expect(marker).toMatchObject({ value: claim.attempt });
    expect(Math.abs((marker?.expiresAtMs ?? 0) - claim.expiresAtMs)).toBeLessThan(60_000);
  }
  expect(await world.readMarker(released.key)).toBeNull();
  expect(await world.readMarker(pending.key)).toMatchObject({ value: pending.attempt });
  const open = (await world.discrepancies()).filter(({ state }) => state === 'open');
  expect(open).toMatchObject([{ claimId: pending.id, verdict: 'in_doubt' }]);
  const repairs = await world.repairs();
  expect(repairs.filter(({ outcome }) => outcome === 'intended')).toEqual([]);
  const applied = repairs.filter(({ outcome }) => outcome === 'applied').map((one) => one.discrepancyId);
  expect(applied).toHaveLength(new Set(applied).size);
  expect(applied).toHaveLength(7);
  const unended = await world.pool.query('select from reconciler.pass where ended_at is null');
  expect(unended.rowCount).toBe(0);
  expect(await world.redis.exists('own:lease:source:gifts')).toBe(0);
  const claims = await world.pool.query(
    'select status, count(*)::int from gift_claim group by status order by 1',
  );
  expect(claims.rows).toEqual([
    { status: 'failed', count: 1 },
    { status: 'granted', count: 7 },
    { status: 'pending', count: 1 },
    { status: 'revoked', count: 1 },
  ]);
}

describe.each(['before', 'sent'])('killed at each write, at the moment "%s"', (moment) => {
  const servers: RunningServer[] = [];
  const worlds: World[] = [];
  beforeAll(async () => {
    for (let lane = 0; lane < 2; lane += 1) {
      const server = await startRedis({ env: process.env });
      servers.push(server);
      worlds.push(await createWorld({ redisUrl: server.url }));
    }
  });
  afterAll(async () => {
    for (const world of worlds) await world.drop();
    for (const server of servers) await server.stop();
  });

  /** Every second write from `first` on, until a pass was not killed; returns how often it was. */
  async function runLane(world: World, first: number): Promise<number> {
    for (let write = first; ; write += 2) {
      const drift = await createDrift(world);
      const printed = await runCrashing(drift, write, moment);
      if (printed === null) {
        await waitUntilGone(drift);
        await recover(drift);
      }
      await expectAllRight(drift).catch((error: unknown) => {
        throw new Error(`killed at write ${write} (${moment})`, { cause: error });
      });
      if (printed !== null) return (write - first) / 2;
    }
  }

  it('the next pass brings both stores to the same end', async () => {
    const kills = await Promise.all(worlds.map(async (world, lane) => runLane(world, lane + 1)));
    console.log(`killed ${kills.join(' + ')} times`);
    expect(kills.reduce((sum, times) => sum + times, 0)).toBeGreaterThan(10);
  }, 240_000);
});

describe('asked to stop', () => {
  let redis: RunningServer;
  let world: World;
  beforeEach(async () => {
    redis = await startRedis({ env: process.env });
    world = await createWorld({ redisUrl: redis.url });
  });
  afterEach(async () => {
    await world.drop();
    await redis.stop();
  });

  async function addMissing(count: number): Promise<void> {
    await world.pool.query(
      `insert into gift_claim (uid, attempt_id, status, expires_at)
       select n, 'attempt-' || n, 'granted', now() + interval '1 day' from generate_series(1, $1::int) n`,
      [count],
    );
  }

  it('in mid-repair: the step in hand is finished, the rest is closed as not made, and made by the next pass', async () => {
    await addMissing(250);
    const stop = new AbortController();
    const ask = async (): Promise<void> => stop.abort(new Error('SIGTERM'));
    const pool = before(world.pool, readsClaims, claimLooks.apply, ask);
    const report = await world.runPass({ pool, signal: stop.signal });
    expect(report).toMatchObject({ outcome: 'stopped', reason: 'SIGTERM', checked: 250, open: 50 });
    expect(report.repairs).toMatchObject({ applied: 200, superseded: 50 });
    expect(await world.redis.dbsize()).toBe(200);
    expect((await world.repairs()).slice(200)).toMatchObject(
      Array.from({ length: 50 }, () => ({
        outcome: 'superseded',
        note: 'not made: the pass was asked to stop',
      })),
    );
    expect(await world.runPass()).toMatchObject({ outcome: 'completed', open: 0, repairs: { applied: 50 } });
  });

  it('while reading: what was judged is kept, and the next pass goes on from there', async () => {
    await addMissing(20);
    const stop = new AbortController();
    const ask = async (): Promise<void> => stop.abort(new Error('SIGTERM'));
    const pool = before(world.pool, readsClaims, claimLooks.confirm, ask);
    const limits = { rowsPerPage: 5 };
    const report = await world.runPass({ pool, limits, signal: stop.signal });
    expect(report).toMatchObject({ outcome: 'stopped', reason: 'SIGTERM', checked: 5, open: 5 });
    expect(report.repairs).toMatchObject({ applied: 0 });
    expect(await world.checkpoint()).toMatchObject({ id: '5' });
    expect(await world.runPass({ limits })).toMatchObject({
      outcome: 'completed',
      checked: 15,
      open: 0,
      repairs: { applied: 20 },
    });
  });
});
