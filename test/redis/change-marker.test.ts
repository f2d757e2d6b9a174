/**
 * Repairs of single markers on a real Redis: made only where the marker is still the one observed, never without an
 * expiry, exactly as the model says that the repairs of the domain are tried on.
 */
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { PresentMarker } from '../../src/domain/marker.ts';
import type { MarkerChange } from '../../src/domain/repair-action.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { changeMarkers, type ChangeResult } from '../../src/redis/change-marker.ts';
import { endRedis, untilReady } from '../../src/redis/connect.ts';
import { loadScript, runScript } from '../../src/redis/script.ts';
import { apply, type StoredMarker } from '../domain/marker-model.ts';
import { claimOf } from '../domain/observations.ts';
import { strictTo, useStrictRedis } from '../support/strict-redis.ts';
import type { TestRedis } from '../support/redis.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

const key = 'gift:1:7';
const hourMs = 3_600_000;
/** More than a test takes between writing a marker and looking at it. */
const slackMs = 120_000;

let server: TestRedis;
let redis: Redis;
useStrictRedis((own, strict) => {
  server = own;
  redis = strict;
});

async function change(action: MarkerChange, on: Redis = redis): Promise<ChangeResult> {
  return changeWithin(20_000, action, on);
}

async function changeWithin(timeoutMs: number, action: MarkerChange, on: Redis): Promise<ChangeResult> {
  const [result] = await changeMarkers(on, [action], timeoutMs);
  if (result === undefined) throw new Error('a change without a result');
  return result;
}

async function store(value: string | Buffer, leftMs: number | null): Promise<void> {
  if (leftMs === null) await redis.set(key, value);
  else await redis.set(key, value, 'PX', leftMs);
}

async function stored(): Promise<[string | null, number]> {
  return [await redis.get(key), await redis.pttl(key)];
}

function seen(value: string, expiresInMs: number | null): PresentMarker {
  return { kind: 'present', value, expiresInMs };
}

/** Every kind of change that rests on a marker that was seen. */
function changesOf(observed: PresentMarker): MarkerChange[] {
  return [
    { kind: 'delete_marker', key, observed },
    { kind: 'set_expiry', key, observed, expiresInMs: 2 * hourMs },
    { kind: 'replace_marker', key, observed, value: 'a9', expiresInMs: 2 * hourMs },
  ];
}

const reissue: MarkerChange = { kind: 'reissue_marker', key, value: 'a1', expiresInMs: hourMs };

