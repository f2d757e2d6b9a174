/** Random numbers can be repeated. */
import { expect, test, vi } from 'vitest';
import { chooseSeed, createRandom } from './seeded-random.ts';

test('the same seed gives the same numbers, another seed others', () => {
  const draw = (seed: number): number[] => {
    const random = createRandom(seed);
    return Array.from({ length: 20 }, () => random.integer(1, 6));
  };
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
  expect(draw(7).every((eyes) => eyes >= 1 && eyes <= 6)).toBe(true);
});

test('the seed is printed and taken from TEST_SEED', () => {
  const log = vi.spyOn(console, 'log').mockReturnValue(undefined);
  vi.stubEnv('TEST_SEED', '42');
  expect(chooseSeed('a test')).toBe(42);
  expect(log).toHaveBeenCalledWith('a test: seed 42 (repeat with TEST_SEED=42)');
  vi.stubEnv('TEST_SEED', 'x');
  expect(() => chooseSeed('a test')).toThrow(/TEST_SEED must be a whole number, not "x"/);
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});
