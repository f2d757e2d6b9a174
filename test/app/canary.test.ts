/**
 * The canary of a daemon on real servers: its faults are found and repaired by the passes, people are told when they are not,
 * and it is nowhere unless it is asked for.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../../src/config.ts';
import { canaryFaults, canaryName } from '../../src/domain/canary.ts';
import { useProgram } from '../cli/support/program.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';
import { waitFor } from '../support/wait-for.ts';
import { startShopDaemon, type ShopDaemon } from './support/shop-daemon.ts';

const worlds = useWorlds();
const program = useProgram();
let world: World;
const daemons: ShopDaemon[] = [];

beforeEach(async () => {
  world = await worlds.create();
});

afterEach(async () => {
  await Promise.all(daemons.splice(0).map(async (daemon) => daemon.stop()));
});

interface Times {
  readonly everyMs: number;
  readonly withinMs: number;
}

/** A minute of grace is too long to wait for. */
function hurried(times: Times): (config: Config) => Config {
  return (config) => ({
    ...config,
    canary: times,
    sources: config.sources.map((source) =>
      source.name === canaryName
        ? { ...source, schedule: '* * * * * *', rules: { ...source.rules, graceMs: 50 } }
        : source,
    ),
  });
}

async function start(times: Times = { everyMs: 2_000, withinMs: 20_000 }): Promise<ShopDaemon> {
  const daemon = await startShopDaemon(world, program, { canary: '{}', change: hurried(times) });
  daemons.push(daemon);
  await daemon.started;
  return daemon;
}

interface Round {
  readonly claim: string;
  readonly slot: string;
  readonly fault: string;
  readonly outcome: string | null;
  readonly found: boolean;
  readonly repaired: boolean;
}

async function rounds(): Promise<Round[]> {
  const { rows } = await world.pool.query<Round>(
    `select claim_id::text as claim, slot::text, fault, outcome, found_at is not null as found,
       repaired_at is not null as repaired from reconciler.canary_round order by id`,
  );
  return rows;
}

async function untilPassed(count: number): Promise<Round[]> {
  return waitFor(
    async () => {
      const passed = (await rounds()).filter(({ outcome }) => outcome === 'passed');
      return passed.length >= count ? passed : null;
    },
    { what: `${count} rounds that passed`, timeoutMs: 40_000 },
  );
}

interface AlertRow {
  readonly kind: string;
  readonly severity: string;
  readonly state: string;
  readonly summary: string;
}

async function canaryAlert(state: string): Promise<AlertRow> {
  return waitFor(
    async () => {
      const { rows } = await world.pool.query<AlertRow>(
        `select kind, severity, state, summary from reconciler.alert where kind = 'canary' and state = $1`,
        [state],
      );
      return rows[0];
    },
    { what: `an alert of the canary that is ${state}`, timeoutMs: 40_000 },
  );
}

async function metric(daemon: ShopDaemon, name: string): Promise<string | undefined> {
  const { text } = await daemon.get('/metrics');
  return text.split('\n').find((line) => line.startsWith(`claim_reconciler_canary_${name}`));
}

