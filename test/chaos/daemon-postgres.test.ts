/**
 * The daemon while its Postgres cuts it off, crashes, is read-only, or is held up by a transaction that somebody left open
 * (FAULTS "The daemon" 10, 13, 22). On a server of its own: the horizon is the cluster's.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Client, Pool } from 'pg';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startPostgres } from '../../src/embedded/start-postgres.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { startShopDaemon, type ShopDaemon } from '../app/support/shop-daemon.ts';
import { useProgram } from '../cli/support/program.ts';
import { createWorld, type Gift, type World } from '../reconcile/support/world.ts';
import { waitFor } from '../support/wait-for.ts';

const program = useProgram();
const patience = { timeoutMs: 60_000 };
let postgres: RunningServer;
let redis: RunningServer;
let world: World;
let daemon: ShopDaemon;
/** Survives what is done to the server, and writes while it is read-only. */
let admin: Pool;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([
    startPostgres({ env: process.env, settings: { restart_after_crash: 'on' } }),
    startRedis({ env: process.env }),
  ]);
});

afterAll(async () => {
  await Promise.all([postgres.stop(), redis.stop()]);
});

beforeEach(async () => {
  world = await createWorld({ redisUrl: redis.url, serverUrl: postgres.url });
  admin = new Pool({ connectionString: world.databaseUrl, options: '-c default_transaction_read_only=off' });
  admin.on('error', () => undefined);
  daemon = await startShopDaemon(world, program);
  await daemon.started;
});

afterEach(async () => {
  await daemon.stop();
  await admin.end();
  await world.drop();
});

/** Returns how many there were. */
async function terminateBackends(): Promise<number> {
  const { rowCount } = await admin.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'claim-reconciler'`,
  );
  return rowCount ?? 0;
}

async function backendOfDaemon(): Promise<number | undefined> {
  const { rows } = await admin.query<{ pid: number }>(
    `select pid from pg_stat_activity where application_name = 'claim-reconciler' limit 1`,
  );
  return rows[0]?.pid;
}

async function untilRepaired({ key, attempt }: Pick<Gift, 'key' | 'attempt'>): Promise<void> {
  await waitFor(async () => (await world.readMarker(key))?.value === attempt, {
    what: `${key} to be set`,
    ...patience,
  });
}

it.each([
  {
    what: 'every backend is terminated, again and again',
    fail: async () => {
      for (let round = 0; round < 10; round += 1) {
        await waitFor(async () => (await terminateBackends()) > 0, {
          what: 'a backend of the daemon',
          ...patience,
        });
      }
    },
  },
  {
    what: 'a backend is killed, which restarts all others',
    fail: async () => {
      const witness = new Client(world.databaseUrl);
      witness.on('error', () => undefined);
      await witness.connect();
      const cutOff = new Promise<void>((resolve) => void witness.once('end', resolve));
      const pid = await waitFor(async () => backendOfDaemon(), {
        what: 'a backend of the daemon',
        ...patience,
      });
      process.kill(pid, 'SIGKILL');
      await cutOff;
    },
  },
  {
    what: 'the server is killed and restarted',
    fail: async () => {
      await postgres.kill();
      await postgres.restart();
    },
  },
])(
  '10: $what: the daemon lives, and the next passes do the work',
  async ({ fail }) => {
    await untilRepaired(await world.addGift());
    await fail();
    // On as many connections as the pool may have: the old ones are found broken one by one.
    await waitFor(
      async () => Promise.all(Array.from({ length: 6 }, async () => world.pool.query('select 1'))),
      { what: 'Postgres to answer again', ...patience },
    );
    await untilRepaired(await world.addGift());
    await waitFor(async () => (await daemon.get('/readyz')).status === 200, {
      what: 'it to be ready',
      ...patience,
    });
    // The marker is set before the journal says so.
    await waitFor(async () => (await world.repairs()).every(({ outcome }) => outcome === 'applied'), {
      what: 'the journal to be closed',
      ...patience,
    });
    expect(await world.repairs()).toHaveLength(2);
  },
  120_000,
);

it('13: read-only: nothing is repaired, it is told and not stormed, and all goes on when it can be written', async () => {
  await untilRepaired(await world.addGift());
  const setReadOnly = async (word: 'on' | 'off'): Promise<void> => {
    await admin.query(`alter system set default_transaction_read_only = ${word}`);
    await admin.query('select pg_reload_conf()');
  };
  await setReadOnly('on');
  const told = (): number => daemon.log().filter((line) => /read-only/.test(line)).length;
  await waitFor(() => told() > 0, { what: 'it to be told', ...patience });
  const { rows } = await admin.query<{ uid: string }>(
    `insert into gift_claim (uid, attempt_id, status, expires_at)
     values (77, 'attempt-77', 'granted', clock_timestamp() + interval '1 day') returning uid::text`,
  );
  const lines = daemon.log().length;
  await waitFor(() => daemon.log().length > lines + 2, { what: 'some more tries', ...patience });
  expect(await world.readMarker(`gift:${rows[0]?.uid}`)).toBeNull();
  expect(told()).toBeLessThan(60);
  await setReadOnly('off');
  await untilRepaired({ key: 'gift:77', attempt: 'attempt-77' });
}, 120_000);

it.each([
  { what: 'a transaction that is left open', end: 'rollback', prepared: false },
  {
    what: 'a prepared transaction that is left behind',
    end: `rollback prepared 'left-behind'`,
    prepared: true,
  },
])(
  '22: $what: nothing behind it is judged, it is named in an alert, and judged once it ends',
  async ({ end, prepared }) => {
    await untilRepaired(await world.addGift());
    const other = new Client({ connectionString: world.databaseUrl });
    await other.connect();
    await other.query('begin');
    await other.query('create table of_another_application ()');
    if (prepared) await other.query(`prepare transaction 'left-behind'`);
    const claim = await world.addGift();
    const alert = await waitFor(async () => (await world.alerts()).find(({ kind }) => kind === 'stall'), {
      what: 'the alert',
      ...patience,
    });
    expect(alert.summary).toMatch(prepared ? /left-behind/ : /pid \d+/);
    expect(await world.readMarker(claim.key)).toBeNull();
    expect((await world.discrepancies()).filter(({ claimId }) => claimId === claim.id)).toEqual([]);
    await other.query(end);
    await other.end();
    await untilRepaired(claim);
    await waitFor(
      async () => (await world.alerts()).some(({ kind, state }) => kind === 'stall' && state === 'resolved'),
      {
        what: 'the alert to be over',
        ...patience,
      },
    );
  },
  120_000,
);
