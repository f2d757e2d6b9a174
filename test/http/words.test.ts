/**
 * Numbers, times and verdicts in words.
 */
import { expect, test } from 'vitest';
import {
  describeMarker,
  explainVerdict,
  formatCount,
  formatDuration,
  formatShare,
  formatTime,
  spell,
} from '../../src/http/words.ts';
import { badVerdicts } from '../../src/domain/verdict.ts';

test.each([
  [-5, '0 ms'],
  [0.2, '0 ms'],
  [350, '350 ms'],
  [999.6, '1.0 s'],
  [4_230, '4.2 s'],
  [59_400, '59 s'],
  [59_900, '1 min'],
  [250_000, '4 min 10 s'],
  [3_600_000, '1 h'],
  [11_100_000, '3 h 5 min'],
  [15_552_000_000, '180 d'],
  [100_000_000, '1 d 3 h'],
])('%d ms read as %s', (durationMs, words) => {
  expect(formatDuration(durationMs)).toBe(words);
});

test('times are told in UTC, whatever offset they came with; what is no time is shown as it is', () => {
  expect(formatTime('2026-11-21T10:15:44.123456+02:00')).toBe('2026-11-21 08:15:44');
  expect(formatTime('nonsense')).toBe('nonsense');
});

test('markers are told with value and expiry', () => {
  expect(describeMarker({ kind: 'absent', value: null, expiresInMs: null })).toBe('absent');
  expect(describeMarker({ kind: 'present', value: 'a-1', expiresInMs: null })).toBe('"a-1", no expiry');
  expect(describeMarker({ kind: 'present', value: 'a-1', expiresInMs: 12_000 })).toBe('"a-1", 12 s left');
});

test('every bad verdict is explained, an unknown word is not', () => {
  for (const verdict of badVerdicts) expect(explainVerdict(verdict)).not.toBe('');
  expect(explainVerdict('constructor')).toBe('');
});

test('counts are grouped and words spelled', () => {
  expect(formatCount(1_234_567)).toBe('1,234,567');
  expect(spell('missing_marker')).toBe('missing marker');
});

test('a share is cut and never rounded up to all', () => {
  expect([1, 0.99999, 0.9996, 0.57, 0].map(formatShare)).toEqual([
    '100 %',
    '99.99 %',
    '99.96 %',
    '57 %',
    '0 %',
  ]);
});
