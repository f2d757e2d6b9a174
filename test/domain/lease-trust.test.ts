/**
 * How long a lease is trusted, and by which clock.
 */
import { assert, integer, property, record, type Arbitrary } from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acquireTimeoutMs,
  defaultLeaseTiming,
  elapsedMs,
  renewalRetryMs,
  timingProblem,
  trustMs,
  type LeaseTiming,
} from '../../src/domain/lease-trust.ts';

const timingArbitrary: Arbitrary<LeaseTiming> = record({
  ttlMs: integer({ min: 3_000, max: 600_000 }),
  renewEveryMs: integer({ min: 1, max: 200_000 }),
  callTimeoutMs: integer({ min: 1, max: 60_000 }),
}).filter((timing) => timingProblem(timing) === null);

describe('trust in a lease', () => {
  it('ends 1.5 s before the default TTL of 15 s', () => {
    expect(trustMs(defaultLeaseTiming)).toBe(13_500);
  });

  it('ends at least a second and a tenth of the TTL before the key expires', () => {
    assert(
      property(timingArbitrary, (timing) => {
        expect(timing.ttlMs - trustMs(timing)).toBeGreaterThanOrEqual(
          Math.max(1_000, timing.ttlMs / 10) - 0.001,
        );
      }),
    );
  });

  it('leaves room for three tries after the regular moment of renewal, and for no fourth', () => {
    assert(
      property(timingArbitrary, (timing) => {
        const third = timing.renewEveryMs + 2 * renewalRetryMs(timing);
        expect(third).toBeLessThan(trustMs(timing));
        expect(third + renewalRetryMs(timing)).toBeCloseTo(trustMs(timing), 5);
      }),
    );
  });

  it('accepts an acquisition up to the call deadline, or a third of the TTL if that is shorter', () => {
    expect(acquireTimeoutMs(defaultLeaseTiming)).toBe(2_000);
    expect(acquireTimeoutMs({ ttlMs: 3_000, renewEveryMs: 1_000, callTimeoutMs: 2_000 })).toBe(1_000);
  });
});

describe('elapsed time', () => {
  const since = { monotonicMs: 1_000, wallMs: 1_700_000_000_000 };

  it('follows the wall clock when the monotonic one stood still, as in a machine that slept', () => {
    expect(elapsedMs(since, { monotonicMs: 1_005, wallMs: since.wallMs + 60_000 })).toBe(60_000);
  });

  it('follows the monotonic clock when the wall clock was set back', () => {
    expect(elapsedMs(since, { monotonicMs: 4_000, wallMs: since.wallMs - 3_600_000 })).toBe(3_000);
  });
});

describe('a timing', () => {
  it('is refused, with the reason, when it cannot work', () => {
    const good = defaultLeaseTiming;
    expect(timingProblem(good)).toBeNull();
    expect(timingProblem({ ...good, ttlMs: 2_999 })).toContain('too short');
    expect(timingProblem({ ...good, ttlMs: Number.NaN })).toContain('too short');
    expect(timingProblem({ ...good, callTimeoutMs: 0 })).toContain('given some time');
    expect(timingProblem({ ...good, renewEveryMs: 0 })).toContain('renewing every');
    expect(timingProblem({ ...good, renewEveryMs: 7_000 })).toContain('does not fit twice');
  });
});
