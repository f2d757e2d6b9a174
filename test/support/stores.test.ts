/** What the other tests stand on: databases of their own, on servers that the run has booted. */
import { expect, test } from 'vitest';
import { createDatabase } from './database.ts';
import { createRedis } from './redis.ts';

test('each PostgreSQL database is empty, of its own and gone afterwards', async () => {
  const [first, second] = await Promise.all([createDatabase(), createDatabase()]);
  await first.pool.query('create table only_here ()');
  const there = await second.pool.query("select to_regclass('only_here') as name, version() as version");
  expect(there.rows[0]).toMatchObject({ name: null });
  await first.drop();
  const left = await second.pool.query('select from pg_database where datname = $1', [first.name]);
  expect(left.rowCount).toBe(0);
  await second.drop();
});

test('dropping a database does not wait for clients that others left connected', async () => {
  const database = await createDatabase();
  const stranger = await database.pool.connect();
  stranger.on('error', () => undefined);
  await stranger.query('begin');
  const dropped = database.drop();
  stranger.release();
  await expect(dropped).resolves.toBeUndefined();
});

test('each Redis database is empty, of its own and given back empty', async () => {
  const [first, second] = await Promise.all([createRedis(), createRedis()]);
  expect(first.database).not.toBe(second.database);
  await first.client.set('marker', '1');
  expect(await second.client.get('marker')).toBeNull();
  await first.release();
  const next = await createRedis();
  expect(await next.client.dbsize()).toBe(0);
  await Promise.all([second.release(), next.release()]);
});
