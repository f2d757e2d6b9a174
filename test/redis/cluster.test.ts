/**
 * The connection to a Redis Cluster, and the screening on it: three servers, slots that move and slots that are missing. No
 * command ever names keys of two slots.
 */
import type { Cluster } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { keySlot, slotCount } from '../../src/domain/key-slot.ts';
import { identityOf, repairObstacles, storeChange } from '../../src/domain/marker-store.ts';
import { findFreePort } from '../../src/embedded/free-port.ts';
import {
  connectMarkers,
  markerServers,
  pingMarkers,
  untilMarkersReady,
} from '../../src/redis/connect-markers.ts';
import { endRedis } from '../../src/redis/connect.ts';
import { markerForm } from '../../src/redis/marker-form.ts';
import { readMarkerStore } from '../../src/redis/marker-store.ts';
import { observeMarkers } from '../../src/redis/observe-markers.ts';
import type { ScreenOptions } from '../../src/redis/screen-block.ts';
import { screenMarkers } from '../../src/redis/screen-markers.ts';
import type { MarkerRedis } from '../../src/redis/script.ts';
import { askNode, startRedisCluster, type TestCluster } from '../support/redis-cluster.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { waitFor } from '../support/wait-for.ts';
import { linesOf, type ClaimLine } from './claim-lines.ts';

const nowMs = 1_780_000_000_000;
const dayMs = 86_400_000;
const patience = 20_000;
let cluster: TestCluster;
let markers: MarkerRedis;
beforeAll(async () => {
  cluster = await startRedisCluster(3, { settings: { 'cluster-require-full-coverage': 'no' } });
  markers = connectMarkers(cluster.url, { onError: () => undefined });
  await untilMarkersReady(markers, patience);
});
afterAll(async () => {
  await endRedis(markers, 1_000);
  await cluster.stop();
});
beforeEach(async () => {
  for (const server of cluster.servers) await askNode(server, async (admin) => admin.flushall());
});

function options(changes: Partial<ScreenOptions> = {}): ScreenOptions {
  return {
    redis: markers,
    rules: { toleranceMs: 600_000, valueNamesAttempt: true },
    anyValue: false,
    nowMs: () => nowMs,
    callTimeoutMs: patience,
    callsInFlight: 2,
    block: { linesMin: 1, linesMax: 200, serverMs: 0.25 },
    pace: { lines: 20, blocks: 0 },
    ...changes,
  };
}

/** Granted claims whose markers are in order but for every tenth, which has none. */
async function createClaims(count: number): Promise<{ lines: ClaimLine[]; missing: number[] }> {
  const lines = Array.from({ length: count }, (_, at): ClaimLine => {
    return { status: 'g', key: `gift:1:${at}`, value: `a${at}`, expiresAtMs: nowMs + dayMs };
  });
  const missing = lines.flatMap((_, at) => (at % 10 === 3 ? [at] : []));
  const present = lines.filter((_, at) => at % 10 !== 3);
  await Promise.all(present.map(async ({ key, value }) => cluster.client.set(key, value, 'PX', dayMs)));
  return { lines, missing };
}

/** Errors that the servers have answered with, by name, all servers together. */
async function errorsSeen(): Promise<string[]> {
  const seen = await Promise.all(
    cluster.servers.map(async (server) => askNode(server, async (admin) => admin.info('errorstats'))),
  );
  return [...seen.join('\n').matchAll(/errorstat_(\w+):/g)].map((match) => match[1] ?? '');
}

async function resetErrors(): Promise<void> {
  for (const server of cluster.servers) await askNode(server, async (admin) => admin.config('RESETSTAT'));
}

it('slots are those that the server computes', async () => {
  const keys = ['', 'a', 'gift:1:7', 'gift:{7}:x', '{}x', '{{7}', 'x{7', '漢😀', '{漢}'];
  await askNode(cluster.servers[0] ?? fail(), async (admin) => {
    for (const key of keys) expect(keySlot(Buffer.from(key))).toBe(await admin.cluster('KEYSLOT', key));
  });
});

