/**
 * When two readings of one marker count as the same.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sameMarker } from '../../src/domain/marker.ts';
import { absent, anyMarker, present, undecodable, unread } from './observations.ts';

describe('sameMarker', () => {
  it('does not mind an expiry that runs down', () => {
    expect(sameMarker(present('a1', 5_000), present('a1', 4_990))).toBe(true);
    expect(sameMarker(present('a1', null), present('a1', null))).toBe(true);
  });

  it('minds another value, and an expiry that came or went', () => {
    expect(sameMarker(present('a1', 5_000), present('a2', 5_000))).toBe(false);
    expect(sameMarker(present('a1', 5_000), present('a1', null))).toBe(false);
    expect(sameMarker(present('a1', null), present('a1', 5_000))).toBe(false);
  });

  it('minds another kind of reading, whatever the reason given for it', () => {
    expect(sameMarker(absent, present('a1', 5_000))).toBe(false);
    expect(sameMarker(present('a1', 5_000), absent)).toBe(false);
    expect(sameMarker(absent, unread)).toBe(false);
    expect(sameMarker(unread, undecodable)).toBe(false);
    expect(sameMarker(undecodable, { kind: 'undecodable', reason: 'the value is not UTF-8 text' })).toBe(
      true,
    );
  });

  it('finds every reading the same as itself, and does not care for the order', () => {
    fc.assert(
      fc.property(anyMarker, anyMarker, (a, b) => {
        expect(sameMarker(a, a)).toBe(true);
        expect(sameMarker(a, b)).toBe(sameMarker(b, a));
      }),
    );
  });
});
