/**
 * When a delivery is tried again: at growing distance for a day, and not for long where the answer will not change.
 */
import { describe, expect, it } from 'vitest';
import { nextTry } from '../../src/domain/delivery-retry.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** The delays until it gives up, each at the least or the most that chance makes of it. */
function delaysOf(random: number, isLasting: boolean, waitMs: number | null = null): number[] {
  const delays: number[] = [];
  let triedForMs = 0;
  for (let attempts = 1; attempts < 1_000; attempts += 1) {
    const next = nextTry({ attempts, refusals: isLasting ? attempts : 0, triedForMs }, waitMs, random);
    if (next.kind === 'give_up') return delays;
    delays.push(next.delayMs);
    triedForMs += next.delayMs;
  }
  throw new Error('it never gives up');
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

describe('a receiver that is down', () => {
  it.each([0, 0.5, 0.999_999])('is tried at growing distance for a day, with chance at %d', (random) => {
    const delays = delaysOf(random, false);
    expect(delays[0]).toBeGreaterThanOrEqual(2_500);
    expect(delays[0]).toBeLessThanOrEqual(5_000);
    expect(delays).toEqual(delays.toSorted((a, b) => a - b));
    expect(Math.max(...delays)).toBeLessThanOrEqual(60 * minuteMs);
    expect(sum(delays)).toBeGreaterThanOrEqual(dayMs);
    expect(sum(delays)).toBeLessThan(dayMs + 60 * minuteMs);
    expect(delays.length).toBeLessThan(70);
  });

  it('is left alone for as long as it wants, within bounds', () => {
    const tries = { attempts: 1, refusals: 0, triedForMs: 0 };
    expect(nextTry(tries, 30_000, 0)).toEqual({ kind: 'again', delayMs: 30_000 });
    expect(nextTry(tries, 1, 0)).toEqual({ kind: 'again', delayMs: 2_500 });
    expect(nextTry(tries, 10 * dayMs, 0)).toEqual({ kind: 'again', delayMs: 60 * minuteMs });
    expect(delaysOf(0, false, dayMs)).toHaveLength(24);
  });
});

it('a receiver that refuses is tried for minutes, and not given up for one bad answer after hours of silence', () => {
  for (const random of [0, 0.999_999]) {
    const delays = delaysOf(random, true);
    expect(delays).toHaveLength(7);
    expect(sum(delays)).toBeGreaterThan(5 * minuteMs);
    expect(sum(delays)).toBeLessThan(15 * minuteMs);
  }
  expect(nextTry({ attempts: 15, refusals: 1, triedForMs: 5 * 60 * minuteMs }, null, 0).kind).toBe('again');
});
