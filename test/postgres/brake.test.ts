/**
 * The brake in Postgres: one count over everybody, under one lock, with one alert.
 */
import { describe, expect, it } from 'vitest';
import { admitRepairs, liftBrake, readBrake, tripBrake, type Admission } from '../../src/postgres/brake.ts';
import { inTransaction } from '../../src/postgres/connect.ts';
import { finishRepairs, intendRepairs } from '../../src/postgres/repair-journal.ts';
import { takeCheckpoint } from '../../src/postgres/checkpoint.ts';
import { waitFor } from '../support/wait-for.ts';
import { admissionOf, limits, recordFound, repairOf, source } from './discrepancies.ts';
import { claimSql, useShopClaims } from './shop-claims.ts';

const shop = useShopClaims();

async function admit(planned: number, changes: Partial<Admission> = {}): Promise<boolean> {
  return inTransaction(shop.pool(), async (client) => admitRepairs(client, admissionOf(planned, changes)));
}

async function lift(liftMs: number): Promise<boolean> {
  return inTransaction(shop.pool(), async (client) => liftBrake(client, source, liftMs, 'alice'));
}

async function alerts(): Promise<unknown[]> {
  return shop.ask('select cause, kind, severity, state, seen from reconciler.alert');
}

/** Repairs in the journal, as made `minutesAgo`. */
async function leaveRepairs(count: number, minutesAgo: number, outcome: string): Promise<void> {
  await recordFound(shop.pool(), 'any');
  await shop.ask(
    `insert into reconciler.repair (discrepancy_id, source, action, marker_key, intent, before, done_by, fencing_token,
       outcome, ended_at, intended_at)
     select (select max(id) from reconciler.discrepancy), $1, 'a', 'k', '{}', '{}', 'test', 1, $4,
       case when $4 <> 'intended' then clock_timestamp() end, clock_timestamp() - $3 * interval '1 minute'
     from generate_series(1, $2)`,
    [source, count, minutesAgo, outcome],
  );
}

