/**
 * Random histories of takes, releases, expiries and foreign changes on a real Redis, against a model of one marker and
 * the index: no marker is touched that is not the caller's, none is there without its entry or without an expiry.
 * Time passes by moving ends and scores back, so that hours take no time.
 */
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { leaveIndex, readOpenClaims, releaseMarker, takeMarker } from '../../src/redis/open-claims.ts';
import { chooseSeed } from '../support/seeded-random.ts';
import { useStrictRedis } from '../support/strict-redis.ts';

const seed = chooseSeed('open claims');

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const patience = 20_000;
const indexKey = 'test:open-claims:gifts';
const markerKey = 'gift:1:7';

let redis: Redis;
useStrictRedis((_own, strict) => {
  redis = strict;
});

/** Who claims. Two of them are the same driver, whose marker does not name the attempt. */
const claimants = [
  { attempt: 'a1', value: 'a1' },
  { attempt: 'a2', value: 'a2' },
  { attempt: 'a3', value: 'driver-7' },
  { attempt: 'a4', value: 'driver-7' },
] as const;
type Claimant = (typeof claimants)[number];

interface Model {
  nowMs: number;
  marker: { value: string; endsAtMs: number | null } | 'strange' | null;
  /** Attempts and when they were listed. */
  readonly index: Map<string, number>;
  /** When the marker that an attempt took last was to end, as the attempt knows. */
  readonly ends: Map<string, number>;
}

type Step =
  | { readonly kind: 'take'; readonly who: Claimant; readonly ttlMs: number }
  | { readonly kind: 'release' | 'leave'; readonly who: Claimant }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'set'; readonly value: string; readonly ttlMs: number | null }
  | { readonly kind: 'strange' | 'delete' };

const who = fc.constantFrom(...claimants);
const ttlMs = fc.constantFrom(2 * hourMs, 3 * hourMs);
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('take' as const), who, ttlMs }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('release' as const), who }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), who }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('pass' as const),
        ms: fc.constantFrom(10 * minuteMs, hourMs),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('set' as const),
        value: fc.constantFrom('a1', 'driver-7'),
        ttlMs: fc.option(ttlMs, { nil: null }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('strange' as const, 'delete' as const) }) },
  ),
  { maxLength: 25 },
);

const memberOf = ({ attempt }: Claimant): string => `["${attempt}"]`;

async function take(model: Model, claimant: Claimant, lifeMs: number): Promise<void> {
  const { attempt, value } = claimant;
  const request = { indexKey, member: memberOf(claimant), markerKey, markerValue: value, ttlMs: lifeMs };
  const answer = await takeMarker(redis, request, patience);
  const { marker } = model;
  if (marker === null) {
    expect(answer).toEqual({ kind: 'taken' });
    const endsAtMs = model.nowMs + lifeMs;
    model.marker = { value, endsAtMs };
    model.index.set(attempt, model.nowMs);
    model.ends.set(attempt, endsAtMs);
  } else if (marker === 'strange') {
    expect(answer).toMatchObject({ kind: 'held', holder: { kind: 'undecodable' } });
  } else {
    const expiresInMs = marker.endsAtMs === null ? null : expect.any(Number);
    expect(answer).toEqual({ kind: 'held', holder: { kind: 'present', value: marker.value, expiresInMs } });
  }
}

async function release(model: Model, claimant: Claimant): Promise<void> {
  const { attempt, value } = claimant;
  const endsAtMs = model.ends.get(attempt) ?? model.nowMs;
  const leftMs = endsAtMs - model.nowMs;
  const request = {
    indexKey,
    member: memberOf(claimant),
    markerKey,
    markerValue: value,
    ttlMs: hourMs,
    leftMs,
  };
  const answer = await releaseMarker(redis, request, patience);
  const { marker } = model;
  const isOwn =
    marker !== null &&
    marker !== 'strange' &&
    marker.value === value &&
    marker.endsAtMs !== null &&
    marker.endsAtMs <= endsAtMs;
  expect(answer).toBe(isOwn ? 'deleted' : 'not_ours');
  if (isOwn) model.marker = null;
  model.index.delete(attempt);
}

/** Moves everything back that Redis knows a time of. */
async function pass(model: Model, ms: number): Promise<void> {
  model.nowMs += ms;
  for (const [attempt] of model.index) await redis.zincrby(indexKey, -ms, `["${attempt}"]`);
  const { marker } = model;
  if (marker === null || marker === 'strange' || marker.endsAtMs === null) return;
  if (marker.endsAtMs <= model.nowMs) model.marker = null;
  await redis.pexpire(markerKey, (await redis.pttl(markerKey)) - ms);
}

async function meddle(
  model: Model,
  step: Exclude<Step, { who: Claimant } | { kind: 'pass' }>,
): Promise<void> {
  await redis.del(markerKey);
  model.marker = null;
  if (step.kind === 'strange') {
    await redis.rpush(markerKey, 'a1');
    model.marker = 'strange';
  } else if (step.kind === 'set') {
    if (step.ttlMs === null) await redis.set(markerKey, step.value);
    else await redis.set(markerKey, step.value, 'PX', step.ttlMs);
    model.marker = { value: step.value, endsAtMs: step.ttlMs === null ? null : model.nowMs + step.ttlMs };
  }
}

async function leave(model: Model, claimant: Claimant): Promise<void> {
  await leaveIndex(redis, indexKey, [memberOf(claimant)], patience);
  model.index.delete(claimant.attempt);
}

async function run(model: Model, step: Step): Promise<void> {
  switch (step.kind) {
    case 'take':
      return take(model, step.who, step.ttlMs);
    case 'release':
      return release(model, step.who);
    case 'leave':
      return leave(model, step.who);
    case 'pass':
      return pass(model, step.ms);
    case 'set':
    case 'strange':
    case 'delete':
      return meddle(model, step);
  }
}

async function expectAlike(model: Model): Promise<void> {
  const { marker } = model;
  const type = marker === null ? 'none' : marker === 'strange' ? 'list' : 'string';
  expect(await redis.type(markerKey)).toBe(type);
  if (marker !== null && marker !== 'strange') {
    expect(await redis.get(markerKey)).toBe(marker.value);
    const leftMs = await redis.pttl(markerKey);
    if (marker.endsAtMs === null) expect(leftMs).toBe(-1);
    else expect(Math.abs(leftMs - (marker.endsAtMs - model.nowMs))).toBeLessThan(5 * minuteMs);
  }
  const entries = await readOpenClaims(redis, { indexKey, ageMs: 0, skip: 0, rowsMax: 100 }, patience);
  expect(new Set(entries.map(({ member }) => member))).toEqual(
    new Set([...model.index.keys()].map((attempt) => `["${attempt}"]`)),
  );
  for (const { member, ageMs } of entries) {
    const listedAt = model.index.get(JSON.parse(member)[0]) ?? NaN;
    expect(Math.abs(ageMs - (model.nowMs - listedAt))).toBeLessThan(5 * minuteMs);
  }
  if (entries.length > 0) expect(await redis.pttl(indexKey)).toBeGreaterThan(hourMs);
}

it('any history goes as the model says', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      await redis.del(markerKey, indexKey);
      const model: Model = { nowMs: 0, marker: null, index: new Map(), ends: new Map() };
      for (const step of history) {
        await run(model, step);
        await expectAlike(model);
      }
    }),
    { seed, numRuns: 150 },
  );
});