describe('a change', () => {
  it('re-issues a marker that is not there, with its expiry', async () => {
    expect(await change(reissue)).toEqual({ kind: 'applied' });
    const [value, leftMs] = await stored();
    expect(value).toBe('a1');
    expect(leftMs).toBeGreaterThan(hourMs - slackMs);
    expect(leftMs).toBeLessThanOrEqual(hourMs);
  });

  it('deletes a marker, sets its expiry, replaces its value', async () => {
    const [remove, setExpiry, replace] = changesOf(seen('a1', hourMs)) as [
      MarkerChange,
      MarkerChange,
      MarkerChange,
    ];
    for (const [action, value] of [
      [setExpiry, 'a1'],
      [replace, 'a9'],
      [remove, null],
    ] as const) {
      await store('a1', hourMs);
      expect(await change(action)).toEqual({ kind: 'applied' });
      const [left, leftMs] = await stored();
      expect(left).toBe(value);
      if (value === null) continue;
      expect(leftMs).toBeGreaterThan(2 * hourMs - slackMs);
      expect(leftMs).toBeLessThanOrEqual(2 * hourMs);
    }
  });

  it.each([
    ['holds another value', 'a2', hourMs],
    ['holds another value, which begins alike', 'a1 ', hourMs],
    ['has more time than observed', 'a1', hourMs + slackMs],
    ['has no expiry, and had one', 'a1', null],
  ])('is refused where the marker %s', async (_what, value, leftMs) => {
    for (const action of changesOf(seen('a1', hourMs))) {
      await store(value, leftMs);
      const before = await redis.pexpiretime(key);
      expect(await change(action)).toEqual({ kind: 'superseded' });
      expect([await redis.get(key), await redis.pexpiretime(key)]).toEqual([value, before]);
    }
    expect(await change(reissue)).toEqual({ kind: 'superseded' });
    expect(await redis.get(key)).toBe(value);
  });

  it('is refused where the marker is gone, and makes none', async () => {
    for (const action of [...changesOf(seen('a1', hourMs)), ...changesOf(seen('a1', null))]) {
      expect(await change(action)).toEqual({ kind: 'superseded' });
      expect(await redis.exists(key)).toBe(0);
    }
  });

  it.each(['rpush', 'sadd'] as const)(
    'leaves a key alone that became something else (%s)',
    async (command) => {
      await redis[command](key, 'a1');
      for (const action of changesOf(seen('a1', null))) {
        expect(await change(action)).toEqual({
          kind: 'failed',
          reason: expect.stringContaining('WRONGTYPE'),
        });
      }
      expect(await change(reissue)).toEqual({ kind: 'superseded' });
      expect([await redis.exists(key), await redis.pttl(key)]).toEqual([1, -1]);
    },
  );

  it('is made on a marker without expiry that was seen so, whatever expiry it got since', async () => {
    for (const leftMs of [null, hourMs, 3 * hourMs]) {
      for (const action of changesOf(seen('a1', null))) {
        await store('a1', leftMs);
        expect(await change(action)).toEqual({ kind: 'applied' });
      }
    }
  });

  it('keeps every byte of keys and values', async () => {
    const odd = 'a\u0000\t\n\\N "é漢😀\uFEFF';
    const oddKey = `gift:{${odd}}`;
    await redis.set(oddKey, odd);
    const observed = seen(odd, null);
    const replaced = {
      kind: 'replace_marker',
      key: oddKey,
      observed,
      value: `${odd}2`,
      expiresInMs: hourMs,
    } as const;
    expect(await change(replaced)).toEqual({ kind: 'applied' });
    expect(await redis.get(oddKey)).toBe(`${odd}2`);
  });

  it('is made once, though the server forgot its scripts', async () => {
    await server.client.script('FLUSH');
    expect(await change(reissue)).toEqual({ kind: 'applied' });
    await server.client.script('FLUSH');
    expect(await change(reissue)).toEqual({ kind: 'superseded' });
  });

  it('is one of many: results come in the order of the actions', async () => {
    await redis.set('two', 'a1');
    const actions = ['one', 'two', 'three', 'one'].map((name) => ({ ...reissue, key: name }));
    expect((await changeMarkers(redis, actions, 20_000)).map(({ kind }) => kind)).toEqual([
      'applied',
      'superseded',
      'applied',
      'superseded',
    ]);
    expect(await changeMarkers(redis, [], 20_000)).toEqual([]);
  });

  it('that comes after its time is refused by the server', async () => {
    for (const [name, before, args] of [
      ['delete-marker', 'a1', ['a1', -1]],
      ['set-expiry', 'a1', ['a1', -1, hourMs]],
      ['replace-marker', 'a1', ['a1', -1, 'a9', hourMs]],
      ['reissue-marker', null, ['a1', hourMs]],
    ] as const) {
      await redis.del(key);
      if (before !== null) await store(before, null);
      const script = loadScript(new URL(`../../src/redis/${name}.lua`, import.meta.url));
      const [seconds = 0] = (await redis.time()).map(Number);
      const untouched = await stored();
      expect(await runScript(redis, script, [key], [seconds * 1_000 - 1, ...args])).toBe(0);
      expect(await stored()).toEqual(untouched);
      expect(await runScript(redis, script, [key], [seconds * 1_000 + hourMs, ...args])).toBe(1);
    }
  });

  it('of a millisecond lets the marker go by itself', async () => {
    await store('a1', null);
    const action = { kind: 'set_expiry', key, observed: seen('a1', null), expiresInMs: 1 } as const;
    expect(await change(action)).toEqual({ kind: 'applied' });
    await waitFor(async () => (await redis.exists(key)) === 0, { what: 'the marker to expire' });
  });
});

