/**
 * Entries of the open-claims index.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeOpenClaim,
  encodeOpenClaim,
  openClaimsKey,
  type ColumnValue,
} from '../../src/domain/open-claim.ts';

const anyColumn: fc.Arbitrary<ColumnValue> = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const anyEntry = fc.record({
  markerKey: fc.string({ unit: 'binary' }),
  markerValue: fc.string(),
  attempt: fc.string(),
  columns: fc.dictionary(
    fc.string().filter((name) => name !== '__proto__'),
    anyColumn,
    { noNullPrototype: true },
  ),
  expiresAtMs: fc.integer(),
});

describe('an entry of the index', () => {
  it('comes back as it was, whatever its texts hold', () => {
    fc.assert(
      fc.property(anyEntry, (entry) => {
        expect(decodeOpenClaim(encodeOpenClaim(entry))).toEqual(entry);
      }),
    );
  });

  it.each([
    '',
    '{',
    'null',
    '{}',
    '["k","v","a",1]',
    '["k","v","a","1",{}]',
    '[1,"v","a",1,{}]',
    '["k",1,"a",1,{}]',
    '["k","v",1,1,{}]',
    '["k","v","a",1,[]]',
    '["k","v","a",1,null]',
    '["k","v","a",1,"x"]',
    '["k","v","a",1,{"uid":{}}]',
  ])('is not made of %j', (member) => {
    expect(decodeOpenClaim(member)).toBeNull();
  });

  it('lies in the index of its source', () => {
    expect(openClaimsKey('ours', 'gifts')).toBe('ours:open-claims:gifts');
  });
});
