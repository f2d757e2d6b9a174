/**
 * Templates for marker keys and values.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  matchTemplate,
  matchTemplateSurely,
  parseTemplate,
  templateColumns,
  type Template,
} from '../../src/domain/template.ts';

const literal = (text: string) => ({ kind: 'literal', text }) as const;
const column = (name: string) => ({ kind: 'column', name }) as const;

function print(template: Template): string {
  return template.map((part) => (part.kind === 'literal' ? part.text : `{${part.name}}`)).join('');
}

describe('parseTemplate', () => {
  it.each<[string, Template]>([
    ['', []],
    ['constant', [literal('constant')]],
    ['{uid}', [column('uid')]],
    ['gift:{activity_id}:{uid}', [literal('gift:'), column('activity_id'), literal(':'), column('uid')]],
    ['{a}{b}', [column('a'), column('b')]],
    ['order:{Order$2}:x', [literal('order:'), column('Order$2'), literal(':x')]],
  ])('reads %j', (text, parts) => {
    expect(parseTemplate(text)).toEqual(parts);
  });

  it('leaves braces that do not enclose a column name as they are, so that hash tags can be written', () => {
    expect(parseTemplate('g:{{uid}}')).toEqual([literal('g:{'), column('uid'), literal('}')]);
    expect(parseTemplate('{{a}:{b}}')).toEqual([
      literal('{'),
      column('a'),
      literal(':'),
      column('b'),
      literal('}'),
    ]);
    for (const text of ['{}', '{1a}', '{ uid }', '{uid', 'uid}', '{user-id}']) {
      expect(parseTemplate(text)).toEqual([literal(text)]);
    }
  });

  it('loses no character and makes no empty or adjoining literals', () => {
    const anyText = fc
      .array(fc.constantFrom('{', '}', 'a', '{b}', ':', '$', '1', ' '))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(anyText, (text) => {
        const template = parseTemplate(text);
        expect(print(template)).toBe(text);
        for (const [at, part] of template.entries()) {
          if (part.kind === 'column') continue;
          expect(part.text).not.toBe('');
          expect(template[at + 1]?.kind).not.toBe('literal');
        }
      }),
    );
  });
});

describe('templateColumns', () => {
  it('names each column once, in order of appearance', () => {
    expect(templateColumns(parseTemplate('{b}:{a}:{b}:{{a}}:x'))).toEqual(['b', 'a']);
    expect(templateColumns(parseTemplate('constant'))).toEqual([]);
  });
});

describe('matchTemplate', () => {
  const match = (template: string, filled: string): Record<string, string> | null => {
    const values = matchTemplate(parseTemplate(template), filled);
    return values === null ? null : Object.fromEntries(values);
  };

  it('reads the columns back out of a key', () => {
    expect(match('gift:{activity_id}:{uid}', 'gift:3:u-9')).toEqual({ activity_id: '3', uid: 'u-9' });
    expect(match('g:{{uid}}', 'g:{9}')).toEqual({ uid: '9' });
    expect(match('{a}:{b}', ':')).toEqual({ a: '', b: '' });
    expect(match('{a}', 'line one\nline two')).toEqual({ a: 'line one\nline two' });
    expect(match('constant', 'constant')).toEqual({});
  });

  it('finds nothing in a key of another shape, nor in part of one', () => {
    expect(match('gift:{uid}', 'order:9')).toBeNull();
    expect(match('gift:{uid}:x', 'gift:9:x:more')).toBeNull();
    expect(match('gift:{uid}', 'my gift:9')).toBeNull();
    expect(match('constant', 'constants')).toBeNull();
  });

  it('finds out soon that a text full of separators does not fit', () => {
    const separators = ':'.repeat(1_000);
    expect(match('g:{a}:{b}:{c}:{d}:x', `g${separators}`)).toBeNull();
    expect(match('g:{a}:{b}:{c}:{d}:x', `g${separators}x`)).toMatchObject({ a: '', b: '', c: '' });
    expect(match('g:{a}:x', 'g:x')).toBeNull();
    expect(match('{a}x', '')).toBeNull();
  });

  it('takes what looks like a pattern as plain text', () => {
    expect(match('a.b*(c)[d]|^$+?\\:{uid}', 'a.b*(c)[d]|^$+?\\:9')).toEqual({ uid: '9' });
    expect(match('a.b:{uid}', 'aXb:9')).toBeNull();
  });

  it('wants a column that is named twice to be the same twice', () => {
    expect(match('{uid}:{uid}', '9:9')).toEqual({ uid: '9' });
    expect(match('{uid}:{uid}', '9:8')).toBeNull();
    expect(match('{uid}:{uid}', 'a:b:a:b')).toEqual({ uid: 'a:b' });
    expect(match('{Order$2}', '9')).toEqual({ Order$2: '9' });
  });

  it('finds the columns of any key whose values do not hold a separator', () => {
    const anyValue = fc.string({ maxLength: 8 }).map((text) => text.replaceAll(':', ''));
    fc.assert(
      fc.property(anyValue, anyValue, (activity, uid) => {
        expect(match('gift:{activity}:{uid}', `gift:${activity}:${uid}`)).toEqual({ activity, uid });
      }),
    );
  });
});

describe('matchTemplateSurely', () => {
  const match = (template: string, filled: string): Record<string, string> | null => {
    const values = matchTemplateSurely(parseTemplate(template), filled);
    return values === null ? null : Object.fromEntries(values);
  };

  it('reads back what can be split in one way only', () => {
    expect(match('gift:{a}:{b}', 'gift:3:u-9')).toEqual({ a: '3', b: 'u-9' });
    expect(match('{a}:x:{b}', 'é:x:\u{1f381}')).toEqual({ a: 'é', b: '\u{1f381}' });
    expect(match('constant', 'constant')).toEqual({});
    expect(match('gift:{a}', 'a:b:c')).toBeNull();
  });

  it.each([
    ['gift:{a}:{b}', 'gift:x:y:z'],
    ['{a}{b}', '12'],
    ['{a}::{b}', 'x:::y'],
    ['g:{a}:x:{b}', 'g:1:x:2:x:3'],
  ])('does not guess: %s, %s', (template, filled) => {
    expect(match(template, filled)).toBeNull();
  });

  it('finds every key that has two readings, whatever is in it', () => {
    const value = fc.array(fc.constantFrom(':', 'a', 'b')).map((parts) => parts.join(''));
    const template = parseTemplate('{a}:{b}:b:{c}');
    const fill = (a: string, b: string, c: string): string => `${a}:${b}:b:${c}`;
    fc.assert(
      fc.property(value, value, value, (a, b, c) => {
        const found = matchTemplateSurely(template, fill(a, b, c));
        if (found !== null) expect(Object.fromEntries(found)).toEqual({ a, b, c });
      }),
    );
  });
});
