/**
 * A store that is away, or does not answer, at each step of a claim: what is answered, what is left behind, who is told.
 */
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openClaimsKey } from '../../src/domain/open-claim.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { connectStrict, endRedis } from '../../src/redis/connect.ts';
import { strictTo } from '../support/strict-redis.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import { dayMs, grabSource } from './support/claim-tables.ts';
import { namespace, poolTo, useGates } from './support/use-gates.ts';
import { watchedCalls } from './support/watched-calls.ts';

const gates = useGates();
const gift = { activity_id: 7, gift_id: 1, uid: 100_180 };
const key = 'gift:7:1:100180';

async function statuses(): Promise<(string | undefined)[]> {
  return (await gates.rows()).map(({ status }) => status);
}

async function proxyTo(url: string): Promise<TcpProxy> {
  const proxy = await startTcpProxy(url);
  onTestFinished(async () => proxy.close());
  return proxy;
}

const refuse = async () => ({ kind: 'refused', reason: 'sold out' }) as const;
const lost = async (): Promise<never> => Promise.reject(new Error('Connection is closed.'));

describe('Redis is away', () => {
  it('when a claim begins: nothing is claimed, and Postgres hears nothing', async () => {
    const server = await startRedis({ env: process.env });
    const redis = await strictTo(server.url);
    onTestFinished(async () => endRedis(redis, 100));
    await server.stop();
    const gate = await gates.open({ redis });
    await expect(gate.claim({ attempt: 'a1', columns: gift })).rejects.toMatchObject({
      code: 'redis_unreachable',
      message: expect.stringMatching(/gift:7:1:100180.*attempt a1.*nothing was handed out/),
    });
    expect(gate.distributor.asked).toEqual([]);
    expect(await gates.rows()).toEqual([]);
    expect(gate.counts()).toMatchObject({ failed: 1 });
  });

  it('when a claim begins, and Postgres is to decide alone: one is granted, the next is not', async () => {
    const redis = connectStrict('redis://127.0.0.1:1', { onError: () => undefined });
    onTestFinished(async () => endRedis(redis, 100));
    const gate = await gates.open({ redis, whenRedisIsDown: 'postgres' });
    expect(await gate.claim({ attempt: 'a1', columns: gift })).toMatchObject({ kind: 'granted' });
    expect(await gate.claim({ attempt: 'a2', columns: gift })).toEqual({
      kind: 'already_claimed',
      holder: 'a1',
    });
    gate.distributor.does(refuse);
    expect(await gate.claim({ attempt: 'a3', columns: { ...gift, uid: 2 } })).toMatchObject({
      kind: 'refused',
    });
    await gate.finish();
    expect(await statuses()).toEqual(['granted', 'failed']);
    expect(gate.troubles.map(({ code }) => code)).toEqual(['redis_unreachable', 'redis_unreachable']);
    expect(gate.troubles[0]?.message).toMatch(/gift:7:1:100180, attempt a1, claim 1/);
  });

  it('for a moment, and Postgres decides alone: the marker is set afterwards, with what is left of its window', async () => {
    const calls = watchedCalls();
    const gate = await gates.open({ calls, whenRedisIsDown: 'postgres', ttlMs: dayMs });
    calls.replace(1, lost);
    expect(await gate.claim({ attempt: 'a1', columns: gift })).toMatchObject({ kind: 'granted' });
    await gate.finish();
    expect(await gates.client().get(key)).toBe('a1');
    const leftMs = await gates.client().pttl(key);
    expect(leftMs).toBeGreaterThan(dayMs - 60_000);
    expect(leftMs).toBeLessThanOrEqual(dayMs);
    expect(gate.troubles).toEqual([]);
  });

  it('for a moment, and Postgres decides alone: a claim that is lost there leaves no marker', async () => {
    const gate = await gates.open();
    await gate.claim({ attempt: 'a1', columns: gift });
    await gates.client().flushdb();
    const calls = watchedCalls();
    const other = await gates.open({ calls, whenRedisIsDown: 'postgres' });
    // The marker was taken, but nobody heard of it.
    calls.replace(1, async (send) => send().then(lost));
    expect(await other.claim({ attempt: 'a2', columns: gift })).toEqual({
      kind: 'already_claimed',
      holder: 'a1',
    });
    await other.finish();
    expect(await gates.client().dbsize()).toBe(0);
  });

  // A driver's marker holds the driver: it looks like that of any other try of the same driver.
  it.each([
    ['refuse', 'redis_unreachable'],
    ['postgres', 'already_claimed'],
  ] as const)(
    'for a moment, when the holder claims again and the marker cannot be told from its own (%s): it stays',
    async (whenRedisIsDown, kind) => {
      const first = await gates.open({ source: grabSource });
      const grab = { order_id: 5, driver_id: 9 };
      await first.claim({ attempt: 'a1', columns: grab });
      const calls = watchedCalls();
      const gate = await gates.open({ source: grabSource, calls, whenRedisIsDown });
      calls.replace(1, lost);
      const answer = await gate.claim({ columns: grab }).catch((error: unknown) => error);
      expect(answer).toMatchObject(kind === 'already_claimed' ? { kind, holder: '9' } : { code: kind });
      await gate.finish();
      expect(await gates.client().get('order:5')).toBe('9');
    },
  );

  it('and does not answer on an open connection: the claim ends in time, and what it left is listed', async () => {
    const proxy = await proxyTo(gates.redisUrl());
    const redis = await strictTo(proxy.url);
    onTestFinished(async () => endRedis(redis, 100));
    const gate = await gates.open({ redis, redisTimeoutMs: 200 });
    gate.distributor.does(refuse);
    await gate.claim({ columns: { ...gift, uid: 2 } });
    proxy.set('swallow_replies');
    await expect(gate.claim({ attempt: 'a1', columns: gift })).rejects.toMatchObject({
      code: 'redis_unreachable',
    });
    await waitFor(async () => (await gates.listed()).length > 0, { what: 'the entry of the index' });
    expect(await gates.listed()).toEqual(['a1']);
    expect(await gates.client().pttl(key)).toBeGreaterThan(0);
    expect(gate.distributor.asked).toHaveLength(1);
    expect(await statuses()).toEqual(['failed']);
  });

  it('when its answer is lost, but not for long: the marker that was taken is given back', async () => {
    const calls = watchedCalls();
    const gate = await gates.open({ calls });
    calls.replace(1, async (send) => send().then(lost));
    await expect(gate.claim({ columns: gift })).rejects.toMatchObject({ code: 'redis_unreachable' });
    await gate.finish();
    expect(await gates.client().dbsize()).toBe(0);
    expect(await gates.rows()).toEqual([]);
  });

  it('when a refused claim’s marker is to be deleted: it is told with key, attempt and claim, and left listed', async () => {
    const calls = watchedCalls();
    const gate = await gates.open({ calls });
    gate.distributor.does(refuse);
    calls.replace(5, lost);
    expect(await gate.claim({ attempt: 'a1', columns: gift })).toMatchObject({
      kind: 'refused',
      claimId: '1',
    });
    await gate.finish();
    expect(gate.troubles).toMatchObject([
      {
        code: 'redis_unreachable',
        message: expect.stringMatching(
          /could not be released.*marker gift:7:1:100180, attempt a1, claim 1\. .*Redis did not answer/,
        ),
      },
    ]);
    expect(await statuses()).toEqual(['failed']);
    expect(await gates.client().get(key)).toBe('a1');
    expect(await gates.listed()).toEqual(['a1']);
  });

  it('when the index is to be left: the claim is granted, and it is told once', async () => {
    const calls = watchedCalls();
    const gate = await gates.open({ calls });
    calls.replace(5, lost);
    expect(await gate.claim({ attempt: 'a1', columns: gift })).toMatchObject({ kind: 'granted' });
    await gate.finish();
    expect(gate.troubles).toMatchObject([
      { message: expect.stringMatching(/marker gift:7:1:100180, attempt a1, claim 1\./) },
    ]);
    expect(await gates.listed()).toEqual(['a1']);
  });
});

