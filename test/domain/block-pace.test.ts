/** The size of the next block: as much as fits into the time, in steps that one odd answer does not lead astray. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextBlockLines, type BlockLimits } from '../../src/domain/block-pace.ts';

const limits: BlockLimits = { linesMin: 10, linesMax: 200, serverMs: 0.5 };

describe('the next block', () => {
  it.each([
    ['stays as it is when it takes the time it may', 100, { lines: 100, serverMs: 0.5 }, 100],
    ['shrinks to what fits', 100, { lines: 100, serverMs: 0.625 }, 80],
    ['shrinks by half at most', 100, { lines: 100, serverMs: 50 }, 50],
    ['grows by a tenth and one line at most', 100, { lines: 100, serverMs: 0.1 }, 111],
    ['goes by what each line took, not by how many there were', 100, { lines: 50, serverMs: 0.25 }, 100],
    ['is never smaller than the least', 12, { lines: 12, serverMs: 50 }, 10],
    ['is never larger than the most', 199, { lines: 199, serverMs: 0.1 }, 200],
    ['grows where the clock saw no time pass', 100, { lines: 100, serverMs: 0 }, 111],
    ['shrinks where the clock went back', 100, { lines: 100, serverMs: -3 }, 50],
  ])('%s', (_, lines, taken, expected) => {
    expect(nextBlockLines(lines, taken, limits)).toBe(expected);
  });

  it('comes to what fits from any size, and stays there', () => {
    const size = fc.integer({ min: 10, max: 200 });
    fc.assert(
      fc.property(size, fc.double({ min: 0.0001, max: 10, noNaN: true }), (first, msPerLine) => {
        let lines = first;
        for (let calls = 0; calls < 100; calls += 1) {
          lines = nextBlockLines(lines, { lines, serverMs: lines * msPerLine }, limits);
        }
        const fitting = Math.min(Math.max(limits.serverMs / msPerLine, limits.linesMin), limits.linesMax);
        expect(Math.abs(lines - fitting)).toBeLessThanOrEqual(1);
      }),
    );
  });
});