describe('a canary', () => {
  it('of every kind is found and repaired by the passes, one after the other, and nothing else is touched', async () => {
    const gift = await world.addGift();
    await world.setMarker(gift);
    const daemon = await start();
    const passed = await untilPassed(canaryFaults.length);
    expect(passed.slice(0, canaryFaults.length).map(({ fault }) => fault)).toEqual([...canaryFaults]);
    expect(passed.every(({ found, repaired }) => found && repaired)).toBe(true);
    const { rows } = await world.pool.query<{ source: string; subject: string; verdict: string }>(
      `select source, subject, verdict from reconciler.discrepancy where resolution = 'repaired' order by id`,
    );
    const first = rows.slice(0, canaryFaults.length);
    expect(first.map(({ verdict }) => verdict)).toEqual([...canaryFaults]);
    expect(new Set(rows.map(({ source }) => source))).toEqual(new Set([canaryName]));
    expect(
      Number((await metric(daemon, 'rounds_total{outcome="passed"'))?.split(' ').at(-1)),
    ).toBeGreaterThan(3);
    for (const name of ['age_seconds', 'found_seconds', 'repaired_seconds', 'interval_seconds']) {
      expect(Number((await metric(daemon, `${name} `))?.split(' ')[1])).toBeGreaterThan(0);
    }
    const { text } = await daemon.get('/metrics');
    expect(text).not.toMatch(/consistent_ratio\{source="canary"/);
    expect(text).toMatch(/consistent_ratio\{source="gifts",within="5m"\} 1/);
    const page = await daemon.get('/');
    expect(page.text).toContain(canaryName);
    expect((await world.alerts()).filter(({ kind }) => kind === 'canary')).toEqual([]);
  }, 90_000);

  it('is looked for again after the marker Redis was emptied', async () => {
    await start();
    await untilPassed(1);
    await world.redis.flushall();
    const before = (await rounds()).length;
    await waitFor(
      async () => (await rounds()).slice(before).filter(({ outcome }) => outcome === 'passed').length > 1,
      {
        what: 'rounds that pass after the flush',
        timeoutMs: 40_000,
      },
    );
    expect((await rounds()).filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  }, 90_000);

  it('has one round for each slot, of two daemons together', async () => {
    await Promise.all([start(), start()]);
    const passed = await untilPassed(3);
    const all = await rounds();
    expect(new Set(all.map(({ slot }) => slot)).size).toBe(all.length);
    const { rows } = await world.pool.query<{ task: string; slots: number }>(
      `select count(*)::int as slots from reconciler.slot where task = 'canary:round'`,
    );
    expect(all.length).toBeLessThanOrEqual(rows[0]?.slots ?? 0);
    const { rows: repairs } = await world.pool.query<{ claim: string; count: number }>(
      `select subject as claim, count(*)::int from reconciler.repair r
       join reconciler.discrepancy d on d.id = r.discrepancy_id where outcome = 'applied' group by subject`,
    );
    for (const { claim } of passed) {
      expect(repairs.find((one) => one.claim === `claim:${claim}`)?.count).toBe(1);
    }
  }, 90_000);

  it('is nowhere unless it is asked for', async () => {
    const daemon = await startShopDaemon(world, program);
    daemons.push(daemon);
    await daemon.started;
    await world.addGift();
    await waitFor(async () => (await world.repairs()).length > 0, { what: 'a repair of a gift' });
    expect(await rounds()).toEqual([]);
    expect((await world.pool.query('select from reconciler.canary_claim')).rowCount).toBe(0);
    expect((await daemon.get('/metrics')).text).not.toContain(canaryName);
    expect((await daemon.get('/')).text).not.toContain(canaryName);
    expect((await world.pool.query(`select from reconciler.slot where task like 'canary%'`)).rowCount).toBe(
      0,
    );
  });
});

describe('people are told, and told that it is over with the next round that passes', () => {
  const times = { everyMs: 6_000, withinMs: 4_000 };

  it.each([
    {
      what: 'somebody keeps the lease of its source',
      fail: async () =>
        void (await world.redis.set('claim-reconciler:lease:source:canary', 'x', 'PX', 600_000)),
      mend: async () => void (await world.redis.del('claim-reconciler:lease:source:canary')),
      why: /injected into the canary \(\w+, claim \d+\) was not found within 4 s: .*silence about the other sources/,
    },
    {
      what: 'the trigger of its table is disabled',
      fail: async () =>
        void (await world.pool.query('alter table reconciler.canary_claim disable trigger stamp_change')),
      mend: async () =>
        void (await world.pool.query(
          'alter table reconciler.canary_claim enable always trigger stamp_change',
        )),
      why: /was not found within 4 s/,
    },
    {
      what: 'its brake is tripped',
      fail: async () =>
        void (await world.pool.query(
          `insert into reconciler.brake (source, state, reason, changed_by) values ('canary', 'tripped', 'test', 'test')
           on conflict (source) do update set state = 'tripped'`,
        )),
      mend: async () => void (await world.pool.query('delete from reconciler.brake')),
      why: /was found, but not repaired, within 4 s: its brake is tripped/,
    },
  ])(
    'when $what',
    async ({ fail, mend, why }) => {
      const daemon = await start(times);
      await untilPassed(1);
      await fail();
      const alert = await canaryAlert('open');
      expect(alert).toMatchObject({ severity: 'critical', summary: expect.stringMatching(why) });
      await waitFor(() => daemon.log().some((line) => line.startsWith('alert: A fault that was injected')), {
        what: 'the log to say so',
      });
      expect(
        Number((await metric(daemon, 'rounds_total{outcome="failed"'))?.split(' ').at(-1)),
      ).toBeGreaterThan(0);
      await mend();
      await canaryAlert('resolved');
      expect((await rounds()).some(({ outcome }) => outcome === 'failed')).toBe(true);
    },
    120_000,
  );

  it('when no fault was injected for two intervals', async () => {
    await start({ everyMs: 6_000, withinMs: 5_900 });
    await waitFor(async () => (await rounds()).length > 0, { what: 'a round' });
    await world.pool.query(`
      create function refuse() returns trigger language plpgsql as $$ begin raise 'no rounds today'; end $$;
      create trigger refuse before insert on reconciler.canary_round for each row execute function refuse()`);
    const silence = /^No fault has been injected into the canary for \d+ s; one is due every 6 s: /;
    await waitFor(async () => silence.test((await canaryAlert('open')).summary), {
      what: 'the alert to say that none was injected',
    });
    await world.pool.query('drop trigger refuse on reconciler.canary_round');
    await canaryAlert('resolved');
  }, 120_000);
});