describe('Redis refuses', () => {
  it('and the error does not carry what the application gave', async () => {
    const gate = await gates.open();
    await gates.client().set(openClaimsKey(namespace, 'gifts'), 'no sorted set');
    const failed: unknown = await gate
      .claim({ columns: { ...gift, note: 'for my eyes only' } })
      .catch((error: unknown) => error);
    expect(failed).toMatchObject({
      code: 'redis_unreachable',
      message: expect.stringContaining('WRONGTYPE'),
    });
    expect(inspect(failed, { depth: 10 })).not.toContain('for my eyes only');
  });
});

describe('Postgres is away', () => {
  it('before the row: the marker is given back, and the claim can be made again', async () => {
    const proxy = await proxyTo(gates.databaseUrl());
    const pool = poolTo(proxy.url);
    onTestFinished(async () => pool.end());
    const gate = await gates.open({ pool });
    await proxy.close();
    // Connections that were there are found dead; the next one is refused.
    await waitFor(() => pool.totalCount === 0, { what: 'the connections to be gone' });
    await expect(gate.claim({ attempt: 'a1', columns: gift })).rejects.toMatchObject({
      code: 'postgres_unreachable',
      message: expect.stringMatching(
        /a1 on gift:7:1:100180 could not be written, and nothing was handed out/,
      ),
    });
    expect(gate.distributor.asked).toEqual([]);
    expect(await gates.client().dbsize()).toBe(0);
    const other = await gates.open();
    expect(await other.claim({ columns: gift })).toMatchObject({ kind: 'granted' });
  });

  it('when the row was sent: unknown, whether it was written or not; marker and entry stay', async () => {
    const proxy = await proxyTo(gates.databaseUrl());
    const pool = poolTo(proxy.url);
    onTestFinished(async () => pool.end());
    await pool.query('select 1');
    const gate = await gates.open({ pool });
    proxy.set('swallow_replies');
    const claiming = gate.claim({ attempt: 'a1', columns: gift });
    await waitFor(async () => (await statuses()).length === 1, { what: 'the row' });
    proxy.set('reset');
    expect(await claiming).toMatchObject({ kind: 'unknown', attempt: 'a1' });
    expect(gate.distributor.asked).toEqual([]);
    expect(await gates.client().get(key)).toBe('a1');
    expect(await gates.listed()).toEqual(['a1']);
  });

  it('when the row was sent and takes too long: certain, since the server says so', async () => {
    const pool = poolTo(gates.databaseUrl(), { statementTimeoutMs: 300 });
    onTestFinished(async () => pool.end());
    const gate = await gates.open({ pool });
    const other = await gates.pool().connect();
    await other.query('begin; lock table gift_claim in share mode');
    try {
      await expect(gate.claim({ columns: gift })).rejects.toMatchObject({ code: 'timed_out' });
      expect(await gates.client().dbsize()).toBe(0);
    } finally {
      await other.query('rollback');
      other.release();
    }
    expect(await gates.rows()).toEqual([]);
  });

  it.each([
    ['granted', 'granted'],
    ['refused', 'refused'],
  ] as const)(
    'when a claim that was %s is to be settled: that is the answer, and the rest is told and left',
    async (_, kind) => {
      const proxy = await proxyTo(gates.databaseUrl());
      const pool = poolTo(proxy.url);
      onTestFinished(async () => pool.end());
      const gate = await gates.open({ pool });
      gate.distributor.does(async (grant) => {
        proxy.set('reset');
        return kind === 'granted' ? gate.distributor.handOut(grant) : refuse();
      });
      expect(await gate.claim({ attempt: 'a1', columns: gift })).toMatchObject({
        kind,
        attempt: 'a1',
        claimId: '1',
      });
      await gate.finish();
      expect(gate.troubles).toMatchObject([
        {
          message: expect.stringMatching(
            /the reconciler does it: marker gift:7:1:100180, attempt a1, claim 1\./,
          ),
        },
      ]);
      expect(await statuses()).toEqual(['pending']);
      expect(await gates.client().get(key)).toBe('a1');
      expect(await gates.listed()).toEqual(['a1']);
    },
  );

  it('when the live claim in the way is to be read: the claim is lost all the same', async () => {
    const before = await gates.open();
    await before.claim({ attempt: 'a1', columns: gift });
    await gates.client().flushdb();
    const calls = watchedCalls();
    const gate = await gates.open({ calls });
    // Before it: the marker, the insert, and which index refused it.
    calls.replace(4, async () => Promise.reject(new Error('Connection terminated unexpectedly')));
    expect(await gate.claim({ attempt: 'a2', columns: gift })).toEqual({
      kind: 'already_claimed',
      holder: null,
    });
    await gate.finish();
    expect(gate.troubles).toHaveLength(1);
    expect(await gates.client().dbsize()).toBe(0);
  });
});
