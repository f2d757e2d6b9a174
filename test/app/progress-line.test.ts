/**
 * The progress of a reading in one line.
 */
import { describe, expect, it } from 'vitest';
import { ProgressLine } from '../../src/app/progress-line.ts';

describe('the line', () => {
  it('says how much is judged, how fast, and how long the rest will take', () => {
    const line = new ProgressLine('gifts', 1_000);
    expect(line.next({ checked: 100_000, expected: 3_000_000 }, 2_000)).toBe(
      'gifts: 100,000 of about 3,000,000 claims judged, 100,000 a second, about 29 s left',
    );
  });

  it('goes by the pace of the last half minute', () => {
    const line = new ProgressLine('gifts', 0);
    for (let second = 1; second <= 100; second += 1)
      line.next({ checked: second * 1_000, expected: null }, second * 1_000);
    let last = '';
    for (let second = 101; second <= 140; second += 1) {
      last = line.next({ checked: 100_000 + (second - 100) * 10, expected: 200_000 }, second * 1_000);
    }
    expect(last).toBe('gifts: 100,400 of about 200,000 claims judged, 10 a second, about 2 h 46 m left');
  });

  it('promises nothing without an end, without a pace, or beyond what was guessed', () => {
    const line = new ProgressLine('gifts', 0);
    expect(line.next({ checked: 0, expected: 10 }, 0)).toBe('gifts: 0 of about 10 claims judged');
    expect(line.next({ checked: 20, expected: 10 }, 10)).toBe('gifts: 20 claims judged, 2,000 a second');
    expect(line.next({ checked: 30, expected: null }, 20)).toBe('gifts: 30 claims judged, 1,500 a second');
  });
});
