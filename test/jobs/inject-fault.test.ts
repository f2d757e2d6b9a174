/**
 * A round of the canary without a daemon: once for a slot whatever interrupts it, judged by what became of it, and cleared away.
 */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { run, type CanaryDeps, type Injected } from '../../jobs/inject-fault.ts';
import { beginRound } from '../../src/postgres/canary.ts';
import { judgeRounds } from '../../src/reconcile/canary-round.ts';
import { silentReporter } from '../reconcile/support/job-deps.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';

const worlds = useWorlds();
const rules = { everyMs: 3_600_000, withinMs: 300_000 };
const longMs = 24 * 3_600_000;
let world: World;

beforeEach(async () => {
  world = await worlds.create();
});

function deps(): CanaryDeps {
  return { pool: world.pool, markers: world.markers, callTimeoutMs: 1_000, rules };
}

async function inject(slot: number): Promise<Injected> {
  const payload = { slot: new Date(Date.UTC(2026, 0, 1, 0, 0, slot)).toISOString() };
  return run(payload, deps(), silentReporter, new AbortController().signal);
}

async function judge(): Promise<{ passed: number; failed: number }> {
  return judgeRounds(deps(), rules, longMs);
}

async function ask<Row extends object>(sql: string): Promise<Row[]> {
  return (await world.pool.query<Row>(sql)).rows;
}

async function markerKeys(): Promise<string[]> {
  const attempts = await ask<{ key: string }>(
    `select 'claim-reconciler:canary:' || attempt_id as key from reconciler.canary_claim order by id`,
  );
  return attempts.map(({ key }) => key);
}

async function outcomes(): Promise<(string | null)[]> {
  const rows = await ask<{ outcome: string | null }>(
    'select outcome from reconciler.canary_round order by id',
  );
  return rows.map(({ outcome }) => outcome);
}

/** As if it had all been so long ago. */
async function passTime(minutes: number): Promise<void> {
  await ask(`update reconciler.canary_round set injected_at = injected_at - interval '${minutes} minutes'`);
}

/** A discrepancy as passes leave it behind. */
async function recordFound(state: 'open' | 'repaired' | 'went_away', claim = 1): Promise<void> {
  const [resolution, resolved] = state === 'open' ? ['null', 'null'] : [`'${state}'`, 'clock_timestamp()'];
  await ask(`insert into reconciler.discrepancy (source, subject, verdict, evidence, state, resolution, resolved_at)
    values ('canary', 'claim:${claim}', 'missing_marker', '{}', '${state === 'open' ? 'open' : 'resolved'}',
      ${resolution}, ${resolved})`);
}

async function alertStates(): Promise<string[]> {
  return (await ask<{ state: string }>('select state from reconciler.alert order by id')).map(
    ({ state }) => state,
  );
}

describe('a fault', () => {
  it('of each kind is in place when the job has ended', async () => {
    for (const slot of [1, 2, 3, 4]) await inject(slot);
    const [missing = '', orphan = '', wrong = '', immortal = ''] = await markerKeys();
    expect(await world.redis.exists(missing)).toBe(0);
    expect(await world.redis.pttl(orphan)).toBeGreaterThan(rules.withinMs);
    expect(await world.redis.pttl(wrong)).toBeGreaterThan(2 * 3_600_000);
    expect(await world.redis.pttl(immortal)).toBe(-1);
    const rows = await ask('select status from reconciler.canary_claim order by id');
    expect(rows).toEqual([
      { status: 'granted' },
      { status: 'released' },
      { status: 'granted' },
      { status: 'granted' },
    ]);
  });

  it('is injected once for a slot, by however many at the same time', async () => {
    const results = await Promise.all(Array.from({ length: 6 }, async () => inject(1)));
    expect(new Set(results.map(({ roundId }) => roundId ?? '1'))).toEqual(new Set(['1']));
    expect(await inject(1)).toEqual({ roundId: null, fault: null });
    expect(await outcomes()).toEqual([null]);
    expect(await ask('select from reconciler.canary_claim')).toHaveLength(1);
    // The markers of those that came second are gone as well.
    expect(await world.redis.dbsize()).toBe(0);
  });

  it('is put in place by the second run when the first was interrupted', async () => {
    const slot = new Date(Date.UTC(2026, 0, 1, 0, 0, 1));
    const attempt = randomUUID();
    await beginRound(world.pool, { slot, fault: 'orphan_marker', attempt, windowMs: 60_000 });
    expect(await inject(1)).toEqual({ roundId: '1', fault: 'orphan_marker' });
    expect(await ask('select status, attempt_id from reconciler.canary_claim')).toEqual([
      { status: 'released', attempt_id: attempt },
    ]);
  });
});

