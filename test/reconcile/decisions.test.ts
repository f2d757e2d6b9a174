/**
 * What becomes of a discrepancy: repaired, told to people, looked at again, left alone; by mode, policy, and by who
 * else may own the marker.
 */
import { describe, expect, it } from 'vitest';
import { defaultPolicy } from '../../src/domain/verdict.ts';
import { useWorlds } from './support/use-world.ts';

const worlds = useWorlds();

describe('the mode', () => {
  it('observe withholds repairs and tells people; after a change to repair they are made at once', async () => {
    const world = await worlds.create();
    const claim = await world.addGift();
    const observe = { rules: { mode: 'observe' } } as const;
    expect(await world.runPass(observe)).toMatchObject({
      outcome: 'completed',
      mode: 'observe',
      open: 1,
      repairs: { applied: 0, withheld: 1 },
    });
    expect(await world.readMarker(claim.key)).toBeNull();
    expect(await world.repairs()).toEqual([]);
    expect(await world.alerts()).toMatchObject([
      { kind: 'missing_marker', severity: 'warning', state: 'open' },
    ]);
    expect(await world.runPass(observe)).toMatchObject({ open: 1, repairs: { withheld: 0 } });

    expect(await world.runPass()).toMatchObject({ open: 0, repairs: { applied: 1 } });
    expect(await world.alerts()).toMatchObject([{ kind: 'missing_marker', state: 'resolved' }]);
  });
});

describe('the policy', () => {
  it('alert tells people and repairs nothing', async () => {
    const world = await worlds.create();
    await world.addGift();
    await world.addGift();
    const policy = { ...defaultPolicy, missing_marker: 'alert' } as const;
    expect(await world.runPass({ rules: { policy } })).toMatchObject({ open: 2, repairs: { applied: 0 } });
    await world.makeDue();
    expect(await world.runPass({ rules: { policy } })).toMatchObject({ open: 2, repairs: { applied: 0 } });
    expect(await world.alerts()).toMatchObject([{ kind: 'missing_marker', state: 'open' }]);
    expect(await world.repairs()).toEqual([]);
  });

  it('ignore closes the discrepancy and tells nobody', async () => {
    const world = await worlds.create();
    await world.addGift();
    const policy = { ...defaultPolicy, missing_marker: 'ignore' } as const;
    expect(await world.runPass({ rules: { policy } })).toMatchObject({ open: 0, repairs: { applied: 0 } });
    expect(await world.discrepancies()).toMatchObject([{ state: 'resolved', resolution: 'ignored' }]);
    expect(await world.alerts()).toEqual([]);
  });
});

describe('a marker of another attempt on a granted claim', () => {
  it('is replaced when that attempt was released', async () => {
    const world = await worlds.create();
    const mine = await world.addGift({ uid: 1, attempt: 'mine' });
    const rival = await world.addGift({ uid: 1, attempt: 'rival', status: 'failed' });
    await world.setMarker(rival);
    expect(await world.runPass()).toMatchObject({ open: 0, verdicts: { conflicting_marker: 1 } });
    const marker = await world.readMarker(mine.key);
    expect(marker?.value).toBe('mine');
    expect(Math.abs((marker?.expiresAtMs ?? 0) - mine.expiresAtMs)).toBeLessThan(1_000);
  });

  it('is left, with a critical alert, when that attempt was granted too', async () => {
    const world = await worlds.create();
    await world.addGift({ uid: 1, attempt: 'mine' });
    const rival = await world.addGift({ uid: 1, attempt: 'rival' });
    await world.setMarker(rival);
    expect(await world.runPass()).toMatchObject({ open: 1, repairs: { applied: 0 } });
    expect(await world.readMarker(rival.key)).toMatchObject({ value: 'rival' });
    const alerts = await world.alerts();
    expect(alerts).toMatchObject([{ kind: 'double_grant', severity: 'critical', state: 'open' }]);
    expect(alerts[0]?.summary).toContain('gift:1');
  });

  it('is looked at again while that attempt is pending, and replaced once it is released', async () => {
    const world = await worlds.create();
    const mine = await world.addGift({ uid: 1, attempt: 'mine' });
    const rival = await world.addGift({ uid: 1, attempt: 'rival', status: 'pending' });
    await world.setMarker(rival);
    expect(await world.runPass()).toMatchObject({ open: 2, repairs: { applied: 0 } });
    await world.makeDue();
    expect(await world.runPass()).toMatchObject({ open: 2, repairs: { applied: 0 } });
    expect(await world.readMarker(mine.key)).toMatchObject({ value: 'rival' });

    await world.setGiftStatus(rival, 'failed');
    await world.makeDue();
    expect(await world.runPass()).toMatchObject({ open: 0, repairs: { applied: 1 } });
    expect(await world.readMarker(mine.key)).toMatchObject({ value: 'mine' });
  });

  it('of which no row is known is given one grace period to show up', async () => {
    const world = await worlds.create();
    const mine = await world.addGift();
    await world.setMarker(mine, { value: 'nobody' });
    await world.settle();
    await world.letHoursPass();
    const patient = { rules: { graceMs: 3_600_000 } };
    expect(await world.runPassNow(patient)).toMatchObject({ checked: 1, open: 1, repairs: { applied: 0 } });
    expect(await world.readMarker(mine.key)).toMatchObject({ value: 'nobody' });
    await world.letHoursPass();
    expect(await world.runPassNow(patient)).toMatchObject({ open: 0, repairs: { applied: 1 } });
    expect(await world.readMarker(mine.key)).toMatchObject({ value: mine.attempt });
  });
});

