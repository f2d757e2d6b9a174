/**
 * Secrets of the configuration, each with a word in it that must never be seen again: not in the log, not on a page, not in
 * what commands print, not in Postgres, not in the queue, not in a crash; whatever fails.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Redis } from 'ioredis';
import { findFreePort } from '../../src/embedded/free-port.ts';
import { useProgram } from '../cli/support/program.ts';
import { shopConfig, type ShopSettings } from '../cli/support/shop-config.ts';
import { basic } from '../http/options.ts';
import { urlAs } from '../ops/support/least-rights.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import { createWorld, type World } from '../reconcile/support/world.ts';
import { startProcess, type ProcessHandle } from '../support/process-handle.ts';
import { waitFor } from '../support/wait-for.ts';

const worlds = useWorlds();
const program = useProgram();
const canary = 'CANARY';
const role = `watched_${process.pid}`;
const signedIn = basic('oncall', `${canary}-of-the-dashboard`);
/** As it is, as base64 of what begins with it, and as credentials of the dashboard. */
const seen = new RegExp(`${canary}|${btoa(canary).slice(0, 7)}|${signedIn.authorization.slice(6, 24)}`);
let closedPort = 0;
let world: World;
let admin: Redis;

beforeAll(async () => {
  closedPort = await findFreePort();
  world = await createWorld({ redisUrl: worlds.redis().url });
  admin = new Redis(world.redisUrl);
  await admin.call('ACL', 'SETUSER', 'watched', 'on', `>${canary}-of-redis`, '~*', '&*', '+@all');
  await world.pool.query(`create role ${role} superuser login password '${canary}-of-postgres'`);
});

afterAll(async () => {
  await admin.call('ACL', 'DELUSER', 'watched');
  admin.disconnect();
  await world.pool.query(`drop role ${role}`);
  await world.drop();
});

function settings(changes: ShopSettings = {}): ShopSettings {
  const redisUrl = urlAs(world.redisUrl, 'watched', `${canary}-of-redis`);
  const closed = `127.0.0.1:${closedPort}`;
  return {
    databaseUrl: urlAs(world.databaseUrl, role, `${canary}-of-postgres`),
    markersUrl: redisUrl,
    queueUrl: redisUrl,
    schedule: '* * * * * *',
    grace: '1s',
    http: `{ port: 0, credentials: { username: oncall, password: ${canary}-of-the-dashboard } }`,
    alerts: `{ receivers: {
      hook: { kind: webhook, url: 'http://${closed}/${canary}-path', secret: ${canary}-signs-messages, allowPrivate: true },
      chat: { kind: slack, url: 'http://user:${canary}-chat@${closed}/${canary}', allowPrivate: true, severity: info } } }`,
    distributor: `{ url: 'http://user:${canary}-in-url@${closed}/grants', timeout: 500ms, retries: 0,
      headers: { authorization: 'Bearer ${canary}-token', x-api-key: ${canary}-key } }`,
    ...changes,
  };
}

/** The program as a process of its own: all that it writes is seen. */
async function start(args: readonly string[], changes: ShopSettings = {}, more = ''): Promise<ProcessHandle> {
  const name = `secrets-${Math.random().toString(36).slice(2)}.yaml`;
  const config = await program.write(name, `${shopConfig(world, settings(changes))}${more}`);
  return startProcess('src/cli/main.ts', { args: [...args, '--config', config] });
}

async function outputOf(args: readonly string[], changes: ShopSettings = {}): Promise<string> {
  const handle = await start(args, changes);
  await handle.waitForEnd({ timeoutMs: 60_000 });
  return handle.output();
}

describe('a daemon that works', { timeout: 180_000 }, () => {
  it('shows none of them, on no page, in no command, in neither store', async () => {
    const pending = await world.addGift({ status: 'pending' });
    const broken = await world.addGift();
    await admin.hset(broken.key, 'not', 'a string');
    const daemon = await start(['start'], {}, 'log: { level: trace }\n');
    const line = await daemon.waitForLine('dashboard at', { timeoutMs: 60_000 });
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? '';
    await daemon.waitForLine('could not tell', { timeoutMs: 60_000 });
    await waitFor(async () => (await world.discrepancies()).length >= 2, { what: 'both to be found' });
    const shown: string[] = [];
    for (const path of [
      '/',
      '/api/status',
      '/metrics',
      '/readyz',
      '/queues/',
      '/queues/api/queues?activeQueue=passes&status=latest',
    ]) {
      const answer = await fetch(`${url}${path}`, { headers: signedIn });
      expect({ path, status: answer.status }).toEqual({ path, status: 200 });
      shown.push(await answer.text());
    }
    for (const args of [
      ['check', '--json'],
      ['status', '--json'],
      ['explain', 'claim', pending.id, '--source', 'gifts'],
    ]) {
      shown.push(await outputOf(args));
    }
    expect((await fetch(`${url}/`, { headers: basic('oncall', `wrong ${canary}`) })).status).toBe(401);
    daemon.signal('SIGTERM');
    expect(await daemon.waitForEnd({ timeoutMs: 60_000 })).toMatchObject({ code: 0 });
    expect(shown.filter((text) => seen.test(text))).toEqual([]);
    expect(daemon.output()).not.toMatch(seen);
    expect(await everythingStored()).not.toMatch(seen);
  });
});

