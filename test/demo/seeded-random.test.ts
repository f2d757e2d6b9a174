/**
 * Random numbers of the demo: the seed decides them, and nothing else does.
 */
import { describe, expect, it } from 'vitest';
import { pick, seededRandom } from '../../src/demo/seeded-random.ts';

function first(count: number, seed: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, random);
}

describe('seededRandom', () => {
  it('repeats itself for the same seed, and not for another', () => {
    expect(first(20, 42)).toEqual(first(20, 42));
    expect(first(20, 42)).not.toEqual(first(20, 43));
  });

  it.each([0, -1, 42, 2 ** 32 + 5])(
    'gives numbers from 0 to below 1, spread out, for the seed %s',
    (seed) => {
      const numbers = first(10_000, seed);
      expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
      const tenths = Array.from(
        { length: 10 },
        (_, tenth) => numbers.filter((number) => Math.floor(number * 10) === tenth).length,
      );
      expect(Math.min(...tenths)).toBeGreaterThan(850);
      expect(Math.max(...tenths)).toBeLessThan(1_150);
    },
  );
});

describe('pick', () => {
  const items = Array.from({ length: 100 }, (_, at) => at);

  it('picks different items, the same ones for the same seed, and leaves the list as it was', () => {
    const picked = pick(items, 30, seededRandom(7));
    expect(new Set(picked).size).toBe(30);
    expect(picked.every((item) => items.includes(item))).toBe(true);
    expect(pick(items, 30, seededRandom(7))).toEqual(picked);
    expect(items).toEqual(Array.from({ length: 100 }, (_, at) => at));
  });

  it('picks each item about as often as any other, also the last', () => {
    const counts = items.map(() => 0);
    const random = seededRandom(11);
    for (let round = 0; round < 2_000; round += 1) {
      for (const item of pick(items, 10, random)) counts[item] = (counts[item] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(120);
    expect(Math.max(...counts)).toBeLessThan(290);
  });

  it('picks all when more are wanted than there are, and none of none', () => {
    expect(pick(items, 1_000, seededRandom(1)).sort((a, b) => a - b)).toEqual(items);
    expect(pick([], 5, seededRandom(1))).toEqual([]);
    expect(pick(items, 0, seededRandom(1))).toEqual([]);
  });

  it('picks also what is undefined', () => {
    expect(pick([undefined, undefined], 2, seededRandom(1))).toHaveLength(2);
  });
});
