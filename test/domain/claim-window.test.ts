/**
 * How long a marker is to live: always a positive, finite time.
 */
import { describe, expect, it } from 'vitest';
import { checkWindow, type ClaimWindow, type WindowRule } from '../../src/domain/claim-window.ts';

const nowMs = 1_000_000;
const chosen: WindowRule = { kind: 'chosen', usualTtlMs: undefined };
const centuryMs = 100 * 365 * 86_400_000;

type Given = Parameters<typeof checkWindow>[0];

function windowOf(given: Given, rule: WindowRule = chosen): [ClaimWindow, string[]] {
  const problems: string[] = [];
  return [checkWindow(given, rule, nowMs, problems), problems];
}

describe('the window of a marker', () => {
  it('is as long as the claim says, in whole milliseconds', () => {
    expect(windowOf({ ttlMs: 500 })).toEqual([
      { ttlMs: 500, expiresAtMs: 1_000_500, forRow: { ttlMs: 500 } },
      [],
    ]);
    expect(windowOf({ ttlMs: 0.2 })[0]).toEqual({ ttlMs: 1, expiresAtMs: 1_000_001, forRow: { ttlMs: 1 } });
    expect(windowOf({ ttlMs: centuryMs })[1]).toEqual([]);
  });

  it('ends when the claim says', () => {
    expect(windowOf({ expiresAt: new Date(1_002_000) })).toEqual([
      { ttlMs: 2_000, expiresAtMs: 1_002_000, forRow: { expiresAtMs: 1_002_000 } },
      [],
    ]);
  });

  it('is as long as usual where the claim says nothing', () => {
    const [window, problems] = windowOf({}, { kind: 'chosen', usualTtlMs: 700 });
    expect([window.ttlMs, problems]).toEqual([700, []]);
    expect(windowOf({ ttlMs: 5 }, { kind: 'chosen', usualTtlMs: 700 })[0].ttlMs).toBe(5);
  });

  it('is as long as the source says where that fixes it', () => {
    expect(windowOf({}, { kind: 'fixed', ttlMs: 30_000 })).toEqual([
      { ttlMs: 30_000, expiresAtMs: 1_030_000, forRow: { ttlMs: 30_000 } },
      [],
    ]);
    const leave = ['ttlMs, expiresAt: the source fixes how long a marker lives; leave them out'];
    expect(windowOf({ ttlMs: 30_000 }, { kind: 'fixed', ttlMs: 30_000 })[1]).toEqual(leave);
    expect(windowOf({ expiresAt: new Date(0) }, { kind: 'fixed', ttlMs: 30_000 })[1]).toEqual(leave);
  });

  it.each([
    {},
    { ttlMs: 0 },
    { ttlMs: -1 },
    { ttlMs: Number.NaN },
    { ttlMs: Infinity },
    { ttlMs: centuryMs + 1 },
    { ttlMs: '500' },
    { ttlMs: null },
    { expiresAt: new Date(nowMs) },
    { expiresAt: new Date(Number.NaN) },
    { expiresAt: new Date(nowMs + centuryMs + 1) },
    { expiresAt: nowMs + 500 },
    { expiresAt: null },
    { ttlMs: 500, expiresAt: new Date(1_002_000) },
  ])('is not %j', (given) => {
    const [{ ttlMs }, problems] = windowOf(given);
    expect(problems).toHaveLength(1);
    expect(ttlMs).toBeGreaterThan(0);
  });

  it('is not taken for what it is not', () => {
    expect(windowOf({})[1]).toEqual([
      'ttlMs: must be milliseconds, above 0 and at most 100 years; it is undefined',
    ]);
  });
});
