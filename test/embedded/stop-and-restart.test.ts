/** Servers of one's own: dedicated, killed, restarted on the same port and data, and cleared away. */
import { existsSync } from 'node:fs';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startPostgres } from '../../src/embedded/start-postgres.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';

const { env } = process;

function stopAtEnd(server: RunningServer): RunningServer {
  onTestFinished(async () => server.stop());
  return server;
}

async function ask(server: RunningServer, sql: string): Promise<unknown> {
  const client = new Client({ connectionString: server.url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return Object.values((await client.query<Record<string, unknown>>(sql)).rows[0] ?? {})[0];
  } finally {
    await client.end();
  }
}

async function command(server: RunningServer, ...[name, ...args]: [string, ...string[]]): Promise<unknown> {
  const client = new Redis(server.url);
  client.on('error', () => undefined);
  try {
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}

test('a PostgreSQL server has the settings that the tests need, and those that are asked for', async () => {
  const server = stopAtEnd(await startPostgres({ env, settings: { work_mem: '5MB' } }));
  expect(await ask(server, 'show timezone')).toBe('UTC');
  expect(await ask(server, 'show max_prepared_transactions')).toBe('10');
  expect(await ask(server, 'show work_mem')).toBe('5MB');
  expect(await ask(server, 'show server_encoding')).toBe('UTF8');
  const passwordless = new URL(server.url);
  passwordless.password = 'wrong';
  await expect(ask({ ...server, url: passwordless.href }, 'select 1')).rejects.toThrow(/password/);
});

test('a killed PostgreSQL server comes back on the same port with what was committed', async () => {
  const server = stopAtEnd(await startPostgres({ env }));
  await ask(server, 'create table kept as select 7 as number');
  const pid = server.pid();
  await server.kill();
  await expect(ask(server, 'select 1')).rejects.toThrow(/ECONNREFUSED/);
  await server.restart();
  expect(server.pid()).not.toBe(pid);
  expect(await ask(server, 'select number from kept')).toBe(7);
});

test('a stopped server can be gone on with from its folder and port, and the first owner clears it away', async () => {
  const first = stopAtEnd(await startPostgres({ env }));
  await ask(first, 'create table kept as select 7 as number');
  await first.kill();
  const second = stopAtEnd(await startPostgres({ env, port: first.port, folder: first.folder }));
  expect(second.url).toBe(first.url);
  expect(await ask(second, 'select number from kept')).toBe(7);
  await second.stop();
  expect(existsSync(first.folder)).toBe(true);
  await first.stop();
  expect(existsSync(first.folder)).toBe(false);
});

test('a Redis server starts with the settings that are asked for, and empty again after a restart', async () => {
  const settings = { maxmemory: '50mb', 'client-output-buffer-limit': ['pubsub', '1mb', '1mb', '10'] };
  const server = stopAtEnd(await startRedis({ env, settings }));
  expect(await command(server, 'config', 'get', 'maxmemory')).toEqual(['maxmemory', String(50 * 1024 ** 2)]);
  expect(await command(server, 'config', 'get', 'databases')).toEqual(['databases', '64']);
  await command(server, 'set', 'marker', '1');
  await server.restart();
  expect(await command(server, 'get', 'marker')).toBeNull();
});

test('a Redis server that writes to disk keeps its markers over a restart', async () => {
  const server = stopAtEnd(await startRedis({ env, settings: { appendonly: 'yes' } }));
  await command(server, 'set', 'marker', '1');
  await server.restart();
  expect(await command(server, 'get', 'marker')).toBe('1');
});

test('even a frozen server is stopped, and its folder removed', async () => {
  const server = stopAtEnd(await startRedis({ env }));
  server.signal('SIGSTOP');
  await Promise.all([server.stop(), server.stop()]);
  expect(existsSync(server.folder)).toBe(false);
  expect(existsSync(`/proc/${server.pid()}`)).toBe(false);
});

test('a port that is taken is an error, not a wrong server', async () => {
  const server = stopAtEnd(await startRedis({ env }));
  await expect(startRedis({ env, port: server.port })).rejects.toThrow(/address already in use/);
});
