/**
 * Reasons for people: what failed, and none of the secrets that it was called with.
 */
import { describe, expect, it } from 'vitest';
import { plainReason } from '../../src/distributor/plain-reason.ts';

describe('a reason', () => {
  it.each([
    ['connect ECONNREFUSED 127.0.0.1:1', 'connect ECONNREFUSED 127.0.0.1:1'],
    [' two\r\nlines\t', 'two lines'],
    ['\u0000\u0007', 'no reason was given'],
    ['half a character \ud83d, a whole one 🎁', 'half a character , a whole one 🎁'],
    ['the basic plan is over', 'the basic plan is over'],
    ['the token is not valid', 'the token is not valid'],
  ])('%j is told as %j', (said, told) => {
    expect(plainReason(said)).toBe(told);
  });

  it('of an error is its message, and that of its cause', () => {
    const cause = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });
    expect(plainReason(new TypeError('fetch failed', { cause }))).toBe('fetch failed: ECONNREFUSED');
    expect(plainReason(new TypeError('', { cause: 'secret' }))).toBe('TypeError');
    expect(plainReason({ secret: 'secret' })).toBe('what was thrown is no error');
  });

  it('is short, without cutting a character in two', () => {
    const told = plainReason('🎁'.repeat(5_000));
    expect(Array.from(told)).toHaveLength(300);
    expect(told).toBe(`${'🎁'.repeat(299)}…`);
    expect(Array.from(plainReason('x'.repeat(300)))).toHaveLength(300);
  });
});

describe('a secret', () => {
  it.each([
    'cannot reach https://app:s3cr3t@gifts.internal/grants',
    'postgres://app:s3cr3t@db and redis://:s3cr3t@cache',
    'refused authorization: Bearer s3cr3t',
    'sent "authorization":"Basic s3cr3ts3cr3ts3cr3t"',
    'Bearer s3cr3ts3cr3t.s3cr3t-s3cr3t_ is over',
    'password=s3cr3t&user=app',
    "PGPASSWORD: 's3cr3t'",
    'x-api-key: s3cr3t',
    'access_token=s3cr3t;',
    'client_secret = s3cr3t',
  ])('is not told: %s', (said) => {
    expect(plainReason(said)).not.toContain('s3cr3t');
    expect(plainReason(said)).toContain('***');
    expect(plainReason(new Error('no answer', { cause: new Error(said) }))).not.toContain('s3cr3t');
  });

  it('is looked for in little time, whatever the text', () => {
    for (const part of ['://', 'token', 'token=', 'bearer ', 'a_', ' = ']) {
      expect(plainReason(part.repeat(100_000)).length).toBeLessThan(400);
    }
  });
});