describe('order grabs, whose markers do not name the attempt', () => {
  const orders = { source: 'orders' };

  it('a marker that the same driver has taken again is neither deleted nor timed anew', async () => {
    const world = await worlds.create();
    await world.addGrab({ order: 1, driver: '7', status: 'released', agoMs: 20_000 });
    const again = await world.addGrab({ order: 1, driver: '7', agoMs: 1_000 });
    await world.setMarker(again);
    for (let passes = 0; passes < 2; passes += 1) {
      expect(await world.runPass(orders)).toMatchObject({
        outcome: 'completed',
        open: 0,
        repairs: { applied: 0 },
      });
      await world.pool.query('update order_grab set status = status');
    }
    const marker = await world.readMarker(again.key);
    expect(marker?.value).toBe('7');
    expect(Math.abs((marker?.expiresAtMs ?? 0) - again.expiresAtMs)).toBeLessThan(1_000);
  });

  it('nor when it was taken again at once, so that its time could be that of the released grab', async () => {
    const world = await worlds.create();
    await world.addGrab({ order: 1, driver: '7', status: 'released', agoMs: 1_500 });
    const again = await world.addGrab({ order: 1, driver: '7', agoMs: 1_000 });
    await world.setMarker(again);
    await world.runPass(orders);
    await world.makeDue();
    expect(await world.runPass(orders)).toMatchObject({ open: 0 });
    expect(await world.repairs()).toEqual([]);
    expect(await world.readMarker(again.key)).toMatchObject({ value: '7' });
  });

  it('nor before the new grab has its row, until a grace period is over', async () => {
    const world = await worlds.create();
    const released = await world.addGrab({ status: 'released' });
    await world.setMarker(released);
    await world.settle();
    await world.letHoursPass();
    const patient = { ...orders, rules: { graceMs: 3_600_000 } };
    expect(await world.runPassNow(patient)).toMatchObject({ checked: 1, open: 1, repairs: { applied: 0 } });
    expect(await world.readMarker(released.key)).not.toBeNull();
    await world.letHoursPass();
    expect(await world.runPassNow(patient)).toMatchObject({ open: 0, repairs: { applied: 1 } });
    expect(await world.readMarker(released.key)).toBeNull();
  });

  it('what a key holds after the window of a granted grab is left alone', async () => {
    const world = await worlds.create();
    const over = await world.addGrab({ agoMs: 120_000 });
    await world.setMarker(over, { expiresInMs: 50_000 });
    expect(await world.runPass(orders)).toMatchObject({ checked: 1, verdicts: { consistent: 1 }, open: 0 });
    expect(await world.readMarker(over.key)).toMatchObject({ value: '7' });
  });
});

describe('what cannot be read', () => {
  it('is recorded and passed, so that it blocks nothing behind it', async () => {
    const world = await worlds.create();
    const unknownWord = await world.addGift({ status: 'shipped' });
    const noAttempt = await world.addGift({ attempt: null });
    const list = await world.addGift();
    await world.redis.rpush(list.key, 'not a string');
    const missing = await world.addGift();
    const report = await world.runPass();
    expect(report).toMatchObject({
      outcome: 'completed',
      checked: 4,
      open: 3,
      verdicts: { unreadable_claim: 2, unreadable_marker: 1, missing_marker: 1 },
      repairs: { applied: 1 },
    });
    expect(await world.readMarker(missing.key)).not.toBeNull();
    expect(await world.redis.type(list.key)).toBe('list');
    expect((await world.discrepancies()).slice(0, 3)).toMatchObject([
      { claimId: unknownWord.id, verdict: 'unreadable_claim', state: 'open' },
      { claimId: noAttempt.id, verdict: 'unreadable_claim', state: 'open' },
      { claimId: list.id, verdict: 'unreadable_marker', state: 'open' },
    ]);
    expect((await world.alerts()).map(({ kind }) => kind).toSorted()).toEqual([
      'unreadable_claim',
      'unreadable_marker',
    ]);
    expect(await world.runPass()).toMatchObject({ checked: 0 });
  });

  it('is judged anew once it can be read', async () => {
    const world = await worlds.create();
    const claim = await world.addGift({ status: 'shipped' });
    await world.runPass();
    await world.setGiftStatus(claim, 'granted');
    expect(await world.runPass()).toMatchObject({ open: 0, repairs: { applied: 1 } });
    expect(await world.alerts()).toMatchObject([{ kind: 'unreadable_claim', state: 'resolved' }]);
  });
});
