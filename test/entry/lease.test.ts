/**
 * `claim-reconciler/lease` as an application uses it.
 */
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { openLeases, type Lease, type Leases } from '../../src/entry/lease.ts';
import { createRedis, type TestRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait-for.ts';

let server: TestRedis;
beforeAll(async () => {
  server = await createRedis();
});
afterAll(async () => server.release());

async function open(): Promise<Leases> {
  const leases = await openLeases({ redisUrl: server.url, onTrouble: (error) => expect.fail(error.message) });
  onTestFinished(async () => leases.close());
  return leases;
}

async function acquired(leases: Leases, key: string): Promise<Lease> {
  const outcome = await leases.contender(key).acquire();
  if (outcome.kind !== 'acquired') throw new Error(`it is ${outcome.kind}`);
  return outcome.lease;
}

async function connections(): Promise<number> {
  return String(await server.client.client('LIST')).split('name=claim-reconciler:lease').length - 1;
}

it('is held by one of two processes, and by the other once it was given back', async () => {
  const [one, other] = await Promise.all([open(), open()]);
  const lease = await acquired(one, 'nightly');
  lease.guard();
  expect(await other.contender('nightly').acquire()).toMatchObject({ kind: 'held' });
  expect(await lease.release()).toBe('released');
  await (await acquired(other, 'nightly')).release();
  await Promise.all([one.close(), other.close()]);
  await waitFor(async () => (await connections()) === 0, { what: 'the connections to be closed' });
});

it('that is lost aborts its signal, and its guard throws', async () => {
  const leases = await open();
  const outcome = await leases
    .contender('nightly', { ttlMs: 3_000, renewEveryMs: 200, callTimeoutMs: 500 })
    .acquire();
  if (outcome.kind !== 'acquired') throw new Error(`it is ${outcome.kind}`);
  await server.client.flushdb();
  await waitFor(() => outcome.lease.signal.aborted, { what: 'the loss to be noticed' });
  expect(() => outcome.lease.guard()).toThrow(expect.objectContaining({ code: 'lease_lost' }));
});

it.each([
  ['a Redis that is not there', { redisUrl: 'redis://127.0.0.1:1/0' }, 'redis_unreachable'],
  ['a URL that cannot be read', { redisUrl: '127.0.0.1' }, 'configuration'],
])('is not opened over %s', async (_, { redisUrl }, code) => {
  await expect(openLeases({ redisUrl, onTrouble: () => undefined })).rejects.toMatchObject({ code });
});

it('refuses a timing that cannot work', async () => {
  const leases = await open();
  expect(() => leases.contender('nightly', { ttlMs: 10, renewEveryMs: 5, callTimeoutMs: 1 })).toThrow(
    /too short to be trusted/,
  );
});
