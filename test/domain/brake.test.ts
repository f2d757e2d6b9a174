/**
 * The brake: every limit at its edge, and what holds for any counts.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgePlan, judgeReading, type BrakeCounts, type BrakeDecision } from '../../src/domain/brake.ts';
import type { BrakeLimits } from '../../src/domain/source.ts';

const limits: BrakeLimits = { repairsPerPlan: 10, repairsPerHour: 15, share: 0.05, shareSample: 200 };

function counts(changes: Partial<BrakeCounts>): BrakeCounts {
  return { planned: 1, lastHour: 0, judged: 0, bad: 0, ...changes };
}

function reasonOf(decision: BrakeDecision): string | null {
  return decision.kind === 'trip' ? decision.reason : null;
}

describe('judgePlan', () => {
  it('lets a plan through that reaches a limit, and stops the one beyond it, naming both numbers', () => {
    expect(judgePlan(counts({ planned: 10 }), limits)).toEqual({ kind: 'pass' });
    expect(reasonOf(judgePlan(counts({ planned: 11 }), limits))).toBe(
      '11 repairs planned, the limit for one plan is 10',
    );
  });

  it('counts what anybody repaired in the last hour', () => {
    expect(judgePlan(counts({ planned: 5, lastHour: 10 }), limits)).toEqual({ kind: 'pass' });
    expect(reasonOf(judgePlan(counts({ planned: 6, lastHour: 10 }), limits))).toBe(
      '6 repairs planned after 10 in the last hour, the limit is 15',
    );
  });

  it('stops a plan when too large a share of the judged claims is bad', () => {
    expect(judgePlan(counts({ judged: 200, bad: 10 }), limits)).toEqual({ kind: 'pass' });
    expect(reasonOf(judgePlan(counts({ judged: 200, bad: 11 }), limits))).toBe(
      '11 of 200 judged claims are bad (5.5 %), the limit is 5.0 %',
    );
  });

  it('makes nothing of a share below the sample', () => {
    expect(judgePlan(counts({ judged: 199, bad: 199 }), limits)).toEqual({ kind: 'pass' });
  });

  it('makes nothing of a share where nothing was judged, as in manual jobs', () => {
    expect(judgePlan(counts({ judged: 0, bad: 0 }), { ...limits, shareSample: 0 })).toEqual({ kind: 'pass' });
  });

  it('with a share of zero stops at the first bad claim, with a share of one at none', () => {
    expect(judgePlan(counts({ judged: 200, bad: 1 }), { ...limits, share: 0 }).kind).toBe('trip');
    expect(judgePlan(counts({ judged: 200, bad: 200 }), { ...limits, share: 1 }).kind).toBe('pass');
  });

  it('has nothing against a plan without repairs, however bad things look', () => {
    expect(judgePlan(counts({ planned: 0, lastHour: 99, judged: 500, bad: 500 }), limits).kind).toBe('pass');
  });
});

describe('judgeReading', () => {
  it('stops reading only far above the limit', () => {
    expect(judgeReading({ judged: 1_000, bad: 200 }, limits)).toEqual({ kind: 'pass' });
    expect(reasonOf(judgeReading({ judged: 1_000, bad: 201 }, limits))).toBe(
      '201 of 1000 judged claims are bad (20.1 %), the limit is 5.0 %',
    );
  });

  it('waits for the sample', () => {
    expect(judgeReading({ judged: 199, bad: 199 }, limits)).toEqual({ kind: 'pass' });
  });

  it('cannot stop where four times the limit is everything', () => {
    expect(judgeReading({ judged: 1_000, bad: 1_000 }, { ...limits, share: 0.25 }).kind).toBe('pass');
  });
});

describe('the brake, for any counts', () => {
  const anyCounts = fc
    .record({
      planned: fc.nat({ max: 30 }),
      lastHour: fc.nat({ max: 30 }),
      judged: fc.nat({ max: 1_000 }),
      badShare: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ badShare, ...rest }) => ({ ...rest, bad: Math.floor(rest.judged * badShare) }));

  it('never lets through more than the limits', () => {
    fc.assert(
      fc.property(anyCounts, (found) => {
        if (judgePlan(found, limits).kind === 'trip' || found.planned === 0) return;
        expect(found.planned).toBeLessThanOrEqual(limits.repairsPerPlan);
        expect(found.planned + found.lastHour).toBeLessThanOrEqual(limits.repairsPerHour);
        if (found.judged >= limits.shareSample) {
          expect(found.bad).toBeLessThanOrEqual(found.judged * limits.share);
        }
      }),
    );
  });

  it('once tripped, more of the same trips it too', () => {
    fc.assert(
      fc.property(anyCounts, fc.nat({ max: 10 }), fc.nat({ max: 10 }), (found, planned, lastHour) => {
        if (judgePlan(found, limits).kind === 'pass') return;
        const more = { ...found, planned: found.planned + planned, lastHour: found.lastHour + lastHour };
        expect(judgePlan(more, limits).kind).toBe('trip');
      }),
    );
  });

  it('stops no reading whose repairs it would have let through', () => {
    fc.assert(
      fc.property(anyCounts, (found) => {
        if (judgeReading(found, limits).kind === 'pass') return;
        expect(judgePlan({ ...found, planned: Math.max(1, found.planned) }, limits).kind).toBe('trip');
      }),
    );
  });
});
