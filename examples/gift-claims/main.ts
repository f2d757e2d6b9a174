/**
 * A gift service with its gate and the reconciler in one process. Run it with `npx tsx examples/gift-claims/main.ts`; it boots
 * servers of its own, unless DATABASE_URL and REDIS_URL name an empty database and a Redis.
 * In a project of your own the imports are `claim-reconciler/gate` and `claim-reconciler/daemon`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { pino } from 'pino';
import { bootServers } from '../../src/embedded/boot-servers.ts';
import { startDaemon } from '../../src/entry/daemon.ts';
import { openGate } from '../../src/entry/gate.ts';
import { createService } from './shop.ts';
import { createWarehouse, type Warehouse } from './warehouse.ts';

const config = fileURLToPath(new URL('./reconciler.config.yaml', import.meta.url));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const servers = await bootServers({ env: process.env, say });
const warehouse = createWarehouse();
const env = {
  ...process.env,
  DATABASE_URL: servers.databaseUrl,
  REDIS_URL: servers.redisUrl,
  WAREHOUSE_URL: `${await warehouse.app.listen({ host: '127.0.0.1', port: 0 })}/grants`,
};
try {
  await prepare();
  await serve();
} finally {
  await warehouse.app.close();
  await servers.stop();
}

/** What a deployment does: `claim-reconciler migrate`, then the application's own migrations. */
async function prepare(): Promise<void> {
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const args = ['--import', 'tsx', main, 'migrate', '--config', config];
  const [code] = await once(spawn(process.execPath, args, { env, stdio: 'inherit' }), 'exit');
  if (code !== 0) throw new Error(`claim-reconciler migrate exited with ${String(code)}`);
  const client = new pg.Client({ connectionString: servers.databaseUrl });
  await client.connect();
  await client.query(await readFile(new URL('./tables.sql', import.meta.url), 'utf8'));
  await client.end();
}

async function serve(): Promise<void> {
  const onTrouble = ({ message }: Error): void => say(`gate: ${message}`);
  const gate = await openGate({ source: 'gifts', config, env, onTrouble });
  const service = createService(gate);
  const stopping = new AbortController();
  const logger = pino({ level: 'warn' }, { write: (line: string) => say(`daemon: ${line.trim()}`) });
  const daemon = await startDaemon({ config, env, signal: stopping.signal, logger });
  try {
    await play(await service.listen({ host: '127.0.0.1', port: 0 }), warehouse);
  } finally {
    await service.close();
    await gate.close();
    stopping.abort();
    await daemon.stopped;
  }
}

/** What users see. */
async function play(url: string, { loseReplies, sent }: Warehouse): Promise<void> {
  const claim = async (uid: unknown): Promise<Response> =>
    fetch(`${url}/activities/7/gifts/1/claims`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ uid }),
    });
  say(`user 1 claims: ${await told(await claim(1))}`);
  say(`user 1 claims again: ${await told(await claim(1))}`);
  const crowd = await Promise.all(Array.from({ length: 50 }, async () => claim(2)));
  const granted = crowd.filter(({ status }) => status === 201).length;
  say(`user 2 claims 50 times at once: ${granted} granted, ${crowd.length - granted} not`);
  say(`somebody sends nonsense: ${await told(await claim('me'))}`);

  loseReplies(true);
  const answer = await claim(3);
  say(`the warehouse's answers are lost; user 3 claims: ${await told(answer)}`);
  const place = `${url}${answer.headers.get('location') ?? ''}`;
  loseReplies(false);
  let state = await told(await fetch(place));
  say(`user 3 asks: ${state}`);
  // The row is pending; when it is older than the grace period the reconciler asks the warehouse, and settles it.
  while (state.includes('unknown')) {
    await wait(200);
    state = await told(await fetch(place));
  }
  say(`user 3 asks again, after a pass: ${state}`);
  say(`the warehouse has sent ${sent()} gifts`);
}

async function told(answer: Response): Promise<string> {
  return `${answer.status} ${await answer.text()}`;
}
