/**
 * The gate over a Redis Cluster of two servers: marker and index lie in different slots, and every step works all the same.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openClaimsKey } from '../../src/domain/open-claim.ts';
import { startRedisCluster, type TestCluster } from '../support/redis-cluster.ts';
import { namespace, useGates } from './support/use-gates.ts';

const gates = useGates();
let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startRedisCluster(2);
});
afterAll(async () => cluster.stop());

it('grants once, blocks, refuses, hands markers over, and leaves nothing listed', async () => {
  const { client } = cluster;
  const gate = await gates.open({ redis: client });
  const keyOf = (uid: number): string => `gift:7:1:${uid}`;
  const users = Array.from({ length: 40 }, (_, uid) => uid);
  const claimAll = async (): Promise<Set<string>> => {
    const claims = users.map(async (uid) => gate.claim({ columns: { activity_id: 7, gift_id: 1, uid } }));
    return new Set((await Promise.all(claims)).map(({ kind }) => kind));
  };
  gate.distributor.does(async () => ({ kind: 'refused', reason: 'sold out' }));
  expect(await claimAll()).toEqual(new Set(['refused']));
  for (const uid of users) expect(await client.get(keyOf(uid))).toBeNull();
  gate.distributor.does(null);
  expect(await claimAll()).toEqual(new Set(['granted']));
  expect(await claimAll()).toEqual(new Set(['already_claimed']));
  // Redis lost some of its markers: the unique index knows, and they come back.
  for (const uid of users.slice(0, 10)) await client.del(keyOf(uid));
  expect(await claimAll()).toEqual(new Set(['already_claimed']));
  const attempts = new Set(await Promise.all(users.map(async (uid) => client.get(keyOf(uid)))));
  expect(attempts).toEqual(new Set(gate.distributor.handedOut.keys()));
  expect(attempts.size).toBe(users.length);
  await gate.finish();
  expect(gate.troubles).toEqual([]);
  expect(await client.zcard(openClaimsKey(namespace, 'gifts'))).toBe(0);
});