describe('a round', () => {
  it('passes when its claim was found and repaired in time, and is told once', async () => {
    await inject(1);
    expect(await judge()).toEqual({ passed: 0, failed: 0 });
    await recordFound('repaired');
    const judged = await Promise.all([judge(), judge(), judge()]);
    expect(judged.reduce((sum, { passed }) => sum + passed, 0)).toBe(1);
    expect(await outcomes()).toEqual(['passed']);
    expect(await alertStates()).toEqual([]);
  });

  it.each(['nobody', 'open', 'went_away'] as const)(
    'fails when its time is over and it was left so: %s; the next one that passes ends the alert',
    async (state) => {
      await inject(1);
      if (state !== 'nobody') await recordFound(state);
      await passTime(6);
      const judged = await Promise.all([judge(), judge()]);
      expect(judged.reduce((sum, { failed }) => sum + failed, 0)).toBe(1);
      expect(await alertStates()).toEqual(['open']);
      await inject(2);
      await judge();
      expect(await alertStates()).toEqual(['open']);
      await recordFound('repaired', 2);
      await judge();
      expect(await alertStates()).toEqual(['resolved']);
      expect(await outcomes()).toEqual(['failed', 'passed']);
    },
  );

  it('fails when it was repaired too late', async () => {
    await inject(1);
    await recordFound('repaired');
    await passTime(6);
    expect(await judge()).toEqual({ passed: 0, failed: 1 });
  });

  it('says nothing when its fault went by itself, or was never in place', async () => {
    await inject(1);
    await recordFound('repaired');
    await judge();
    await inject(2);
    await world.redis.flushdb();
    await beginRound(world.pool, {
      slot: new Date(),
      fault: 'wrong_expiry',
      attempt: randomUUID(),
      windowMs: 1,
    });
    await passTime(6);
    expect(await judge()).toEqual({ passed: 0, failed: 0 });
    expect(await outcomes()).toEqual(['passed', 'void', 'void']);
    expect(await alertStates()).toEqual([]);
  });
});

it('leaves no more behind than its newest hundred rounds', async () => {
  for (let slot = 1; slot <= 104; slot += 1) await inject(slot);
  const keys = await markerKeys();
  await recordFound('repaired', 1);
  await ask(`insert into reconciler.repair (discrepancy_id, source, action, marker_key, outcome, intent, before, done_by,
      fencing_token, ended_at)
    select id, 'canary', 'reissue_marker', 'k', 'applied', '{}', '{}', 'test', 1, clock_timestamp()
    from reconciler.discrepancy`);
  await passTime(6);
  await judge();
  await inject(105);
  expect(await outcomes()).toHaveLength(100);
  expect((await ask<{ id: string }>('select min(id)::text as id from reconciler.canary_claim'))[0]?.id).toBe(
    '6',
  );
  expect(await ask('select from reconciler.discrepancy')).toEqual([]);
  expect(await ask('select from reconciler.repair')).toEqual([]);
  expect(await world.redis.exists(...keys.slice(0, 5))).toBe(0);
  expect(await world.redis.exists(...keys.slice(5))).toBeGreaterThan(50);
});
