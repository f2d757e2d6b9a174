/**
 * Kinds of columns and the texts they hold: read character by character they are those that Postgres prints.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  columnKinds,
  kindOfType,
  literalShape,
  textShape,
  type TextShape,
} from '../../src/domain/column-kind.ts';

/** Whether a text is read to its end, and may end there. */
function reads(shape: TextShape, text: string): boolean {
  let begun: string | null = '';
  for (const character of text) {
    begun = shape.next(begun, character);
    if (begun === null) return false;
  }
  return shape.isWhole(begun);
}

describe('the kind of a type', () => {
  it.each([
    ['smallint', 'integer'],
    ['integer', 'integer'],
    ['bigint', 'integer'],
    ['uuid', 'uuid'],
    ['boolean', 'boolean'],
    ['text', 'text'],
    ['character varying', 'text'],
    ['character varying(40)', 'text'],
  ])('of %s is %s', (type, kind) => {
    expect(kindOfType(type)).toBe(kind);
  });

  it.each([
    'numeric',
    'character',
    'character(8)',
    'bpchar',
    'citext',
    'name',
    'shop.state',
    'date',
    'constructor',
    '',
  ])('of %j is not known to be printed in one way', (type) => {
    expect(kindOfType(type)).toBe('other');
  });

  it('is one of a closed list', () => {
    expect(columnKinds).toEqual(['integer', 'uuid', 'boolean', 'text', 'other']);
  });
});

describe('the texts of a column', () => {
  const integer = /^(0|-?[1-9]\d{0,18})$/;
  const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
  const almost = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
    fc.uuid(),
    fc.constantFrom('true', 'false', 'tru', '', '-', '-0', '00', '01', '--1', '1-', '12345678901234567890'),
    fc.array(fc.constantFrom('0', '1', '-', 'a', 'é'), { maxLength: 5 }).map((list) => list.join('')),
  );

  it('are read if and only if they are of the kind', () => {
    fc.assert(
      fc.property(almost, (text) => {
        expect(reads(textShape('integer'), text)).toBe(integer.test(text));
        expect(reads(textShape('uuid'), text)).toBe(uuid.test(text));
        expect(reads(textShape('boolean'), text)).toBe(text === 'true' || text === 'false');
        expect(reads(textShape('text'), text)).toBe(true);
        expect(reads(textShape('other'), text)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('do not contain what is forbidden, however it is wrapped', () => {
    const anyText = fc
      .array(fc.constantFrom('a', 'b', ':', '😀'), { maxLength: 12 })
      .map((list) => list.join(''));
    const anyParts = fc.array(
      anyText.filter((text) => text !== ''),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(anyText, anyParts, (text, forbidden) => {
        const isAllowed = !forbidden.some((part) => text.includes(part));
        expect(reads(textShape('text', forbidden), text)).toBe(isAllowed);
      }),
      { numRuns: 2_000 },
    );
  });

  it('are few beginnings, however long they are', () => {
    const shape = textShape('text', ['::', ':-:']);
    const beginnings = new Set<string>();
    let begun = '';
    for (const character of 'a:-b:-c-:x'.repeat(20)) {
      begun = shape.next(begun, character) ?? '';
      beginnings.add(begun);
    }
    expect(beginnings).toEqual(new Set(['', ':', ':-']));
  });

  it('of a literal are itself alone', () => {
    expect(['', 'gif', 'gift:', 'gift:1', 'xift:'].map((text) => reads(literalShape('gift:'), text))).toEqual(
      [false, false, true, false, false],
    );
    expect(reads(literalShape(''), '')).toBe(true);
  });
});
