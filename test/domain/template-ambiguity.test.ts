/**
 * Which templates give every row a key of its own. What is called unambiguous is attacked with values made of the
 * template's own separators; what is called ambiguous has to show two rows with one key.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ColumnKind } from '../../src/domain/column-kind.ts';
import { judgeTemplate, type TemplateJudgement } from '../../src/domain/template-ambiguity.ts';
import { parseTemplate, templateColumns, type Template } from '../../src/domain/template.ts';

/** By the first letter of the column: `i1` is an integer, `t` a text. */
const kindByLetter: Readonly<Record<string, ColumnKind>> = {
  i: 'integer',
  u: 'uuid',
  b: 'boolean',
  t: 'text',
  o: 'other',
};

function kindsOf(template: Template): Map<string, ColumnKind> {
  return new Map(templateColumns(template).map((name) => [name, kindByLetter[name.charAt(0)] ?? 'other']));
}

function judge(text: string): TemplateJudgement {
  const template = parseTemplate(text);
  return judgeTemplate(template, kindsOf(template));
}

function fill(template: Template, row: ReadonlyMap<string, string>): string {
  return template.map((part) => (part.kind === 'literal' ? part.text : (row.get(part.name) ?? '?'))).join('');
}

const ofKind: Readonly<Record<ColumnKind, RegExp>> = {
  integer: /^(0|-?[1-9]\d{0,18})$/,
  uuid: /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/,
  boolean: /^(true|false)$/,
  text: /^/,
  other: /^/,
};

describe('a template', () => {
  it.each<[string, Record<string, string[]>]>([
    ['gift:{i1}:{i2}:{i3}', {}],
    ['g:{{i1}}:{u1}', {}],
    ['order:{t1}', {}],
    ['gift:{i1}:{t1}', {}],
    ['{t1}:{i1}', {}],
    ['{u1}{u2}', {}],
    ['{b1}{b2}{i1}', {}],
    ['{t1}{b1}{u1}', {}],
    ['{i1}-{i2}', {}],
    ['{u1}-{i1}', {}],
    ['{t1}{t1}', {}],
    ['{t1}x{t1}', {}],
    ['constant', {}],
    ['', {}],
    ['{t1}:{t2}', { t1: [':'] }],
    ['gift:{t1}:{t2}/{t3}', { t1: [':'], t2: ['/'] }],
    ['{t1}::{t2}', { t1: [':'] }],
    ['{t1}:{t1}:{t2}', { t1: [':'] }],
    ['{t1}:{t1}-{t2}', { t1: [':', '-'] }],
    ['{t1}abcab{t2}', { t1: ['ab'] }],
    ['{t1}, {t2}', { t1: [', '] }],
    ['{t1}bcd123456789xyz{t2}', { t1: ['bcd123456789xyz'] }],
    ['{t1}-{i1}', { t1: ['-'] }],
    ['{t1}1{i1}', { t1: ['1'] }],
    ['{o1}:{o2}', { o1: [':'] }],
    ['g:{{t1}}:{i1}:{t1}', { t1: ['}:'] }],
    ['g:{{t1}}:{t2}:{t1}', { t1: ['}:', ':'] }],
  ])('%s gives each row a key of its own, if values leave out %j', (text, forbidden) => {
    const judgement = judge(text);
    expect(judgement).toMatchObject({ kind: 'unambiguous' });
    expect('forbidden' in judgement ? Object.fromEntries(judgement.forbidden) : null).toEqual(forbidden);
  });

  it.each([
    ['gift:{i1}{i2}', 'i1 "11", i2 "0" and i1 "1", i2 "10" have the same key "gift:110"'],
    ['{t1}{t2}', 't1 "-", t2 "" and t1 "", t2 "-" have the same key "-"'],
    ['{t1}{i1}', 't1 "-", i1 "1" and t1 "", i1 "-1" have the same key "-1"'],
    ['{i1}0{i2}', 'i1 "101", i2 "0" and i1 "1", i2 "100" have the same key "10100"'],
    ['{t1}:{t2}{t3}', 't1 ":", t2 "", t3 "" and t1 "", t2 ":", t3 "" have the same key "::"'],
    ['{t1}{t2}{t1}', 't1 "-", t2 "" and t1 "", t2 "--" have the same key "--"'],
  ])('%s gives one key to two rows: %s', (text, why) => {
    expect(judge(text)).toMatchObject({ kind: 'ambiguous', why });
  });

  it('whose repeated column stands in the way of a proof is refused without an example', () => {
    expect(judge('{t1}{i1}:{i1}')).toEqual({
      kind: 'ambiguous',
      why: 'it cannot be shown that keys tell the values of t1, i1 apart',
      example: null,
    });
  });

  it('with a column of unknown kind is judged as if it could hold anything', () => {
    expect(judgeTemplate(parseTemplate('{i1}{i2}'), new Map())).toMatchObject({ kind: 'ambiguous' });
    expect(judgeTemplate(parseTemplate('{i1}:{i2}'), new Map())).toEqual({
      kind: 'unambiguous',
      forbidden: new Map([['i1', [':']]]),
    });
  });
});

