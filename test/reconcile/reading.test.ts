/**
 * What a pass reads, what it leaves alone, and what becomes of it when something moves or fails under it.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import { before, beforeChanges, beginsPass, claimLooks, readsClaims } from './support/intercept.ts';
import { useWorlds } from './support/use-world.ts';
import type { World } from './support/world.ts';

const worlds = useWorlds();

it('finds what is wrong, repairs it, and a second pass over unchanged data does nothing', async () => {
  const world = await worlds.create();
  const missing = await world.addGift();
  const right = await world.addGift();
  await world.setMarker(right);
  const first = await world.runPass();
  expect(first).toMatchObject({
    outcome: 'completed',
    checked: 2,
    open: 0,
    verdicts: { consistent: 1, missing_marker: 1 },
    repairs: { applied: 1 },
  });
  const marker = await world.readMarker(missing.key);
  expect(marker?.value).toBe(missing.attempt);
  expect(Math.abs((marker?.expiresAtMs ?? 0) - missing.expiresAtMs)).toBeLessThan(1_000);

  const checkpoint = await world.checkpoint();
  const second = await world.runPass();
  expect(second).toMatchObject({ outcome: 'completed', checked: 0, open: 0, repairs: { applied: 0 } });
  expect(await world.checkpoint()).toEqual(checkpoint);
  expect(await world.repairs()).toHaveLength(1);
});

it('does not judge a row that was committed within the grace period', async () => {
  const world = await worlds.create();
  const claim = await world.addGift();
  const rules = { graceMs: 3_600_000 };
  for (let passes = 0; passes < 2; passes += 1) {
    expect(await world.runPassNow({ rules })).toMatchObject({ outcome: 'completed', checked: 0 });
  }
  expect(await world.checkpoint()).toEqual({ changeXid: '0', id: null });
  expect(await world.readMarker(claim.key)).toBeNull();
  expect(await world.runPass()).toMatchObject({ checked: 1, repairs: { applied: 1 } });
});

describe('a row that changes under a pass', () => {
  it('is left to its own turn when it changes between screening and confirming', async () => {
    const world = await worlds.create();
    const claim = await world.addGift();
    await world.settle();
    // The new version looks wrong, too, but is inside its grace period.
    const change = async (): Promise<void> => world.setGiftStatus(claim, 'pending');
    const pool = before(world.pool, readsClaims, claimLooks.confirm, change);
    expect(await world.runPass({ pool })).toMatchObject({ checked: 1, verdicts: { consistent: 1 }, open: 0 });
    expect(await world.discrepancies()).toEqual([]);
    expect(await world.readMarker(claim.key)).toBeNull();
    expect(await world.runPass()).toMatchObject({ checked: 1, verdicts: { in_doubt: 1 }, open: 1 });
  });

  it('is not recorded when two looks do not agree, and the last one finds nothing wrong', async () => {
    const world = await worlds.create();
    const claim = await world.addGift();
    const pool = before(world.pool, readsClaims, claimLooks.confirmAgain, async () => world.setMarker(claim));
    expect(await world.runPass({ pool })).toMatchObject({ checked: 1, verdicts: { consistent: 1 } });
    expect(await world.discrepancies()).toEqual([]);
  });

  it('is not repaired when it changes between planning and applying', async () => {
    const world = await worlds.create();
    const claim = await world.addGift();
    const revoke = async (): Promise<void> => world.setGiftStatus(claim, 'revoked');
    const pool = before(world.pool, readsClaims, claimLooks.apply, revoke);
    expect(await world.runPass({ pool })).toMatchObject({ repairs: { applied: 0, superseded: 1 }, open: 0 });
    expect(await world.readMarker(claim.key)).toBeNull();
  });

  it('keeps the marker that the application sets between planning and applying', async () => {
    const world = await worlds.create();
    const claim = await world.addGift();
    const take = async (): Promise<void> =>
      world.setMarker(claim, { value: 'newer', expiresInMs: 5_000_000 });
    const pool = before(world.pool, readsClaims, claimLooks.apply, take);
    expect(await world.runPass({ pool })).toMatchObject({ repairs: { applied: 0, superseded: 1 }, open: 1 });
    expect(await world.readMarker(claim.key)).toMatchObject({ value: 'newer' });
    expect(await world.discrepancies()).toMatchObject([{ verdict: 'conflicting_marker', state: 'open' }]);
  });
});

describe('a marker Redis that does not answer', () => {
  let proxy: TcpProxy | null = null;
  afterEach(async () => proxy?.close());

  async function answerAgain({ markers }: World): Promise<void> {
    proxy?.set('pass');
    proxy?.cut();
    await waitFor(async () => markers.ping(), { what: 'the marker Redis to answer again' });
  }

  it.each([
    ['while markers are compared', beginsPass, 1],
    ['while the suspicious are looked at', readsClaims, claimLooks.confirm],
    ['while they are looked at again', readsClaims, claimLooks.confirmAgain],
  ])('aborts the pass %s: checkpoint kept, nothing recorded or repaired', async (_, statement, nth) => {
    proxy = await startTcpProxy(worlds.redis().url);
    const world = await worlds.create(proxy.url);
    const claim = await world.addGift();
    const swallow = async (): Promise<void> => proxy?.set('swallow_replies');
    const pool = before(world.pool, statement, nth, swallow);
    const limits = { callTimeoutMs: 500 };
    const report = await world.runPass({ pool, limits });
    expect(report).toMatchObject({ outcome: 'aborted', checked: 0, repairs: { applied: 0, failed: 0 } });
    expect(report.reason).toMatch(/after 500 ms without an answer/);
    expect(await world.checkpoint()).toEqual({ changeXid: '0', id: null });
    expect(await world.discrepancies()).toEqual([]);
    expect(await world.readMarker(claim.key)).toBeNull();

    await answerAgain(world);
    expect(await world.runPass()).toMatchObject({
      outcome: 'completed',
      checked: 1,
      repairs: { applied: 1 },
    });
  });

  it('aborts the pass when it is killed, and says in the report that it was Redis', async () => {
    const world = await worlds.create();
    await world.addGift();
    const pool = before(world.pool, beginsPass, 1, async () => worlds.redis().kill());
    const report = await world.runPass({ pool });
    expect(report).toMatchObject({ outcome: 'aborted', checked: 0 });
    expect(report.reason).toMatch(/^Redis did not answer: /);
    await expect(world.runPassNow()).rejects.toMatchObject({ code: 'redis_unreachable' });
    expect(await world.checkpoint()).toEqual({ changeXid: '0', id: null });
    await worlds.redis().restart();
    await answerAgain(world);
    await waitFor(async () => world.redis.ping(), { what: 'the lease Redis to answer again' });
    expect(await world.runPass()).toMatchObject({
      outcome: 'completed',
      checked: 1,
      repairs: { applied: 1 },
    });
  });

  it('leaves a change whose answer was lost as intended, and the next pass says that it was made', async () => {
    proxy = await startTcpProxy(worlds.redis().url);
    const world = await worlds.create(proxy.url);
    const claim = await world.addGift();
    beforeChanges(world.markers, () => proxy?.set('swallow_replies'));
    expect(await world.runPass({ limits: { callTimeoutMs: 500 } })).toMatchObject({
      outcome: 'aborted',
      repairs: { applied: 0, failed: 0 },
    });
    expect(await world.repairs()).toMatchObject([{ outcome: 'intended' }]);
    expect(await world.readMarker(claim.key)).toMatchObject({ value: claim.attempt });

    Reflect.deleteProperty(world.markers, 'time');
    await answerAgain(world);
    expect(await world.runPass()).toMatchObject({ outcome: 'completed', open: 0, repairs: { applied: 0 } });
    expect(await world.repairs()).toMatchObject([{ outcome: 'applied' }]);
    expect(await world.discrepancies()).toMatchObject([{ state: 'resolved', resolution: 'repaired' }]);
  });
});
