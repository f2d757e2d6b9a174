/**
 * Order grabbing through the gate: many drivers, one order each time. Run it with `npx tsx examples/order-grabbing/main.ts`;
 * it boots servers of its own, unless DATABASE_URL and REDIS_URL name an empty database and a Redis.
 * In an application the import is `claim-reconciler/gate`, and the reconciler runs as a daemon beside it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { bootServers } from '../../src/embedded/boot-servers.ts';
import { openGate, type ClaimAnswer, type Gate } from '../../src/entry/gate.ts';

const orders = 20;
const drivers = 50;
/** The exit code of a pass that has to look again. */
const discrepanciesRemain = 3;
const config = fileURLToPath(new URL('./reconciler.config.yaml', import.meta.url));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const servers = await bootServers({ env: process.env, say });
const { databaseUrl, redisUrl } = servers;
// The module `dispatch.mjs` reads it too.
Object.assign(process.env, { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, RECONCILER_CONFIG: config });
const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
pool.on('error', (error) => say(`postgres: ${error.message}`));
try {
  await claimReconciler('migrate');
  await pool.query(await readFile(new URL('./tables.sql', import.meta.url), 'utf8'));
  await grabOrders();
  await crashAndSettle();
} finally {
  await pool.end();
  await servers.stop();
}

/** Every driver wants every order, all at once. */
async function grabOrders(): Promise<void> {
  const gate = await openGate({
    source: 'order-grabs',
    onTrouble: (error) => say(`trouble: ${error.message}`),
  });
  const answers: ClaimAnswer[] = [];
  for (let order = 1; order <= orders; order += 1) {
    const grabs = Array.from({ length: drivers }, (_, driver) => grab(gate, order, driver + 1));
    answers.push(...(await Promise.all(grabs)));
  }
  await gate.close();
  const granted = answers.filter(({ kind }) => kind === 'granted').length;
  const blocked = answers.filter(({ kind }) => kind === 'already_claimed').length;
  say(
    `${orders} orders, ${drivers} drivers for each: ${granted} grabs granted, ${blocked} told "already claimed"`,
  );
}

/** The application dies while the dispatch has the request: nobody knows who has the order, until somebody asks. */
async function crashAndSettle(): Promise<void> {
  const order = orders + 1;
  const gate = await openGate({
    source: 'order-grabs',
    closeTimeoutMs: 100,
    distributor: {
      grant: () => new Promise(() => undefined),
      lookup: () => new Promise(() => undefined),
    },
    onTrouble: () => undefined,
  });
  const answer = await grab(gate, order, 7);
  say(`order ${order}, driver 7: ${answer.kind} (the dispatch did not answer)`);
  await gate.close();
  say(`in the table: ${await statusOf(order)}`);
  // The row first; its marker, which may be another attempt's of the same driver, gets a grace period of its own.
  while ((await claimReconciler('reconcile', '--source', 'order-grabs')) === discrepanciesRemain)
    await wait(1_000);
  say(`in the table: ${await statusOf(order)}`);
  const second = await openGate({ source: 'order-grabs', onTrouble: (error) => say(error.message) });
  say(`order ${order}, driver 8: ${(await grab(second, order, 8)).kind}`);
  await second.close();
}

async function grab(gate: Gate, order: number, driver: number): Promise<ClaimAnswer> {
  return gate.claim({ columns: { order_id: order, driver_id: driver } });
}

async function statusOf(order: number): Promise<string> {
  const { rows } = await pool.query<{ status: string }>(
    'select status from order_grab where order_id = $1 order by id desc limit 1',
    [order],
  );
  return rows[0]?.status ?? 'no claim';
}

/** The command line, as it is installed in an application by the name `claim-reconciler`. */
async function claimReconciler(...args: readonly string[]): Promise<unknown> {
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code === 0 || code === discrepanciesRemain) return code;
  throw new Error(`claim-reconciler ${args.join(' ')} exited with ${String(code)}`);
}
