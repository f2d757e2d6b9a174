/**
 * What is made of a report about a marker without a row.
 */
import { describe, expect, it } from 'vitest';
import { reportedClaim } from '../../src/domain/reported-claim.ts';
import type { Source } from '../../src/domain/source.ts';
import { parseTemplate } from '../../src/domain/template.ts';

const nowMs = 1_780_000_000_000;
const report = { markerKey: 'gift:3:9', attempt: 'a-17' };

function source(value: string | null, ttlMs?: number): Pick<Source, 'columns' | 'marker'> {
  const expiry = ttlMs === undefined ? { expiresAt: 'expires_at' } : { createdAt: 'created_at', ttlMs };
  return {
    columns: { id: 'id', attempt: 'attempt_id', status: 'status', change: 'change_xid', expiry },
    marker: {
      key: parseTemplate('gift:{activity}:{uid}'),
      value: value === null ? null : parseTemplate(value),
    },
  };
}

function claimOf(value: string | null, changes: Partial<typeof report> = {}) {
  return reportedClaim(source(value), { ...report, ...changes }, { kind: 'absent' }, nowMs);
}

describe('a reported claim', () => {
  it('has the columns of its key, and the end of its marker', () => {
    const marker = { kind: 'present', value: 'a-17', expiresInMs: 5_000 } as const;
    expect(reportedClaim(source('{attempt_id}'), report, marker, nowMs + 0.7)).toEqual({
      markerKey: 'gift:3:9',
      markerValue: 'a-17',
      attempt: 'a-17',
      columns: { activity: '3', uid: '9' },
      expiresAtMs: nowMs + 5_000,
    });
  });

  it.each([
    ['{uid}/{attempt_id}', '9/a-17'],
    ['taken', 'taken'],
    ['{driver_id}', 'a-17'],
    [null, 'a-17'],
  ])('has the value that %s gives, or its attempt: %s', (value, expected) => {
    expect(claimOf(value).markerValue).toBe(expected);
  });

  it('has no column that is a guess', () => {
    expect(claimOf('{attempt_id}', { markerKey: 'gift:3:x:9' }).columns).toEqual({});
    expect(claimOf('{uid}', { markerKey: 'gift:3:x:9' }).markerValue).toBe('a-17');
    expect(claimOf('{attempt_id}', { markerKey: 'coupon:9' }).columns).toEqual({});
  });

  it('does not take the attempt from its key', () => {
    const keyed = source('{attempt_id}');
    const marker = { ...keyed.marker, key: parseTemplate('gift:{attempt_id}:{uid}') };
    const claim = reportedClaim({ ...keyed, marker }, report, { kind: 'absent' }, nowMs);
    expect(claim).toMatchObject({ attempt: 'a-17', markerValue: 'a-17', columns: { uid: '9' } });
    expect(claim.columns).not.toHaveProperty('attempt_id');
  });

  it('of a marker without expiry is open for as long as the source says, or for a hundred years', () => {
    const forEver = { kind: 'present', value: 'a-17', expiresInMs: null } as const;
    const timed = reportedClaim(source('{attempt_id}', 30_000), report, forEver, nowMs);
    expect(timed.expiresAtMs).toBe(nowMs + 30_000);
    const untimed = reportedClaim(source('{attempt_id}'), report, forEver, nowMs);
    expect(untimed.expiresAtMs - nowMs).toBeGreaterThan(99 * 365 * 86_400_000);
  });
});