describe('the screening', () => {
  it('names what is suspicious, whichever server has its key, and is refused by none', async () => {
    const { lines, missing } = await createClaims(500);
    const others: ClaimLine[] = [
      { status: 'p', key: '', value: '', expiresAtMs: nowMs },
      { status: 'u', key: 'elsewhere', value: '', expiresAtMs: nowMs },
    ];
    await resetErrors();
    const pace = { lines: 20, blocks: 0 };
    expect(await screenMarkers(linesOf([...lines, ...others]), options({ pace }))).toEqual([
      ...missing,
      500,
      501,
    ]);
    // A block for each server at least, and each of them of many claims.
    expect(pace.blocks).toBeGreaterThanOrEqual(3);
    expect(pace.blocks).toBeLessThan(lines.length / 4);
    // Asking for them costs an ERR in each: the client tells its own name, which old servers do not know.
    expect((await errorsSeen()).filter((name) => !['NOSCRIPT', 'ERR'].includes(name))).toEqual([]);
  });

  it('a key that holds no string is suspicious, and nothing else of its block', async () => {
    const { lines, missing } = await createClaims(30);
    await cluster.client.del('gift:1:5');
    await cluster.client.rpush('gift:1:5', 'x');
    expect(await screenMarkers(linesOf(lines), options())).toEqual([...missing, 5].toSorted((a, b) => a - b));
  });

  it('is the same for markers that are fields of hashes', async () => {
    const { lines } = await createClaims(60);
    const missing = lines.flatMap(({ value }, at) => (at % 7 === 2 ? [{ value, at }] : []));
    for (const { key, value } of lines) {
      await cluster.client.del(key);
      await cluster.client.hset(key, { f: missing.some((one) => one.value === value) ? 'another' : value });
      await cluster.client.pexpire(key, dayMs);
    }
    const form = markerForm('f');
    expect(await screenMarkers(linesOf(lines), options({ form }))).toEqual(missing.map(({ at }) => at));
  });

  it('while a slot moves, and after it has moved, no marker in it is taken for absent', async () => {
    const { lines } = await createClaims(60);
    const [from, to] = [cluster.servers[0] ?? fail(), cluster.servers[1] ?? fail()];
    const at = lines.findIndex(({ key }, n) => n % 10 !== 3 && keySlot(Buffer.from(key)) < 5_000);
    const key = lines[at]?.key ?? '';
    const slot = keySlot(Buffer.from(key));
    const [fromId, toId] = await Promise.all(
      [from, to].map(async (one) => askNode(one, async (admin) => admin.cluster('MYID'))),
    );
    await askNode(to, async (admin) => admin.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId ?? ''));
    await askNode(from, async (admin) => {
      await admin.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId ?? '');
      await admin.call('MIGRATE', '127.0.0.1', to.port, key, 0, 5_000);
    });
    await resetErrors();
    const moving = await screenMarkers(linesOf(lines), options());
    expect(moving).toContain(at);
    expect(await observeMarkers(markers, [key], patience)).toEqual([
      { kind: 'present', value: `a${at}`, expiresInMs: expect.any(Number) },
    ]);
    for (const server of [to, from]) {
      await askNode(server, async (admin) => admin.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId ?? ''));
    }
    // The client does not know yet.
    expect((markers as Cluster).slots[slot]?.[0]).toBe(`127.0.0.1:${from.port}`);
    const moved = await screenMarkers(linesOf(lines), options());
    expect(moved).not.toContain(at);
    expect((markers as Cluster).slots[slot]?.[0]).toBe(`127.0.0.1:${to.port}`);
    expect(await errorsSeen()).not.toContain('CROSSSLOT');
  });

  it('that comes upon slots that nobody serves throws; where they are back in time, it goes on', async () => {
    const { lines, missing } = await createClaims(60);
    const someSlots = [12_000, 15_999];
    // None of them tells another of it; and as long as the owner claims them, the others learn of them again.
    for (const server of cluster.servers.toReversed()) {
      await askNode(server, async (admin) => admin.call('CLUSTER', 'DELSLOTSRANGE', ...someSlots));
    }
    await resetErrors();
    await expect(screenMarkers(linesOf(lines), options())).rejects.toMatchObject({
      code: 'redis_unreachable',
      message: expect.stringContaining('CLUSTERDOWN'),
    });
    expect(repairObstacles(await readMarkerStore(markers, patience))).toEqual([
      expect.stringMatching(/^4000 of the 16384 slots/),
    ]);
    await resetErrors();
    const again = screenMarkers(linesOf(lines), options());
    await waitFor(async () => (await errorsSeen()).includes('CLUSTERDOWN'), {
      what: 'it to be refused once',
    });
    const owner = cluster.servers[2] ?? fail();
    await askNode(owner, async (admin) => admin.call('CLUSTER', 'ADDSLOTSRANGE', ...someSlots));
    const suspicious = await again;
    const seen = await observeMarkers(
      markers,
      suspicious.map((at) => `gift:1:${at}`),
      patience,
    );
    expect(seen.map(({ kind }) => kind)).not.toContain('unread');
    expect(suspicious.filter((_, at) => seen[at]?.kind === 'absent')).toEqual(missing);
    await waitFor(async () => repairObstacles(await readMarkerStore(markers, patience)).length === 0, {
      what: 'all servers to know of it',
    });
    expect(await errorsSeen()).not.toContain('CROSSSLOT');
  });
});

