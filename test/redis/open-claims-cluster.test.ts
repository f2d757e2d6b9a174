/**
 * Markers and the open-claims index on a Redis Cluster, where they lie in different slots: listed first, taken second,
 * never in one command; what a crash between the two leaves is harmless.
 */
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { endRedis } from '../../src/redis/connect.ts';
import { changeMarkers } from '../../src/redis/change-marker.ts';
import { observeMarkers } from '../../src/redis/observe-markers.ts';
import {
  leaveIndex,
  readOpenClaims,
  releaseMarker,
  takeMarker,
  type MarkerRedis,
  type MarkerTake,
} from '../../src/redis/open-claims.ts';
import { startRedisCluster, type TestCluster } from '../support/redis-cluster.ts';
import { strictTo } from '../support/strict-redis.ts';
import { waitFor } from '../support/wait-for.ts';

const hourMs = 3_600_000;
const patience = 20_000;
const indexKey = 'test:open-claims:gifts';
const key = 'gift:1:7';

let cluster: TestCluster;
let direct: Redis;
beforeAll(async () => {
  cluster = await startRedisCluster();
  direct = await strictTo(cluster.servers[0]?.url ?? '');
});
afterAll(async () => {
  await endRedis(direct, 1_000);
  await cluster.stop();
});
beforeEach(async () => {
  await direct.flushall();
});

function takeOf(attempt: string, markerKey = key): MarkerTake {
  return { indexKey, member: `["${attempt}"]`, markerKey, markerValue: attempt, ttlMs: hourMs };
}

async function listed(on: MarkerRedis = cluster.client): Promise<string[]> {
  const entries = await readOpenClaims(on, { indexKey, ageMs: 0, skip: 0, rowsMax: 100 }, patience);
  return entries.map(({ member }) => member);
}

/** A client that does `meddle` once it has listed a claim, before it takes the marker. */
async function meddling(meddle: (client: Cluster) => Promise<unknown>): Promise<Cluster> {
  const nodes = cluster.servers.map(({ port }) => ({ host: '127.0.0.1', port }));
  const client = new Cluster(nodes, { lazyConnect: true });
  client.on('error', () => undefined);
  onTestFinished(() => client.disconnect());
  await client.connect();
  const call = client.callBuffer.bind(client);
  let isDone = false;
  client.callBuffer = async (command: string, ...args: unknown[]) => {
    const answer: unknown = await Reflect.apply(call, client, [command, ...args]);
    if (!isDone && (await direct.exists(indexKey)) === 1) {
      isDone = true;
      await meddle(client);
    }
    return answer;
  };
  return client;
}

/** What the server carried out from now on, scripts' own calls among it, as `word key`. */
async function watched(): Promise<string[]> {
  const watcher = await direct.monitor();
  onTestFinished(() => watcher.disconnect());
  const seen: string[] = [];
  watcher.on('monitor', (_time: string, [word = '', first = '']: string[]) => {
    seen.push(`${word.toLowerCase()} ${first}`);
  });
  return seen;
}

describe('a cluster', () => {
  it('has marker and index in different slots, so that one command cannot touch both', async () => {
    const slots = await Promise.all([key, indexKey].map(async (name) => direct.cluster('KEYSLOT', name)));
    expect(slots[0]).not.toBe(slots[1]);
    await expect(direct.mget(key, indexKey)).rejects.toThrow('CROSSSLOT');
  });

  it('lists the claim first and takes the marker second', async () => {
    const seen = await watched();
    expect(await takeMarker(cluster.client, takeOf('a1'), patience)).toEqual({ kind: 'taken' });
    expect([await direct.get(key), await listed()]).toEqual(['a1', ['["a1"]']]);
    expect(await direct.pttl(key)).toBeGreaterThan(0);
    expect(await direct.pttl(indexKey)).toBeGreaterThan(hourMs);
    await waitFor(() => seen.includes(`set ${key}`), { what: 'the marker to be seen taken' });
    expect(seen.indexOf(`zadd ${indexKey}`)).toBeGreaterThan(-1);
    expect(seen.indexOf(`zadd ${indexKey}`)).toBeLessThan(seen.indexOf(`set ${key}`));
  });

  it('tells a loser who holds it; nothing is written', async () => {
    await direct.set(key, 'a1', 'PX', hourMs);
    const seen = await watched();
    const holder = { kind: 'present', value: 'a1', expiresInMs: expect.any(Number) };
    expect(await takeMarker(cluster.client, takeOf('a2'), patience)).toEqual({ kind: 'held', holder });
    expect(await takeMarker(cluster.client, takeOf('a1'), patience)).toEqual({ kind: 'held', holder });
    expect(await direct.exists(indexKey)).toBe(0);
    expect(seen.filter((line) => /^(zadd|zrem|set) /.test(line))).toEqual([]);
  });

  it('has one winner among many, and no loser stays listed', async () => {
    const attempts = Array.from({ length: 40 }, (_, at) => `a${at}`);
    const answers = await Promise.all(
      attempts.map(async (attempt) => takeMarker(cluster.client, takeOf(attempt), patience)),
    );
    expect(answers.filter(({ kind }) => kind === 'taken')).toHaveLength(1);
    const winner = attempts[answers.findIndex(({ kind }) => kind === 'taken')] ?? '';
    expect([await direct.get(key), await listed()]).toEqual([winner, [`["${winner}"]`]]);
  });

  it('releases by compare and delete, and leaves the index either way', async () => {
    await takeMarker(cluster.client, takeOf('a1'), patience);
    expect(await releaseMarker(cluster.client, { ...takeOf('a1'), leftMs: hourMs }, patience)).toBe(
      'deleted',
    );
    expect([await direct.exists(key), await listed()]).toEqual([0, []]);
    await takeMarker(cluster.client, takeOf('a1'), patience);
    await direct.pexpire(key, 2 * hourMs);
    expect(await releaseMarker(cluster.client, { ...takeOf('a1'), leftMs: hourMs }, patience)).toBe(
      'not_ours',
    );
    expect([await direct.get(key), await listed()]).toEqual(['a1', []]);
  });
});

