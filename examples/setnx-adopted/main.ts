/**
 * A flow of SETNX that is years old, adopted without changing a line of it. Run it with `npx tsx examples/setnx-adopted/main.ts`;
 * it boots servers of its own, unless DATABASE_URL and REDIS_URL name an empty database and a Redis.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import pg from 'pg';
import { bootServers } from '../../src/embedded/boot-servers.ts';
import { claimGift, type Fault } from './shop.ts';

const users = 200;
const activity = 7;
/** What happens to each twentieth request; all others go well. */
const faults: Readonly<Record<number, Fault>> = {
  1: 'expire fails',
  2: 'del fails',
  3: 'dies before the row',
};
/** The exit code of a pass that found something it did not repair. */
const discrepanciesRemain = 3;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const servers = await bootServers({ env: process.env, say });
const { databaseUrl, redisUrl } = servers;
const folder = await mkdtemp(join(tmpdir(), 'setnx-adopted-'));
const config = join(folder, 'reconciler.config.yaml');
Object.assign(process.env, { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl });
const pool = new pg.Pool({ connectionString: databaseUrl, max: 4 });
pool.on('error', (error) => say(`postgres: ${error.message}`));
const redis = new Redis(redisUrl);
redis.on('error', (error) => say(`redis: ${error.message}`));
const stores = { redis, pool };
try {
  await playYears();
  await adopt();
  await observe();
  await repair();
} finally {
  redis.disconnect();
  await pool.end();
  await servers.stop();
  await rm(folder, { recursive: true });
}

/** The markers of ten claims are evicted later. */
async function playYears(): Promise<void> {
  await pool.query(await readFile(new URL('./table.sql', import.meta.url), 'utf8'));
  for (let user = 1; user <= users; user += 1) {
    const fault = faults[user % 20] ?? 'none';
    const handOut = async (): Promise<void> => {
      if (fault === 'del fails') throw new Error('the gift system is away');
    };
    await claimGift(stores, handOut, { activity, user }, fault);
  }
  await redis.del(...everyTwentieth(4));
  say(`${users} requests are over. User 2 got nothing, asks again, and is told: ${await askAgain()}`);
}

/** The markers of users 4, 24, 44 … */
function everyTwentieth(first: number): string[] {
  return Array.from({ length: users / 20 }, (_, at) => `gift:${activity}:${first + 20 * at}`);
}

async function askAgain(): Promise<string> {
  return claimGift(stores, async () => undefined, { activity, user: 2 });
}

/** What a person does once. They read the proposal first; it is carried out here as it is. */
async function adopt(): Promise<void> {
  const args = ['--table', 'gift_claim', '--key', `gift:${activity}:5`, '--config-out', config, '--json'];
  const { steps } = JSON.parse(await claimReconciler('adopt', ...args)) as {
    steps: { title: string; statements: string[]; isTransaction: boolean }[];
  };
  // Nobody claims any more while the example runs, so that nothing has to be left alone for a minute.
  await edit('grace: 1m', 'grace: 1s');
  await claimReconciler('migrate', '--config', config);
  for (const { title, statements, isTransaction } of steps) {
    say(`migration: ${title}`);
    // A concurrent index cannot be made in a transaction.
    if (isTransaction) await pool.query(`begin; ${statements.join('; ')}; commit`);
    else for (const statement of statements) await pool.query(statement);
  }
  say((await claimReconciler('check', '--config', config)).trim());
}

async function observe(): Promise<void> {
  const report = join(folder, 'drift.txt');
  await claimReconciler('reconcile', '--config', config, '--report-out', report);
  say((await readFile(report, 'utf8')).trim());
}

async function repair(): Promise<void> {
  await edit('mode: observe', 'mode: repair');
  say((await claimReconciler('reconcile', '--config', config)).trim());
  say((await claimReconciler('reconcile', '--config', config, '--from', 'beginning')).trim());
  say(`User 2 asks again, and is told: ${await askAgain()}`);
  const unknown = await redis.exists(...everyTwentieth(3));
  say(`${unknown} markers of requests that died before the row are still there: see the README.`);
}

/** What a person does in their editor. */
async function edit(from: string, to: string): Promise<void> {
  await writeFile(config, (await readFile(config, 'utf8')).replace(from, to));
}

/** The command line, as it is installed in an application by the name `claim-reconciler`; returns what it printed. */
async function claimReconciler(...args: readonly string[]): Promise<string> {
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const [code] = await once(child, 'close');
  if (code === 0 || code === discrepanciesRemain) return printed;
  throw new Error(`claim-reconciler ${args.join(' ')} exited with ${String(code)}`);
}