it('what was sent on a connection that broke is not sent again', async () => {
  const owner =
    cluster.servers.find((_, at) => Math.floor((keySlot(Buffer.from('n')) * 3) / slotCount) === at) ?? fail();
  const connection = (await markerServers(markers, patience)).find(
    ({ options: { port } }) => port === owner.port,
  );
  const { stream } = connection ?? fail();
  owner.signal('SIGSTOP');
  const before = stream.bytesWritten;
  const sent = expect(markers.incr('n')).rejects.toThrow();
  await waitFor(() => stream.bytesWritten > before, { what: 'it to be sent', intervalMs: 1 });
  stream.destroy();
  owner.signal('SIGCONT');
  await sent;
  await untilMarkersReady(markers, patience);
  expect(await waitFor(async () => markers.get('n'), { what: 'it to be carried out' })).toBe('1');
});

describe('the servers', () => {
  it('are each told apart; one that joins is no loss, and one that comes back empty is', async () => {
    const before = identityOf(await readMarkerStore(markers, patience));
    expect(before.runId.split(' ')).toHaveLength(3);
    const another = await cluster.grow();
    expect(storeChange(before, await readMarkerStore(markers, patience))).toBe('none');
    const [giver] = cluster.servers;
    const id = await askNode(another, async (admin) => admin.cluster('MYID'));
    for (const server of [another, giver ?? fail()]) {
      await askNode(server, async (admin) => {
        await waitFor(async () => String(await admin.cluster('NODES')).includes(id), {
          what: 'it to be known',
        });
        await admin.call('CLUSTER', 'SETSLOT', 0, 'NODE', id);
      });
    }
    await waitFor(async () => storeChange(before, await readMarkerStore(markers, patience)) === 'grown', {
      what: 'it to have a slot',
    });
    for (const server of cluster.servers) {
      await askNode(server, async (admin) =>
        waitFor(async () => JSON.stringify(await admin.cluster('SLOTS')).includes(String(another.port)), {
          what: 'all to know of it',
        }),
      );
    }
    const grown = identityOf(await readMarkerStore(markers, patience));
    await another.kill();
    await expect(pingMarkers(markers, 1_000)).rejects.toMatchObject({ name: 'OperatingError' });
    await expect(readMarkerStore(markers, 1_000)).rejects.toMatchObject({ name: 'OperatingError' });
    await another.restart();
    await untilMarkersReady(markers, patience);
    expect(storeChange(grown, await readMarkerStore(markers, patience))).toBe('lost');
  });

  it('are all known from one of them, and asked directly', async () => {
    const url = `redis+cluster://127.0.0.1:${cluster.servers[1]?.port}`;
    const own = connectMarkers(url, { onError: () => undefined });
    onTestFinished(async () => endRedis(own, 1_000));
    await untilMarkersReady(own, patience);
    expect((await markerServers(own, patience)).length).toBeGreaterThanOrEqual(3);
  });
});

describe('what cannot be reached is told with its place', () => {
  it.each([
    {
      what: 'nobody there',
      to: async () => findFreePort(),
      said: /127\.0\.0\.1:\d+: .*(ECONNREFUSED|closed)/,
    },
    {
      what: 'a server that is no Cluster',
      to: async () => {
        const alone = await startRedis({ env: process.env });
        onTestFinished(async () => alone.stop());
        return alone.port;
      },
      said: /127\.0\.0\.1:\d+: .*cluster support disabled/,
    },
  ])('$what', async ({ to, said }) => {
    const told: string[] = [];
    const redis = connectMarkers(`redis+cluster://127.0.0.1:${await to()}`, {
      onError: ({ message }) => told.push(message),
    });
    onTestFinished(async () => endRedis(redis, 1_000));
    await expect(untilMarkersReady(redis, 700)).rejects.toThrow(said);
    expect(told.length).toBeGreaterThan(0);
    expect(new Set(told).size).toBe(told.length);
    await expect(redis.get('x')).rejects.toThrow();
  });
});

function fail(): never {
  throw new Error('the cluster has three servers');
}
