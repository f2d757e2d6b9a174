/**
 * Suggestions for mistyped names.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { didYouMean, nearestName } from '../../src/domain/nearest-name.ts';

const known = ['table', 'columns', 'expiresAt', 'createdAt', 'mode'];

describe('nearestName', () => {
  it.each([
    ['tabel', 'table'],
    ['colums', 'columns'],
    ['expires_at', 'expiresAt'],
    ['CREATED-AT', 'createdAt'],
    ['mod', 'mode'],
    ['modes', 'mode'],
    ['nodes', null],
    ['xyz', null],
    ['', null],
  ])('for %j finds %s', (name, nearest) => {
    expect(nearestName(name, known)).toBe(nearest);
  });

  it('takes the closest, and the first of equally close ones', () => {
    expect(nearestName('orders', ['border', 'orders2', 'order'])).toBe('orders2');
    expect(nearestName('order', ['orders', 'border'])).toBe('orders');
    expect(nearestName('order', [])).toBeNull();
  });

  it('does not compare a name of any length letter by letter', () => {
    // That would take many times what a test may.
    expect(nearestName('x'.repeat(30_000_000), known)).toBeNull();
  });

  it('finds every known name as itself', () => {
    fc.assert(
      fc.property(fc.constantFrom(...known), (name) => {
        expect(nearestName(name, known)).toBe(name);
      }),
    );
  });
});

describe('didYouMean', () => {
  it('ends a sentence with the suggestion, or with nothing', () => {
    expect(didYouMean('tabel', known)).toBe('; did you mean table?');
    expect(didYouMean('xyz', known)).toBe('');
  });
});
