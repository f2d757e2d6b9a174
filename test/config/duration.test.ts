/**
 * Durations as people write them.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../src/config/duration.ts';

describe('a duration', () => {
  it.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['180d', 15_552_000_000],
    ['1.5s', 1_500],
    ['10 m', 600_000],
    ['0s', 0],
  ])('%s is %d ms', (text, durationMs) => {
    expect(parseDuration(text)).toBe(durationMs);
  });

  it.each(['', '5', 's', '-5s', '5 months', '1w', '5M', '1e3s', '5s ', '1h30m', '.5s', `${'9'.repeat(20)}d`])(
    'is not what "%s" says',
    (text) => {
      expect(parseDuration(text)).toBeNull();
    },
  );

  it('is written in its largest whole unit, and reads back the same', () => {
    expect([0, 1, 1_500, 60_000, 5_400_000, 86_400_000].map(formatDuration)).toEqual([
      '0ms',
      '1ms',
      '1500ms',
      '1m',
      '90m',
      '1d',
    ]);
    fc.assert(
      fc.property(fc.nat({ max: 10 ** 12 }), (durationMs) => {
        expect(parseDuration(formatDuration(durationMs))).toBe(durationMs);
      }),
    );
  });
});
