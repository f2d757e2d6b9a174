/**
 * When a worker may go on judging: the rate of all workers together, and the pause while the marker Redis is slow.
 */
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { startRedis } from '../../src/embedded/start-redis.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { connectStrict, endRedis, untilReady } from '../../src/redis/connect.ts';
import { openTurns, type AwaitTurn } from '../../src/redis/turns.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

let server: RunningServer;
let proxy: TcpProxy;
let clients: Redis[];

beforeAll(async () => {
  server = await startRedis({ env: process.env });
});
afterAll(async () => server.stop());

beforeEach(async () => {
  proxy = await startTcpProxy(server.url);
  clients = [server.url, server.url, proxy.url].map((url) => connectStrict(url, { onError: () => {} }));
  await Promise.all(clients.map(async (client) => untilReady(client, 5_000)));
  await clients[0]?.flushall();
});

afterEach(async () => {
  await Promise.all(clients.map(async (client) => endRedis(client, 1_000)));
  await proxy.close();
});

function client(at: number): Redis {
  const found = clients[at];
  if (found === undefined) throw new Error('no such client');
  return found;
}

/** Of a worker with a connection of its own. */
function turnsOf(
  at: number,
  {
    rowsPerSecond = null,
    pauseAboveMs = null,
  }: { rowsPerSecond?: number | null; pauseAboveMs?: number | null },
): AwaitTurn {
  const markers = client(2);
  return openTurns({
    leases: client(at),
    markers,
    namespace: 'own',
    rowsPerSecond,
    pauseAboveMs,
    callTimeoutMs: 2_000,
  });
}

const calm = new AbortController().signal;
const ignore = (): void => undefined;

/** Up to when time is booked, Unix milliseconds. */
async function bookedUntil(): Promise<number> {
  return Number((await client(0).get('own:turn'))?.split(' ')[0]);
}

it('books one stretch after the other, whoever asks, as long as the rate makes them', async () => {
  const stopping = new AbortController();
  const [one, other] = [turnsOf(0, { rowsPerSecond: 100 }), turnsOf(1, { rowsPerSecond: 100 })];
  await one(60_000, calm, ignore);
  const first = await bookedUntil();
  const waiting = [one(3_000, stopping.signal, ignore), other(6_000, stopping.signal, ignore)];
  await waitFor(async () => (await bookedUntil()) - first > 60_000, { what: 'both to be booked' });
  // 600 s are booked before theirs: neither may go on. Theirs are of 30 and of 60 s.
  expect((await bookedUntil()) - first).toBeCloseTo(90_000, 1);
  stopping.abort(new Error('told to'));
  const ends = await Promise.allSettled(waiting);
  expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await client(0).pttl('own:turn')).toBeGreaterThan(600_000);
});

it('begins anew when nothing was judged for a while', async () => {
  const turn = turnsOf(0, { rowsPerSecond: 1_000_000 });
  await turn(1_000, calm, ignore);
  await waitFor(async () => (await client(0).exists('own:turn')) === 0, { what: 'the booked time to end' });
  await turn(1_000, calm, ignore);
});

it('without a rate books nothing', async () => {
  await turnsOf(0, {})(1_000_000, calm, ignore);
  expect(await client(0).exists('own:turn')).toBe(0);
});

it('waits while the marker Redis is slow, says so once, and goes on when it is fast again', async () => {
  const told: string[] = [];
  let isOver = false;
  proxy.set('latency', { latencyMs: 200 });
  const turn = turnsOf(0, { pauseAboveMs: 150 })(1, calm, (why) => void told.push(why)).then(() => {
    isOver = true;
  });
  await waitFor(() => told.length > 0, { what: 'a pause' });
  expect(told[0]).toMatch(
    /^Waiting: the marker Redis takes \d+\.\d ms to answer, and reading is to wait above 150 ms\.$/,
  );
  expect(isOver).toBe(false);
  proxy.set('pass');
  await turn;
  expect(told).toHaveLength(1);
});

it('does not take a Redis without an answer for leave to go on', async () => {
  proxy.set('swallow_replies');
  const turn = openTurns({
    leases: client(0),
    markers: client(2),
    namespace: 'own',
    rowsPerSecond: null,
    pauseAboveMs: 100,
    callTimeoutMs: 300,
  });
  await expect(turn(1, calm, ignore)).rejects.toMatchObject({ code: 'timed_out' });
});

it('books a single claim at the highest rate', async () => {
  const turns = turnsOf(0, { rowsPerSecond: 100_000_000 });
  await expect(turns(1, calm, ignore)).resolves.toBeUndefined();
});

it('waits no longer because the clock of Redis was set back', async () => {
  const turns = turnsOf(0, { rowsPerSecond: 1_000 });
  await turns(1_000, calm, ignore);
  // As if all of it had been said an hour from now.
  const ahead = (await client(0).get('own:turn'))?.split(' ').map((ms) => Number(ms) + 3_600_000);
  await client(0).set('own:turn', ahead?.join(' ') ?? '', 'PX', 3_600_000);
  await turns(10_000, calm, ignore);
  expect((await bookedUntil()) - Date.now()).toBeLessThan(60_000);
});