describe('between the entry and the marker', () => {
  it('a crash leaves an entry that keeps nobody out', async () => {
    const client = await meddling(async (dying) => {
      dying.disconnect();
      throw new Error('crashed');
    });
    await expect(takeMarker(client, takeOf('a1'), patience)).rejects.toThrow('crashed');
    expect([await direct.exists(key), await listed()]).toEqual([0, ['["a1"]']]);
    expect(await direct.pttl(indexKey)).toBeGreaterThan(hourMs);
    expect(await takeMarker(cluster.client, takeOf('a2'), patience)).toEqual({ kind: 'taken' });
    await leaveIndex(cluster.client, indexKey, ['["a1"]'], patience);
    expect([await direct.get(key), await listed()]).toEqual(['a2', ['["a2"]']]);
  });

  it('another may take the marker: its loser leaves the index again', async () => {
    const client = await meddling(async () => direct.set(key, 'a2', 'PX', hourMs));
    expect(await takeMarker(client, takeOf('a1'), patience)).toMatchObject({
      kind: 'held',
      holder: { value: 'a2' },
    });
    expect([await direct.get(key), await listed()]).toEqual(['a2', []]);
  });

  it('a marker with its own value may be its own, sent twice: the claim stays listed', async () => {
    const client = await meddling(async () => direct.set(key, 'a1', 'PX', hourMs));
    expect(await takeMarker(client, takeOf('a1'), patience)).toMatchObject({
      kind: 'held',
      holder: { value: 'a1' },
    });
    expect(await listed()).toEqual(['["a1"]']);
  });

  it('too much time may pass: the marker is not taken any more', async () => {
    const client = await meddling(async () => undefined);
    const call = client.callBuffer.bind(client);
    const callTimeoutMs = 1_000;
    const startedAt = performance.now();
    const answers: unknown[] = [];
    client.callBuffer = async (command: string, ...args: unknown[]) => {
      const isLast = (await direct.exists(indexKey)) === 1;
      if (isLast) {
        await waitFor(() => performance.now() - startedAt > 5 * callTimeoutMs, {
          what: 'its time to be over',
        });
      }
      const answer: unknown = await Reflect.apply(call, client, [command, ...args]);
      if (isLast) answers.push(answer);
      return answer;
    };
    await expect(takeMarker(client, takeOf('a1'), callTimeoutMs)).rejects.toMatchObject({
      code: 'timed_out',
    });
    await waitFor(() => answers.length > 0, { what: 'the late command to be answered' });
    expect(answers).toEqual([0]);
    expect(await direct.exists(key)).toBe(0);
  });
});

describe('two servers', () => {
  it('are each asked for the markers they hold, and for their own time', async () => {
    const two = await startRedisCluster(2);
    onTestFinished(async () => two.stop());
    const keys = Array.from({ length: 12 }, (_, at) => `gift:1:${at}`);
    for (const [at, name] of keys.entries()) {
      const take = takeOf(`a${at}`, name);
      expect(await takeMarker(two.client, take, patience)).toEqual({ kind: 'taken' });
    }
    const counts: number[] = [];
    for (const server of two.servers) {
      const one = await strictTo(server.url);
      counts.push(await one.dbsize());
      await endRedis(one, 1_000);
    }
    for (const count of counts) expect(count).toBeGreaterThan(1);
    const seen = await observeMarkers(two.client, keys, patience);
    const observed = seen.flatMap((marker) => (marker.kind === 'present' ? [marker] : []));
    expect(observed.map(({ value }) => value)).toEqual(keys.map((_, at) => `a${at}`));
    const changes = keys.slice(0, 6).flatMap((name, at) => {
      const marker = observed[at];
      return marker === undefined ? [] : [{ kind: 'delete_marker' as const, key: name, observed: marker }];
    });
    expect((await changeMarkers(two.client, changes, patience)).map(({ kind }) => kind)).toEqual(
      changes.map(() => 'applied'),
    );
    for (const [at, name] of keys.entries()) {
      const answer = await releaseMarker(two.client, { ...takeOf(`a${at}`, name), leftMs: hourMs }, patience);
      expect(answer).toBe(at < 6 ? 'not_ours' : 'deleted');
    }
    expect(await listed(two.client)).toEqual([]);
  });
});