const anyPart = fc.oneof(
  fc.constantFrom('i1', 'i2', 't1', 't2', 't3', 'u1', 'b1', 'o1').map((name) => `{${name}}`),
  fc.constantFrom(':', '::', '-', '1', '10', '0', 'a', ':a:', 'true', '}:{', '😀', 'tt'),
);
const anyTemplate = fc.array(anyPart, { minLength: 1, maxLength: 7 }).map((parts) => parts.join(''));

/** Values that look like the template's own literals, put together from pieces of them. */
function valuesOf(kind: ColumnKind, template: Template): fc.Arbitrary<string> {
  const literals = template.flatMap((part) =>
    part.kind === 'literal' ? [part.text, ...Array.from(part.text)] : [],
  );
  switch (kind) {
    case 'integer':
      return fc.constantFrom('0', '1', '-1', '10', '11', '101', '110', '1010', '-10', '100101');
    case 'uuid':
      return fc
        .constantFrom('1', '0', 'a')
        .map((digit) => '8-4-4-4-12'.replaceAll(/\d+/g, (n) => digit.repeat(Number(n))));
    case 'boolean':
      return fc.constantFrom('true', 'false');
    case 'text':
    case 'other':
      return fc
        .array(fc.constantFrom('', '0', '1', 'a', '-1', 'true', ...literals), { maxLength: 3 })
        .map((pieces) => pieces.join(''));
  }
}

describe('any template', () => {
  it('called unambiguous gives different rows different keys, as long as values leave out what is forbidden', () => {
    fc.assert(
      fc.property(anyTemplate, fc.gen(), (text, draw) => {
        const template = parseTemplate(text);
        const kinds = kindsOf(template);
        const judgement = judgeTemplate(template, kinds);
        fc.pre(judgement.kind === 'unambiguous');
        const rowByKey = new Map<string, string>();
        for (let count = 0; count < 40; count += 1) {
          const row = new Map([...kinds].map(([name, kind]) => [name, draw(valuesOf, kind, template)]));
          const isAllowed = [...row].every(
            ([name, value]) => !judgement.forbidden.get(name)?.some((part) => value.includes(part)),
          );
          if (!isAllowed) continue;
          const [key, printed] = [fill(template, row), JSON.stringify([...row])];
          expect(rowByKey.get(key) ?? printed).toBe(printed);
          rowByKey.set(key, printed);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('called ambiguous is so: two rows of the right kinds have one key', () => {
    fc.assert(
      fc.property(anyTemplate, (text) => {
        const template = parseTemplate(text);
        const kinds = kindsOf(template);
        const judgement = judgeTemplate(template, kinds);
        fc.pre(judgement.kind === 'ambiguous');
        const names = template.flatMap((part) => (part.kind === 'column' ? [part.name] : []));
        if (judgement.example === null) {
          expect(new Set(names).size).toBeLessThan(names.length);
          return;
        }
        const { key, rows } = judgement.example;
        expect(rows.map((row) => fill(template, row))).toEqual([key, key]);
        expect(rows[0]).not.toEqual(rows[1]);
        for (const row of rows) {
          expect([...row.keys()]).toEqual(templateColumns(template));
          for (const [name, value] of row) expect(value).toMatch(ofKind[kinds.get(name) ?? 'other']);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('forbids nothing but texts of its own, to columns that may hold any', () => {
    fc.assert(
      fc.property(anyTemplate, (text) => {
        const template = parseTemplate(text);
        const judgement = judgeTemplate(template, kindsOf(template));
        fc.pre(judgement.kind === 'unambiguous');
        const literals = template.flatMap((part) => (part.kind === 'literal' ? [part.text] : []));
        for (const [name, texts] of judgement.forbidden) {
          expect(name).toMatch(/^[to]/);
          for (const part of texts) expect(literals.some((literal) => literal.includes(part))).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });
});
