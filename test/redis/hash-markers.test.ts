/**
 * Markers that are fields of hashes: read, and changed only while they are what was observed.
 */
import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import type { MarkerReading, PresentMarker } from '../../src/domain/marker.ts';
import type { MarkerChange } from '../../src/domain/repair-action.ts';
import { changeMarkers } from '../../src/redis/change-marker.ts';
import { markerNeeds } from '../../src/redis/marker-rights.ts';
import { shopSource } from '../postgres/shop-table.ts';
import { markerForm } from '../../src/redis/marker-form.ts';
import { observeMarkers } from '../../src/redis/observe-markers.ts';
import { useStrictRedis } from '../support/strict-redis.ts';

const key = 'gift:1:7';
const hourMs = 3_600_000;
const slackMs = 120_000;
const form = markerForm('attempt');

let redis: Redis;
useStrictRedis((_own, strict) => {
  redis = strict;
});

async function change(action: MarkerChange): Promise<string | undefined> {
  const [result] = await changeMarkers(redis, [action], 20_000, async () => undefined, form);
  return result?.kind;
}

async function observe(): Promise<MarkerReading | undefined> {
  return (await observeMarkers(redis, [key], 20_000, form))[0];
}

async function store(value: string | Buffer, leftMs: number | null): Promise<void> {
  await redis.del(key);
  await redis.hset(key, { attempt: value, uid: '7' });
  if (leftMs !== null) await redis.pexpire(key, leftMs);
}

function seen(value: string, expiresInMs: number | null): PresentMarker {
  return { kind: 'present', value, expiresInMs };
}

function changesOf(observed: PresentMarker): MarkerChange[] {
  return [
    { kind: 'set_expiry', key, observed, expiresInMs: 2 * hourMs },
    { kind: 'replace_marker', key, observed, value: 'a9', expiresInMs: 2 * hourMs },
    { kind: 'delete_marker', key, observed },
  ];
}

const reissue: MarkerChange = { kind: 'reissue_marker', key, value: 'a1', expiresInMs: hourMs };

describe('a reading', () => {
  it('is of the field and of the expiry of its key', async () => {
    expect(await observe()).toEqual({ kind: 'absent' });
    await store('a1', null);
    expect(await observe()).toEqual(seen('a1', null));
    await store('a1', hourMs);
    expect(await observe()).toMatchObject({ value: 'a1', expiresInMs: expect.any(Number) });
  });

  it('says what is there instead', async () => {
    await redis.set(key, 'a1');
    expect(await observe()).toEqual({ kind: 'undecodable', reason: 'the key holds a string, not a hash' });
    await redis.del(key);
    await redis.hset(key, 'uid', '7');
    expect(await observe()).toEqual({ kind: 'undecodable', reason: 'the hash has no field attempt' });
    await store(Buffer.from('ff', 'hex'), null);
    expect(await observe()).toEqual({ kind: 'undecodable', reason: 'the value is not UTF-8 text' });
  });
});

it('needs the rights to read and write hashes, and none to write strings', () => {
  const source = { ...shopSource(), marker: { ...shopSource().marker, hashField: 'attempt' } };
  const calls = markerNeeds([source], 'own').find(({ what }) => what === 'markers of gifts')?.calls;
  expect(calls).toEqual(expect.arrayContaining(['hget KEY x', 'hset KEY x 1', 'exists KEY', 'del KEY']));
  expect(calls).not.toContain('set KEY x');
});

describe('a change', () => {
  it('is made where the marker is the one observed, and leaves an expiry', async () => {
    expect(await change(reissue)).toBe('applied');
    expect(await redis.hgetall(key)).toEqual({ attempt: 'a1' });
    expect(Math.abs((await redis.pttl(key)) - hourMs)).toBeLessThan(slackMs);
    const fields = [{ attempt: 'a1', uid: '7' }, { attempt: 'a9' }, {}];
    for (const [at, action] of changesOf(seen('a1', hourMs)).entries()) {
      await store('a1', hourMs);
      expect(await change(action)).toBe('applied');
      expect(await redis.hgetall(key)).toEqual(fields[at]);
      if (action.kind === 'delete_marker') continue;
      expect(Math.abs((await redis.pttl(key)) - 2 * hourMs)).toBeLessThan(slackMs);
    }
  });

  it.each([
    ['holds another value', 'a2', hourMs],
    ['has more time than observed', 'a1', hourMs + slackMs],
    ['has no expiry, and had one', 'a1', null],
  ])('is refused where the marker %s', async (_what, value, leftMs) => {
    for (const action of changesOf(seen('a1', hourMs))) {
      await store(value, leftMs);
      const before = await redis.pexpiretime(key);
      expect(await change(action)).toBe('superseded');
      expect(await redis.hgetall(key)).toEqual({ attempt: value, uid: '7' });
      expect(await redis.pexpiretime(key)).toBe(before);
    }
    expect(await change(reissue)).toBe('superseded');
  });

  it('is refused where there is no such field, no key, or something else', async () => {
    for (const prepare of [
      async () => undefined,
      async () => redis.hset(key, 'uid', 'a1'),
      async () => redis.set(key, 'a1'),
      async () => redis.rpush(key, 'a1'),
    ]) {
      await redis.del(key);
      await prepare();
      const before = await redis.dump(key);
      for (const action of [...changesOf(seen('a1', null)), ...(before === null ? [] : [reissue])]) {
        expect(await change(action)).toBe('superseded');
        expect(await redis.dump(key)).toEqual(before);
      }
    }
  });

  it('that comes after its time is refused', async () => {
    await store('a1', hourMs);
    for (const action of [reissue, ...changesOf(seen('a1', hourMs))]) {
      if (action.kind === 'reissue_marker') await redis.del(key);
      else await store('a1', hourMs);
      const [result] = await changeMarkers(redis, [action], -60_000, async () => undefined, form);
      expect(result?.kind).not.toBe('applied');
      expect(await redis.exists(key)).toBe(action.kind === 'reissue_marker' ? 0 : 1);
    }
  });
});