describe('any change to any marker', () => {
  const anyValue = fc.constantFrom('a1', 'a2', '');
  const anyLife = fc.option(fc.constantFrom(hourMs, 2 * hourMs, 3 * hourMs), { nil: null, freq: 3 });
  const anyStored = fc.option(fc.record({ value: anyValue, leftMs: anyLife }), { nil: null, freq: 5 });
  const anyObserved = fc
    .record({ value: anyValue, leftMs: anyLife })
    .map(({ value, leftMs }) => seen(value, leftMs));
  const anyChange = fc.oneof(
    { weight: 1, arbitrary: fc.constant([reissue]) },
    { weight: 4, arbitrary: anyObserved.map(changesOf) },
  );

  it('does what the model does, and leaves nothing without an expiry that it wrote', async () => {
    await fc.assert(
      fc.asyncProperty(anyStored, anyChange, fc.nat(), async (before, actions, choice) => {
        const action = actions[choice % actions.length] ?? reissue;
        await redis.del(key);
        if (before !== null) await store(before.value, before.leftMs);
        const marker: StoredMarker | null =
          before === null ? null : { value: before.value, endsAtMs: before.leftMs };
        const world = { nowMs: 0, claim: claimOf('granted'), marker };
        const after = apply(world, action);
        expect(await change(action)).toEqual({ kind: after === world ? 'superseded' : 'applied' });
        const [value, leftMs] = await stored();
        expect(value).toBe(after.marker?.value ?? null);
        if (after.marker === null) return;
        if (after !== world) expect(leftMs).toBeGreaterThan(0);
        const dueMs = after.marker.endsAtMs ?? -1;
        expect(leftMs).toBeLessThanOrEqual(dueMs);
        expect(leftMs).toBeGreaterThan(dueMs - slackMs);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a Redis that is full', () => {
  it('refuses to re-issue and to replace, but still deletes and sets expiries', async () => {
    const own = await startRedis({ env: process.env, settings: { 'maxmemory-policy': 'noeviction' } });
    onTestFinished(async () => own.stop());
    const full = await strictTo(own.url);
    onTestFinished(async () => endRedis(full, 1_000));
    for (const name of ['one', 'two', 'three']) await full.set(name, 'a1');
    await full.config('SET', 'maxmemory', '1');
    const refused = { kind: 'failed', reason: expect.stringContaining('OOM') };
    expect(await change({ ...reissue, key: 'four' }, full)).toEqual(refused);
    const [remove, setExpiry, replace] = changesOf(seen('a1', null)) as [
      MarkerChange,
      MarkerChange,
      MarkerChange,
    ];
    expect(await change({ ...replace, key: 'three' }, full)).toEqual(refused);
    expect(await change({ ...remove, key: 'one' }, full)).toEqual({ kind: 'applied' });
    expect(await change({ ...setExpiry, key: 'two' }, full)).toEqual({ kind: 'applied' });
    expect(await Promise.all(['one', 'two', 'three', 'four'].map(async (name) => full.get(name)))).toEqual([
      null,
      'a1',
      'a1',
      null,
    ]);
    expect(await full.pttl('two')).toBeGreaterThan(0);
  });
});

describe('a change whose answer is lost', () => {
  /** A server whose scripts nobody else makes it forget, seen directly and through a proxy. */
  async function ownServer(): Promise<{ proxy: TcpProxy; direct: Redis; behind: Redis }> {
    const own = await startRedis({ env: process.env });
    onTestFinished(async () => own.stop());
    const proxy = await startTcpProxy(own.url);
    onTestFinished(async () => proxy.close());
    const [direct, behind] = [await strictTo(own.url), await strictTo(proxy.url)];
    onTestFinished(async () => void (await Promise.all([endRedis(direct, 1_000), endRedis(behind, 1_000)])));
    expect(await change({ ...reissue, key: 'known' }, behind)).toEqual({ kind: 'applied' });
    return { proxy, direct, behind };
  }

  /** The network changes after the server told its time, and before the change is sent. */
  function onceTimeIsTold(behind: Redis, then: () => void): void {
    const tell = behind.time.bind(behind);
    behind.time = async () => {
      const time = await tell();
      then();
      return time;
    };
  }

  it.each(['swallow_replies', 'swallow_requests'] as const)('is unknown, in time (%s)', async (mode) => {
    const { proxy, direct, behind } = await ownServer();
    onceTimeIsTold(behind, () => proxy.set(mode));
    expect(await changeWithin(200, reissue, behind)).toEqual({ kind: 'unknown', reason: expect.any(String) });
    if (mode === 'swallow_requests') expect(await direct.exists(key)).toBe(0);
    else
      await waitFor(async () => (await direct.get(key)) === 'a1', { what: 'the change to have been made' });
  });

  it('has failed where the server did not even tell the time: it was not sent', async () => {
    const { proxy, direct, behind } = await ownServer();
    for (const mode of ['swallow_replies', 'reset'] as const) {
      proxy.set(mode);
      expect(await changeWithin(200, reissue, behind)).toEqual({
        kind: 'failed',
        reason: expect.any(String),
      });
    }
    expect(await direct.exists(key)).toBe(0);
  });

  it('is unknown where the connection breaks, and never sent a second time', async () => {
    const { proxy, direct, behind } = await ownServer();
    onceTimeIsTold(behind, () => proxy.set('swallow_replies'));
    const lost = change(reissue, behind);
    await waitFor(async () => (await direct.get(key)) === 'a1', { what: 'the change to have been made' });
    proxy.set('reset');
    expect(await lost).toMatchObject({ kind: 'unknown' });
    await direct.del(key);
    proxy.set('pass');
    await untilReady(behind, 10_000);
    expect(await behind.exists(key)).toBe(0);
  });
});
