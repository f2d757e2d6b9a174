/**
 * Who holds the horizon still, by name, on a server of their own.
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { sampleHorizon } from '../../src/postgres/horizon.ts';
import { nameStall } from '../../src/postgres/stall.ts';
import { insertClaims, useShopClaims } from './shop-claims.ts';

const shop = useShopClaims({ ownServer: true });

interface Culprit {
  readonly client: pg.Client;
  readonly pid: number;
}

/** Opens a transaction that has an id, and another after it. */
async function stall(application: string, url = shop.url()): Promise<Culprit> {
  const client = new pg.Client({ connectionString: url, application_name: application });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(async () => client.end());
  await client.query('begin');
  const { rows } = await client.query<{ pid: number }>(
    'select pg_backend_pid() as pid, pg_current_xact_id()',
  );
  await insertClaims(shop.pool(), [{}]);
  return { client, pid: rows[0]?.pid ?? 0 };
}

async function named(pool = shop.pool()): Promise<string | null> {
  const { current } = await sampleHorizon(shop.pool(), 0);
  return nameStall(pool, current);
}

it('nobody, where nothing is open', async () => {
  expect(await named()).toBeNull();
});

it('an open transaction: its process, role, database, application, state and since when', async () => {
  const { client, pid } = await stall('nightly import');
  expect(await named()).toMatch(
    new RegExp(
      `^pid ${pid} \\(postgres, database test_\\w+, application nightly import, idle in transaction ` +
        `since \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\dZ\\): end its transaction, or select pg_terminate_backend\\(${pid}\\)$`,
    ),
  );
  await client.query('rollback');
  expect(await named()).toBeNull();
});

it('one in another database', async () => {
  const { pid } = await stall('elsewhere', shop.otherUrl());
  expect(await named()).toContain(`pid ${pid} (postgres, database postgres, application elsewhere`);
});

it('the oldest of several', async () => {
  const first = await stall('first');
  const second = await stall('second');
  expect(await named()).toContain(`pid ${first.pid} `);
  await first.client.query('rollback');
  expect(await named()).toContain(`pid ${second.pid} `);
});

it('a prepared transaction left behind, which no process has, with its name', async () => {
  const { client } = await stall('two-phase');
  const gid = `it's "odd" ${randomBytes(4).toString('hex')}`;
  await client.query(`prepare transaction ${pg.escapeLiteral(gid)}`);
  const text = await named();
  expect(text).toMatch(
    /^prepared transaction ".+" of postgres in database test_\w+ since .+Z: commit or roll it back/,
  );
  expect(text).toContain(JSON.stringify(gid));
  await shop.ask(`rollback prepared ${pg.escapeLiteral(gid)}`);
  expect(await named()).toBeNull();
});

it('at least its process, for a role without privileges', async () => {
  const { pid } = await stall('secret');
  await shop.ask(`create role clerk login password 'clerk'; grant usage on schema reconciler to clerk`);
  const url = new URL(shop.url());
  [url.username, url.password] = ['clerk', 'clerk'];
  const pool = new pg.Pool({ connectionString: url.href });
  pool.on('error', () => undefined);
  onTestFinished(async () => {
    await pool.end();
    await shop.ask('drop owned by clerk; drop role clerk');
  });
  expect(await named(pool)).toContain(`pid ${pid} (postgres, database test_`);
});

it('who it is also after the 32 bits of a transaction id have gone round', async () => {
  const { pid } = await stall('round');
  const { current } = await sampleHorizon(shop.pool(), 0);
  expect(await nameStall(shop.pool(), String(BigInt(current) + 3n * 2n ** 32n))).toContain(`pid ${pid} `);
});
