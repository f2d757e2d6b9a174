/**
 * What the marker Redis says of itself: identity, role, limits, and how often it was emptied.
 */
import type { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import {
  identityOf,
  repairObstacles,
  storeChange,
  storeWarnings,
  type ServerReading,
  type StoreReading,
} from '../../src/domain/marker-store.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { connectStrict, endRedis, untilReady } from '../../src/redis/connect.ts';
import { readMarkerStore } from '../../src/redis/marker-store.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

async function ownServer(settings: Record<string, string | readonly string[]> = {}): Promise<RunningServer> {
  const server = await startRedis({ env: process.env, settings });
  onTestFinished(async () => server.stop());
  return server;
}

async function strictTo(url: string): Promise<Redis> {
  const redis = connectStrict(url, { onError: () => undefined });
  onTestFinished(async () => endRedis(redis, 1_000));
  await untilReady(redis, 10_000);
  return redis;
}

/** Of a store that is no Cluster. */
function onlyServer({ servers, unservedSlots }: StoreReading): ServerReading {
  const [server] = servers;
  if (server === undefined || servers.length > 1 || unservedSlots > 0) throw new Error('it is a Cluster');
  return server;
}

it('says who it is, that it is a primary, and what it may hold', async () => {
  const server = await ownServer({ maxmemory: '50mb', 'maxmemory-policy': 'volatile-ttl' });
  const redis = await strictTo(server.url);
  const store = await readMarkerStore(redis, 5_000);
  expect(onlyServer(store)).toEqual({
    place: '',
    version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    runId: expect.stringMatching(/^[0-9a-f]{40}$/),
    replicationId: expect.stringMatching(/^[0-9a-f]{40}$/),
    role: 'master',
    maxmemoryPolicy: 'volatile-ttl',
    maxmemoryBytes: 50 * 1024 ** 2,
    usedMemoryBytes: expect.any(Number),
    loading: false,
    flushes: 0,
  });
  expect(onlyServer(store).usedMemoryBytes).toBeGreaterThan(0);
  expect(repairObstacles(store)).toEqual([]);
  expect(storeWarnings(store)).toEqual([expect.stringContaining('volatile-ttl')]);
});

it('counts flushes of every kind, and is another after a restart', async () => {
  const server = await ownServer();
  const redis = await strictTo(server.url);
  const before = await readMarkerStore(redis, 5_000);
  expect(storeChange(identityOf(before), await readMarkerStore(redis, 5_000))).toBe('none');
  await redis.flushall();
  await redis.flushdb('ASYNC');
  const flushed = await readMarkerStore(redis, 5_000);
  expect(onlyServer(flushed).flushes).toBe(2);
  expect(storeChange(identityOf(before), flushed)).toBe('lost');
  await server.restart();
  await untilReady(redis, 10_000);
  const restarted = await readMarkerStore(redis, 5_000);
  expect(onlyServer(restarted).runId).not.toBe(onlyServer(flushed).runId);
  expect(storeChange({ ...identityOf(flushed), flushes: 0 }, restarted)).toBe('lost');
});

it('is not repaired while it is a replica, and is another once it was promoted', async () => {
  const primary = await ownServer({ 'repl-diskless-sync-delay': '0' });
  const replica = await ownServer({ replicaof: ['127.0.0.1', String(primary.port)] });
  const redis = await strictTo(replica.url);
  await waitFor(async () => (await redis.info('replication')).includes('master_link_status:up'), {
    what: 'the replica to be in sync',
  });
  const following = await readMarkerStore(redis, 5_000);
  expect(repairObstacles(following)).toEqual([expect.stringContaining('slave')]);
  await redis.replicaof('NO', 'ONE');
  const promoted = await readMarkerStore(redis, 5_000);
  expect(repairObstacles(promoted)).toEqual([]);
  expect(storeChange(identityOf(following), promoted)).toBe('lost');
});

it('that does not answer, or is not there, is an error', async () => {
  const server = await ownServer();
  const proxy = await startTcpProxy(server.url);
  onTestFinished(async () => proxy.close());
  const redis = await strictTo(proxy.url);
  proxy.set('swallow_replies');
  await expect(readMarkerStore(redis, 200)).rejects.toMatchObject({ code: 'timed_out' });
  proxy.set('reset');
  await expect(readMarkerStore(redis, 5_000)).rejects.toThrow();
});
