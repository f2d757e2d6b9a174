/**
 * When a discrepancy that could not be settled is looked at again.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recheckDelayMs } from '../../src/domain/backoff.ts';

const hourMs = 60 * 60 * 1000;

describe('recheckDelayMs', () => {
  it('begins with the grace period and doubles', () => {
    expect([0, 1, 2, 3].map((checks) => recheckDelayMs(checks, 60_000))).toEqual([
      60_000, 120_000, 240_000, 480_000,
    ]);
  });

  it('is never under a second, even without a grace period, nor over an hour', () => {
    expect(recheckDelayMs(0, 0)).toBe(1_000);
    expect(recheckDelayMs(6, 60_000)).toBe(hourMs);
    expect(recheckDelayMs(0, 5 * hourMs)).toBe(hourMs);
    expect(recheckDelayMs(1_000_000, 1)).toBe(hourMs);
  });

  it('stays within its bounds and never shrinks as checks go on', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (checks, graceMs) => {
        const delayMs = recheckDelayMs(checks, graceMs);
        expect(delayMs).toBeGreaterThanOrEqual(1_000);
        expect(delayMs).toBeLessThanOrEqual(hourMs);
        expect(recheckDelayMs(checks + 1, graceMs)).toBeGreaterThanOrEqual(delayMs);
      }),
    );
  });
});