async function everythingStored(): Promise<string> {
  const { rows } = await world.pool.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'reconciler'::regnamespace and relkind = 'r'`,
  );
  const tables = rows.map(async ({ name }) => world.pool.query(`select * from reconciler.${name}`));
  const jobs = (await admin.keys('*:queue:*')).map(async (key) =>
    (await admin.type(key)) === 'hash' ? admin.hgetall(key) : null,
  );
  const stored = await Promise.all([...tables.map(async (table) => (await table).rows), ...jobs]);
  return JSON.stringify(stored);
}

describe('a store that fails', { timeout: 180_000 }, () => {
  const at = (url: string, change: (changed: URL) => void): string => {
    const changed = new URL(url);
    change(changed);
    return changed.href;
  };
  it.each<{ what: string; changes: () => ShopSettings }>([
    {
      what: 'Postgres at a wrong host',
      changes: () => ({ databaseUrl: `postgres://u:${canary}-x@no-such-host.invalid:5432/shop` }),
    },
    {
      what: 'Postgres with a wrong password',
      changes: () => ({
        databaseUrl: at(settings().databaseUrl ?? '', (url) => (url.password = `${canary}-wrong`)),
      }),
    },
    {
      what: 'Postgres refused',
      changes: () => ({
        databaseUrl: at(settings().databaseUrl ?? '', (url) => (url.port = String(closedPort))),
      }),
    },
    {
      what: 'a marker Redis with a wrong password',
      changes: () => ({
        markersUrl: at(settings().markersUrl ?? '', (url) => (url.password = `${canary}-wrong`)),
      }),
    },
    {
      what: 'a queue Redis refused, and Redis at a wrong host',
      changes: () => ({
        markersUrl: `redis://u:${canary}-x@no-such-host.invalid:6379/0`,
        queueUrl: at(settings().queueUrl ?? '', (url) => (url.port = String(closedPort))),
      }),
    },
    {
      what: 'URLs that cannot be read',
      changes: () => ({ databaseUrl: `postgres://u:${canary}@h:port/x`, markersUrl: `http://u:${canary}@h` }),
    },
  ])('$what shows none of them', async ({ changes }) => {
    const daemon = await start(['start'], changes());
    const [status, check] = await Promise.all([
      outputOf(['status', '--json'], changes()),
      outputOf(['check', '--json'], changes()),
    ]);
    await waitFor(() => daemon.output() !== '', { what: 'the daemon to say something' });
    daemon.signal('SIGTERM');
    await daemon.waitForEnd({ timeoutMs: 60_000 });
    for (const text of [status, check, daemon.output()]) {
      expect(text).not.toBe('');
      expect(text).not.toMatch(seen);
    }
  });
});

describe('a crash', { timeout: 180_000 }, () => {
  it('shows what happened and where, and none of the properties of the error', async () => {
    const module = join(program.folder(), 'crashing.mjs');
    await writeFile(
      module,
      `export const grant = async () => ({ kind: 'granted' });
       export const lookup = grant;
       setTimeout(() => {
         const error = new Error('request to https://user:${canary}-in-message@grants.internal/ failed');
         throw Object.assign(error, { config: { headers: { authorization: 'Bearer ${canary}-header' } } });
       }, 200);`,
    );
    const daemon = await start(['start'], { distributor: `{ module: '${module}', timeout: 500ms }` });
    expect(await daemon.waitForEnd({ timeoutMs: 60_000 })).toEqual({ code: 1, signal: null });
    expect(daemon.output()).toContain('ended by a defect');
    expect(daemon.output()).toContain('://***@grants.internal/ failed');
    expect(daemon.output()).toContain('crashing.mjs:');
    expect(daemon.output()).not.toMatch(seen);
  });
});
