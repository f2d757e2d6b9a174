/**
 * A Redis database of its own for each test file. Database 0 holds only the list of those in use.
 * Invariant kept: a database is flushed by the one that took it, and by nobody else.
 */
import { Redis } from 'ioredis';
import { inject } from 'vitest';

export interface TestRedis {
  /** With the number of the database. */
  readonly url: string;
  readonly database: number;
  readonly client: Redis;
  /** Empties the database, gives it back and closes the client. */
  release(): Promise<void>;
}

/** As the embedded server is started with `--databases 64`. */
const databaseMax = 63;

/** An empty database on the server of this run, or on the one of `serverUrl`. */
export async function createRedis(options: { serverUrl?: string } = {}): Promise<TestRedis> {
  const url = new URL(options.serverUrl ?? inject('redisUrl'));
  url.pathname = '/0';
  const register = new Redis(url.href);
  const database = await takeDatabase(register);
  url.pathname = `/${database}`;
  const client = new Redis(url.href);
  // Tests that stop the server on purpose would otherwise fill the output.
  client.on('error', () => undefined);
  register.on('error', () => undefined);
  await client.flushdb();
  return {
    url: url.href,
    database,
    client,
    release: async () => {
      await client.flushdb();
      await register.del(keyOf(database));
      client.disconnect();
      register.disconnect();
    },
  };
}

async function takeDatabase(register: Redis): Promise<number> {
  for (let database = 1; database <= databaseMax; database += 1) {
    if ((await register.set(keyOf(database), process.pid, 'NX')) === 'OK') return database;
  }
  throw new Error(
    `All ${databaseMax} databases of the Redis server are in use: a test does not release its own`,
  );
}

function keyOf(database: number): string {
  return `test:database:${database}`;
}
