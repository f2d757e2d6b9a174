/**
 * What answers and the passing of time make of a term.
 */
import { describe, expect, it } from 'vitest';
import {
  afterRelease,
  afterRenewal,
  afterTime,
  judgeAcquisition,
  renewInMs,
  trustedForMs,
  type Term,
} from '../../src/domain/lease-term.ts';
import { defaultLeaseTiming as timing, type ClockReading } from '../../src/domain/lease-trust.ts';

function at(ms: number): ClockReading {
  return { monotonicMs: ms, wallMs: 1_700_000_000_000 + ms };
}

const held: Term = { kind: 'held', renewedAt: at(0) };

describe('an acquisition', () => {
  it('is one when the key was taken in time', () => {
    expect(judgeAcquisition({ kind: 'taken' }, at(0), at(2_000), timing)).toBe('acquired');
  });

  it('is none when the good answer took longer than the deadline', () => {
    expect(judgeAcquisition({ kind: 'taken' }, at(0), at(2_001), timing)).toBe('too_slow');
  });

  it('tells a key that will expire from one that never will', () => {
    expect(judgeAcquisition({ kind: 'held', expiresInMs: 0 }, at(0), at(1), timing)).toBe('held');
    expect(judgeAcquisition({ kind: 'held', expiresInMs: null }, at(0), at(1), timing)).toBe('stuck');
  });
});

describe('a held term', () => {
  it('is trusted until 13.5 s after the request was sent, whenever the answer came', () => {
    expect(trustedForMs(held, at(13_499), timing)).toBe(1);
    expect(trustedForMs(held, at(13_500), timing)).toBe(0);
    expect(afterTime(held, at(13_499), timing)).toBe(held);
    expect(afterTime(held, at(13_500), timing)).toEqual({ kind: 'lost', reason: 'not_renewed' });
  });

  it('is trusted anew from when a good renewal was sent', () => {
    expect(afterRenewal(held, 'renewed', at(5_000), at(6_900), timing)).toEqual({
      kind: 'held',
      renewedAt: at(5_000),
    });
  });

  it('is not revived by a good answer that came too late', () => {
    expect(afterRenewal(held, 'renewed', at(5_000), at(13_500), timing)).toEqual({
      kind: 'lost',
      reason: 'not_renewed',
    });
  });

  it('is not shortened by the late answer to an earlier renewal', () => {
    const renewed: Term = { kind: 'held', renewedAt: at(10_000) };
    expect(afterRenewal(renewed, 'renewed', at(5_000), at(10_500), timing)).toBe(renewed);
  });

  it('is lost when its key is gone or foreign, however much trust was left', () => {
    expect(afterRenewal(held, 'gone', at(1), at(2), timing)).toEqual({ kind: 'lost', reason: 'gone' });
    expect(afterRenewal(held, 'foreign', at(1), at(2), timing)).toEqual({ kind: 'lost', reason: 'foreign' });
  });

  it('never comes back once it is over', () => {
    const lost = afterTime(held, at(20_000), timing);
    expect(afterRenewal(lost, 'renewed', at(20_000), at(20_001), timing)).toBe(lost);
    expect(afterRelease(lost)).toBe(lost);
    const released = afterRelease(held);
    expect(released).toEqual({ kind: 'released' });
    expect(afterRenewal(released, 'renewed', at(1), at(2), timing)).toBe(released);
    expect(afterTime(released, at(20_000), timing)).toBe(released);
    expect(trustedForMs(released, at(1), timing)).toBe(0);
  });
});

describe('the next renewal', () => {
  it('is due a third of the TTL after the last good one was sent', () => {
    expect(renewInMs(held, null, at(500), timing)).toBe(4_500);
    expect(renewInMs(held, null, at(9_000), timing)).toBe(0);
  });

  it('comes sooner after one that got no answer', () => {
    expect(renewInMs(held, at(5_000), at(7_000), timing)).toBeCloseTo(833.33, 1);
    expect(renewInMs(held, at(5_000), at(9_000), timing)).toBe(0);
  });

  it('is not sent when it would come at the end of trust or later', () => {
    expect(renewInMs(held, at(10_660), at(12_660), timing)).toBeNull();
    expect(renewInMs(held, null, at(13_500), timing)).toBeNull();
  });

  it('is not sent for a term that is over', () => {
    expect(renewInMs({ kind: 'released' }, null, at(1), timing)).toBeNull();
  });
});
