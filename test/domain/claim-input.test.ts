/**
 * What an application may say of a claim: every value has one text, and everything that is wrong is told at once.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compileAttemptCheck,
  compileClaimCheck,
  show,
  type CheckedClaim,
  type ClaimShape,
} from '../../src/domain/claim-input.ts';
import type { ColumnKind } from '../../src/domain/column-kind.ts';
import { parseTemplate } from '../../src/domain/template.ts';

function column(
  kind: ColumnKind,
  changes: Partial<{ sqlType: string; isGiven: boolean; isNeeded: boolean }> = {},
) {
  return { kind, sqlType: kind, isGiven: true, isNeeded: false, ...changes };
}

const shape: ClaimShape = {
  columns: new Map([
    ['id', column('integer', { sqlType: 'bigint', isGiven: false })],
    ['attempt_id', column('text', { isNeeded: true })],
    ['status', column('text', { isNeeded: true })],
    ['change_xid', column('other')],
    ['activity', column('integer', { sqlType: 'smallint' })],
    ['uid', column('integer', { sqlType: 'bigint' })],
    ['shop', column('text')],
    ['level', column('integer', { sqlType: 'integer' })],
    ['device', column('uuid')],
    ['is_vip', column('boolean')],
    ['note', column('text')],
    ['details', column('other')],
    ['region', column('text', { isNeeded: true })],
  ]),
  attempt: 'attempt_id',
  own: ['status', 'change_xid'],
  key: parseTemplate('gift:{activity}:{uid}:{shop}'),
  value: parseTemplate('{attempt_id}'),
  forbidden: new Map([
    ['shop', [':']],
    ['attempt_id', ['|']],
  ]),
};
const check = compileClaimCheck(shape);

const right = { activity: 7, uid: 12, shop: 'north', region: 'eu' };

function checkedOf(columns: unknown, attempt: unknown = 'a1'): CheckedClaim {
  const problems: string[] = [];
  const checked = check(attempt, columns, problems);
  expect(problems).toEqual([]);
  return checked;
}

function problemsOf(columns: unknown, attempt: unknown = 'a1'): string[] {
  const problems: string[] = [];
  check(attempt, columns, problems);
  return problems;
}

describe('a claim that is right', () => {
  it('has its marker built as Postgres prints the columns', () => {
    expect(checkedOf(right)).toEqual({
      attempt: 'a1',
      columns: right,
      markerKey: 'gift:7:12:north',
      markerValue: 'a1',
    });
  });

  it('has the attempt as the marker’s value where any will do', () => {
    const problems: string[] = [];
    const { markerValue } = compileClaimCheck({ ...shape, value: null })('a1', right, problems);
    expect([markerValue, problems]).toEqual(['a1', []]);
  });

  it('may say an integer as a number, a bigint or decimal text', () => {
    for (const uid of [12, 12n, '12']) expect(checkedOf({ ...right, uid }).columns).toEqual(right);
    expect(checkedOf({ ...right, uid: -0 }).markerKey).toBe('gift:7:0:north');
    expect(checkedOf({ ...right, uid: '-5' }).markerKey).toBe('gift:7:-5:north');
  });

  it('keeps integers that a number cannot hold as text', () => {
    const { columns, markerKey } = checkedOf({ ...right, uid: 9_223_372_036_854_775_807n });
    expect(columns['uid']).toBe('9223372036854775807');
    expect(markerKey).toBe('gift:7:9223372036854775807:north');
  });

  it('prints every integer of its type as Postgres does', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (uid) => {
        expect(checkedOf({ ...right, uid }).markerKey).toBe(`gift:7:${uid}:north`);
        expect(checkedOf({ ...right, uid: String(uid) })).toEqual(checkedOf({ ...right, uid }));
      }),
    );
  });

  it('may have a uuid in upper case, which is written in lower case', () => {
    const device = '0198B4C2-6F3E-7CC1-9A51-3D2F8E6B7A90';
    expect(checkedOf({ ...right, device }).columns['device']).toBe(device.toLowerCase());
  });

  it('may have whatever text Postgres can hold, and null where nothing needs a value', () => {
    const more = { note: null, shop: '{uid} 🎁 \n"x"', is_vip: false, details: 1.5, level: null };
    expect(checkedOf({ ...right, ...more }).columns).toEqual({ ...right, ...more });
    expect(checkedOf({ ...right, details: true }).columns['details']).toBe(true);
    expect(checkedOf({ ...right, details: '{"a":1}' }).columns['details']).toBe('{"a":1}');
    expect(checkedOf({ ...right, shop: '' }).markerKey).toBe('gift:7:12:');
  });

  it('has one text only: it comes out of the check as it went in a second time', () => {
    const first = checkedOf({ ...right, uid: 12n, device: '0198B4C2-6F3E-7CC1-9A51-3D2F8E6B7A90' });
    expect(checkedOf(first.columns, first.attempt)).toEqual(first);
  });
});

describe('a claim that is wrong', () => {
  it('is told everything at once', () => {
    const wrong = {
      id: 1,
      attempt_id: 'a1',
      status: 'granted',
      change_xid: '5',
      ShOp: 'x',
      uid: Number.NaN,
      shop: 'a:b',
      device: 'd1',
      is_vip: 'yes',
      note: 5,
      details: {},
      region: null,
    };
    expect(problemsOf(wrong, '')).toEqual([
      'id: is made by Postgres; leave it out',
      'attempt_id: is set by the gate; leave it out',
      'status: is set by the gate; leave it out',
      'change_xid: is set by the gate; leave it out',
      'ShOp: is no column of the table; did you mean shop?',
      'uid: must be an integer from -9223372036854775808 to 9223372036854775807, as a number, a bigint or decimal ' +
        'text; it is NaN',
      'shop: must not contain ":": another claim could have the same marker',
      'device: must be a uuid, such as 0198b4c2-6f3e-7cc1-9a51-3d2f8e6b7a90; it is "d1"',
      'is_vip: must be true or false; it is "yes"',
      'note: must be a text; it is 5',
      'details: must be a text; it is of type object',
      'region: must not be null',
      'activity: is missing',
      'attempt: must be a text that is not empty; it is ""',
    ]);
  });

  it.each([
    ['activity', 32_768],
    ['activity', -32_769n],
    ['level', 2_147_483_648],
    ['uid', 9_223_372_036_854_775_808n],
    ['uid', 2 ** 53],
    ['uid', 1.5],
    ['uid', Infinity],
    ['uid', '007'],
    ['uid', '+7'],
    ['uid', '-0'],
    ['uid', ' 7'],
    ['uid', '7\n'],
    ['uid', ''],
    ['uid', '99999999999999999999999999'],
    ['uid', true],
    ['uid', null],
    ['uid', undefined],
    ['shop', undefined],
    ['shop', null],
    ['shop', 'x\u0000y'],
    ['shop', 'half \uD83C'],
    ['shop', '\uDF81 half'],
    ['shop', 'x'.repeat(513)],
    ['note', undefined],
    ['note', ['x']],
    ['device', '{0198b4c2-6f3e-7cc1-9a51-3d2f8e6b7a90}'],
    ['device', 7],
    ['details', Number.NaN],
    ['details', 'x\u0000'],
    ['details', 5n],
    ['__proto__x', 1],
  ] as const)('cannot have %s as %o', (name, value) => {
    const found = problemsOf({ ...right, [name]: value });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${name}: `));
  });

  it('has the longest text that is allowed, and no longer', () => {
    expect(problemsOf({ ...right, note: 'x'.repeat(512) })).toEqual([]);
    expect(problemsOf({ ...right, note: 'x'.repeat(10_000) })).toEqual([
      'note: must have at most 512 characters; it has 10000',
    ]);
  });

  it.each([null, undefined, 'uid', 7, ['uid']])('has no columns in %j', (columns) => {
    expect(problemsOf(columns)).toEqual([
      'columns: must be an object that has the columns of the claim by name',
    ]);
  });

  it('cannot bring columns along by its prototype', () => {
    expect(problemsOf(Object.create(right))).toHaveLength(4);
    expect(problemsOf(JSON.parse('{"__proto__":{},"activity":7,"uid":12,"shop":"n","region":"eu"}'))).toEqual(
      ['__proto__: is no column of the table'],
    );
  });

  it('may be told without knowing the attempt’s column', () => {
    const problems: string[] = [];
    const columns = new Map([...shape.columns].filter(([name]) => name !== 'attempt_id'));
    const bare: ClaimShape = { ...shape, columns, forbidden: new Map() };
    expect(compileClaimCheck(bare)('a|b', { ...right, shop: 'a:b' }, problems).markerValue).toBe('a|b');
    expect(problems).toEqual([]);
  });
});

describe('an attempt', () => {
  const attemptOf = (attempt: unknown, kind: ColumnKind = 'text'): [string, string[]] => {
    const problems: string[] = [];
    const columns = new Map([['attempt_id', column(kind)]]);
    return [compileAttemptCheck({ ...shape, columns })(attempt, problems), problems];
  };

  it('is a text of up to 200 characters', () => {
    expect(attemptOf('a'.repeat(200))).toEqual(['a'.repeat(200), []]);
    expect(attemptOf('a'.repeat(201))).toEqual([
      '',
      ['attempt: must have at most 200 characters; it has 201'],
    ]);
    expect(attemptOf('a|b')[1]).toHaveLength(1);
    for (const attempt of ['', 7, null, undefined, {}, 'x\u0000', '\uD83C']) {
      expect(attemptOf(attempt)).toEqual(['', [expect.stringMatching(/^attempt: must/)]]);
    }
  });

  it('is a uuid in lower case where its column is one', () => {
    const attempt = '0198B4C2-6F3E-7CC1-9A51-3D2F8E6B7A90';
    expect(attemptOf(attempt, 'uuid')).toEqual([attempt.toLowerCase(), []]);
    expect(attemptOf('a1', 'uuid')[1]).toHaveLength(1);
  });
});

describe('a value in a few words', () => {
  it.each([
    ['x', '"x"'],
    ['x'.repeat(41), 'a text of 41 characters'],
    [undefined, 'undefined'],
    [null, 'null'],
    [5n, '5'],
    [Number.NaN, 'NaN'],
    [[1], 'a list'],
    [{}, 'of type object'],
    [Symbol('x'), 'of type symbol'],
  ])('%o', (value, words) => {
    expect(show(value)).toBe(words);
  });
});
