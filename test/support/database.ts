/**
 * A database of its own for each test file, so that files run side by side without seeing each other.
 * The horizon is shared by all databases of a server: tests that hold transactions open start a server of their own
 * with `startPostgres` and pass its url.
 */
import { randomBytes } from 'node:crypto';
import { Client, Pool } from 'pg';
import { inject } from 'vitest';
import { waitFor } from './wait-for.ts';

export interface TestDatabase {
  readonly name: string;
  readonly url: string;
  readonly pool: Pool;
  /** Closes the pool and drops the database, whoever is still connected. */
  drop(): Promise<void>;
}

/** An empty database on the server of this run, or on the one of `serverUrl` (a superuser's url). */
export async function createDatabase(options: { serverUrl?: string } = {}): Promise<TestDatabase> {
  const serverUrl = options.serverUrl ?? inject('databaseUrl');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await runOnServer(serverUrl, `create database ${name} template template0`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const pool = new Pool({ connectionString: url.href, max: 10 });
  // Tests that end connections on purpose would otherwise end the test process.
  pool.on('error', () => undefined);
  return {
    name,
    url: url.href,
    pool,
    drop: async () => {
      let isClosed = false;
      const closed = pool.end().then(() => (isClosed = true));
      await runOnServer(serverUrl, `drop database if exists ${name} with (force)`);
      await waitFor(() => isClosed, { what: `the clients of ${name} to be released` });
      await closed;
    },
  };
}

async function runOnServer(serverUrl: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
