/**
 * When two readings of one marker count as the same.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expirySlackMs, sameMarker, type MarkerReading, type MarkerSight } from '../../src/domain/marker.ts';
import { absent, anyMarker, present, undecodable, unread } from './observations.ts';

/** What was seen at a time; a marker seen later has less time left. */
function seen(marker: MarkerReading, atMs = 0): MarkerSight {
  return { marker, atMs };
}

describe('sameMarker', () => {
  it('does not mind an expiry that runs down', () => {
    expect(sameMarker(seen(present('a1', 5_000)), seen(present('a1', 4_000), 1_000))).toBe(true);
    expect(sameMarker(seen(present('a1', null)), seen(present('a1', null), 1_000))).toBe(true);
  });

  it('allows the clock to be read a little beside the marker', () => {
    const first = seen(present('a1', 5_000));
    expect(sameMarker(first, seen(present('a1', 5_000), expirySlackMs))).toBe(true);
    expect(sameMarker(first, seen(present('a1', 5_001), expirySlackMs))).toBe(false);
  });

  it('minds the same value that was set again, with a later end', () => {
    expect(sameMarker(seen(present('a1', 5_000)), seen(present('a1', 5_000), 3_000))).toBe(false);
  });

  it('minds another value, and an expiry that came or went', () => {
    expect(sameMarker(seen(present('a1', 5_000)), seen(present('a2', 5_000)))).toBe(false);
    expect(sameMarker(seen(present('a1', 5_000)), seen(present('a1', null)))).toBe(false);
    expect(sameMarker(seen(present('a1', null)), seen(present('a1', 5_000)))).toBe(false);
  });

  it('minds another kind of reading, whatever the reason given for it', () => {
    expect(sameMarker(seen(absent), seen(present('a1', 5_000)))).toBe(false);
    expect(sameMarker(seen(present('a1', 5_000)), seen(absent))).toBe(false);
    expect(sameMarker(seen(absent), seen(unread))).toBe(false);
    expect(sameMarker(seen(unread), seen(undecodable))).toBe(false);
    const other: MarkerReading = { kind: 'undecodable', reason: 'the value is not UTF-8 text' };
    expect(sameMarker(seen(undecodable), seen(other))).toBe(true);
  });

  it('finds every reading the same as itself, and does not care for the order', () => {
    fc.assert(
      fc.property(anyMarker, anyMarker, fc.nat(), (a, b, atMs) => {
        expect(sameMarker(seen(a), seen(a))).toBe(true);
        expect(sameMarker(seen(a), seen(b, atMs))).toBe(sameMarker(seen(b, atMs), seen(a)));
      }),
    );
  });
});
