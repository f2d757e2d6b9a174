/**
 * The demo told to stop in the middle: it ends soon, says that it did not finish, and leaves nothing behind.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startPostgres } from '../../src/embedded/start-postgres.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';
import { demoDatabases, leftIn, startDemo } from './demo-run.ts';

const stages = ['1. servers', '2. claims', '3. drift', '4. the daemon', 'watches both tables'];

describe('on servers that were given', () => {
  let postgres: RunningServer;
  let database: TestDatabase;
  let server: RunningServer;
  let redis: Redis;

  beforeAll(async () => {
    postgres = await startPostgres({ env: process.env });
    server = await startRedis({ env: process.env });
    redis = new Redis(server.url);
    database = await createDatabase({ serverUrl: postgres.url });
  });

  afterAll(async () => {
    redis.disconnect();
    await database.drop();
    await Promise.all([server.stop(), postgres.stop()]);
  });

  it.each(stages)('stopped at "%s" it drops its database and clears its keys', async (stage) => {
    const demo = startDemo({ DATABASE_URL: postgres.url, REDIS_URL: server.url });
    await demo.waitForLine(stage);
    demo.signal('SIGINT');
    expect(await demo.waitForEnd(), demo.output()).toEqual({ code: 1, signal: null });
    expect(demo.output()).toContain('stopped; nothing is left behind');
    expect(demo.output()).toContain('error: Stopped as asked');
    expect(await demoDatabases(database.pool)).toEqual([]);
    expect(await redis.dbsize()).toBe(0);
  });
});

describe('on servers of its own', () => {
  let folder = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'demo-stop-'));
    await chmod(folder, 0o755);
  });
  afterAll(async () => rm(folder, { recursive: true, force: true }));

  const ownServers = (): NodeJS.ProcessEnv => ({ DATABASE_URL: '', REDIS_URL: '', TMPDIR: folder });

  it.each(['1. servers', '4. the daemon'])(
    'stopped at "%s" it stops them and removes their data',
    async (stage) => {
      const demo = startDemo(ownServers());
      await demo.waitForLine(stage);
      await waitFor(async () => (await leftIn(folder)).length > 0, { what: 'folders of servers' });
      demo.signal('SIGINT');
      expect(await demo.waitForEnd(), demo.output()).toEqual({ code: 1, signal: null });
      expect(await leftIn(folder)).toEqual([]);
    },
  );

  it('killed without a chance to clear away, its servers and their data go all the same', async () => {
    const demo = startDemo(ownServers());
    await demo.waitForLine('watches both tables');
    await demo.kill();
    await waitFor(async () => (await leftIn(folder)).length === 0, { what: 'everything to be gone' });
  });
});