describe('the brake', () => {
  it('is armed where nobody has touched it, and lets a plan within the limits go ahead', async () => {
    expect(await readBrake(shop.pool(), source)).toEqual({ state: 'armed', reason: null });
    expect(await admit(limits.repairsPerPlan)).toBe(true);
    expect(await readBrake(shop.pool(), source)).toEqual({ state: 'armed', reason: null });
    expect(await alerts()).toEqual([]);
  });

  it.each<[string, number, Partial<Admission>]>([
    ['one plan too large', 11, {}],
    ['too large a share of bad claims', 1, { judged: 100, bad: 51 }],
  ])('trips on %s, with one critical alert, and stays so', async (_what, planned, changes) => {
    expect(await admit(planned, changes)).toBe(false);
    const { state, reason } = await readBrake(shop.pool(), source);
    expect([state, reason]).toEqual(['tripped', expect.stringContaining('the limit')]);
    expect(await admit(1)).toBe(false);
    expect(await admit(planned, changes)).toBe(false);
    expect(await readBrake(shop.pool(), source)).toEqual({ state, reason });
    expect(await alerts()).toEqual([
      { cause: `${source}:brake`, kind: 'brake', severity: 'critical', state: 'open', seen: 1 },
    ]);
    expect(await admit(1, { source: 'orders' })).toBe(true);
  });

  it('counts what changed something or may have, of the last hour, whoever did it', async () => {
    await leaveRepairs(6, 30, 'applied');
    await leaveRepairs(6, 59, 'intended');
    for (const outcome of ['superseded', 'failed']) await leaveRepairs(50, 5, outcome);
    await leaveRepairs(50, 61, 'applied');
    expect(await admit(8)).toBe(true);
    expect(await admit(9)).toBe(false);
    expect((await readBrake(shop.pool(), source)).reason).toMatch(
      /^9 repairs planned after 12 in the last hour/,
    );
  });

  it('counts the share over what passes of the last hour judged, where the plan is of a pass', async () => {
    const leavePass = async (checked: number, consistent: number, minutesAgo: number): Promise<void> => {
      const verdicts = { consistent, missing_marker: checked - consistent, in_doubt: 1_000 };
      const report = { checked, verdicts, horizon: '77' };
      await shop.ask(
        `insert into reconciler.pass (source, asked_by, mode, fencing_token, started_at, report)
         values ($1, 'test', 'repair', 1, clock_timestamp() - $2 * interval '1 minute', $3)`,
        [source, minutesAgo, report],
      );
    };
    const repaired = ['missing_marker', 'orphan_marker'] as const;
    await leavePass(90, 39, 59);
    await leavePass(1_000, 0, 61);
    expect(await admit(1)).toBe(true);
    expect(await admit(1, { judged: 12, bad: 0, repaired })).toBe(true);
    expect(await admit(1, { judged: 10, bad: 0, repaired })).toBe(false);
    expect((await readBrake(shop.pool(), source)).reason).toMatch(/^51 of 100 judged claims are bad/);
  });

  it('refuses a plan that does not trip it, and stays armed for everybody else', async () => {
    expect(await admit(11, { trips: false })).toBe(false);
    expect(await readBrake(shop.pool(), source)).toEqual({ state: 'armed', reason: null });
    expect(await alerts()).toEqual([]);
    expect(await admit(1)).toBe(true);
  });

  it('has nothing against a plan of nothing, and lets a person pass', async () => {
    await inTransaction(shop.pool(), async (client) => tripBrake(client, source, 'by hand', 'alice'));
    expect(await admit(0)).toBe(true);
    expect(await admit(1)).toBe(false);
    expect(await admit(1_000, { force: true })).toBe(true);
    expect((await readBrake(shop.pool(), source)).state).toBe('tripped');
  });

  it('is lifted by a person for a time, then armed again; only where it was tripped', async () => {
    expect(await lift(60_000)).toBe(false);
    await admit(11);
    expect(await lift(60_000)).toBe(true);
    expect((await readBrake(shop.pool(), source)).state).toBe('lifted');
    expect(await admit(1_000)).toBe(true);
    expect(await lift(60_000)).toBe(false);
    await shop.ask(`update reconciler.brake set lifted_until = clock_timestamp() - interval '1 ms'`);
    expect((await readBrake(shop.pool(), source)).state).toBe('armed');
    expect(await admit(1)).toBe(true);
    expect(await admit(11)).toBe(false);
    expect((await readBrake(shop.pool(), source)).state).toBe('tripped');
  });

  it('does not hold against later plans what was made while it was lifted', async () => {
    await admit(11);
    await lift(60_000);
    await leaveRepairs(1_000, 30, 'applied');
    await shop.ask(`update reconciler.brake set lifted_until = clock_timestamp() - interval '29 minutes'`);
    expect(await admit(10)).toBe(true);
    await leaveRepairs(15, 28, 'applied');
    expect(await admit(10)).toBe(false);
  });

  it('is not tripped by a pass that looked before a person lifted it; by the next when the lift is over', async () => {
    const trip = async (): Promise<boolean> =>
      inTransaction(shop.pool(), async (client) => tripBrake(client, source, 'too many', 'a pass'));
    expect(await trip()).toBe(true);
    expect(await lift(60_000)).toBe(true);
    const told = await alerts();
    expect(await trip()).toBe(false);
    expect((await readBrake(shop.pool(), source)).state).toBe('lifted');
    expect(await alerts()).toEqual(told);
    await shop.ask(`update reconciler.brake set lifted_until = clock_timestamp() - interval '1 ms'`);
    expect(await trip()).toBe(true);
    expect((await readBrake(shop.pool(), source)).state).toBe('tripped');
  });

  it('keeps the first reason when it is tripped again', async () => {
    for (const reason of ['first', 'second']) {
      await inTransaction(shop.pool(), async (client) => tripBrake(client, source, reason, 'test'));
    }
    expect((await readBrake(shop.pool(), source)).reason).toBe('first');
  });

  it('undoes its trip together with the transaction that it was tripped in', async () => {
    const failing = inTransaction(shop.pool(), async (client) => {
      expect(await admitRepairs(client, admissionOf(11))).toBe(false);
      throw new Error('crash');
    });
    await expect(failing).rejects.toThrow('crash');
    expect((await readBrake(shop.pool(), source)).state).toBe('armed');
    expect(await alerts()).toEqual([]);
  });
});

describe('the limit of an hour', () => {
  it('is judged by one plan after the other: the next waits until the one before is written', async () => {
    await admit(1);
    const order: string[] = [];
    let next: Promise<boolean> | undefined;
    await inTransaction(shop.pool(), async (client) => {
      await admitRepairs(client, admissionOf(1));
      next = admit(1).finally(() => order.push('judged'));
      await waitFor(async () => (await countWaiting()) > 0, { what: 'the next plan to wait' });
      order.push('written');
    });
    expect(await next).toBe(true);
    expect(order).toEqual(['written', 'judged']);
  });

  async function countWaiting(): Promise<number> {
    const rows = await shop.ask(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return rows.length;
  }

  it('holds over plans that come at the same time: not both are the last to fit', async () => {
    await takeCheckpoint(shop.pool(), claimSql(), '1', { runId: 'r', replicationId: 'p', flushes: 0 });
    const ids = Array.from({ length: 8 }, (_, at) => String(at + 1));
    await recordFound(shop.pool(), ...ids);
    const plans = await Promise.all(
      ids.map(async () =>
        intendRepairs(
          shop.pool(),
          { admission: admissionOf(8), passId: null, fencingToken: '1' },
          ids.map((id) => repairOf(id)),
        ),
      ),
    );
    expect(plans.filter((plan) => plan !== null)).toHaveLength(2);
    expect(await shop.ask('select from reconciler.repair')).toHaveLength(16);
    expect(await alerts()).toHaveLength(1);
    // What was not made counts no more.
    await lift(1);
    await shop.ask(`update reconciler.brake set lifted_until = clock_timestamp() - interval '1 ms'`);
    const made = plans.flatMap((plan) => plan ?? []);
    await finishRepairs(
      shop.pool(),
      made.map((id) => ({ id, outcome: 'superseded', after: null, note: null })),
    );
    expect(await admit(8)).toBe(true);
  });
});
