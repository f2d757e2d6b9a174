/**
 * The configuration that is proposed for a table, and what is left to a person.
 */
import { describe, expect, it } from 'vitest';
import { proposeAttempt, proposeId, proposeStatus } from '../../../src/domain/adoption/propose-columns.ts';
import { proposeSource, type Findings, type Proposal } from '../../../src/domain/adoption/propose-source.ts';
import { proposeValue } from '../../../src/domain/adoption/propose-value.ts';
import { sortStatuses } from '../../../src/domain/adoption/sort-statuses.ts';
import { sampledColumn, sampleRow, sighting } from './sample-rows.ts';

const id = sampledColumn('id', { kind: 'integer', isUnique: true, isPrimaryKey: true });
const attempt = sampledColumn('attempt_id', { isUnique: true });
const columns = [id, attempt, sampledColumn('status'), sampledColumn('expires_at', { isTime: true })];
const key = { template: 'gift:{uid}', others: [], undecided: [], evidence: ['it fits'] };

function propose(changes: Partial<Findings> = {}): Proposal {
  return proposeSource({
    name: 'gifts',
    table: 'public.gift_claim',
    columns,
    key,
    sightings: [1, 2].map((n) => sighting(sampleRow({ attempt_id: `a${n}` }, { expires_at: n }), `a${n}`, n)),
    statuses: { words: ['granted', 'failed', 'pending'], isComplete: true },
    ...changes,
  });
}

/** Undecided keys of the configuration, but for the mode, which always is. */
function open(changes: Partial<Findings>): string[] {
  const keys = propose(changes).undecided.map((line) => line.slice(0, line.indexOf(':')));
  expect(keys.at(-1)).toBe('mode');
  return keys.slice(0, -1);
}

describe('a source', () => {
  it('is complete where everything speaks for it', () => {
    const { source, undecided, evidence } = propose();
    expect(source).toEqual({
      name: 'gifts',
      table: 'public.gift_claim',
      columns: {
        id: 'id',
        attempt: 'attempt_id',
        status: 'status',
        window: { kind: 'expires_at', column: 'expires_at', evidence: expect.any(String) },
      },
      marker: { key: 'gift:{uid}', value: '{attempt_id}' },
      statuses: { pending: ['pending'], granted: ['granted'], released: ['failed'], undecided: [] },
    });
    expect(undecided).toEqual([expect.stringContaining('mode: observe is proposed')]);
    expect(evidence).toEqual(['it fits', expect.stringContaining('columns.expiresAt is expires_at')]);
  });

  it('leaves out what nothing speaks for', () => {
    const bare = propose({ columns: [sampledColumn('note', { notNull: false })], sightings: [] });
    expect(bare.source.columns).toEqual({
      id: null,
      attempt: null,
      status: null,
      window: { kind: 'unknown' },
    });
    expect(bare.source.marker.value).toBeNull();
    expect(bare.undecided).toHaveLength(5);
    expect(bare.evidence).toEqual(['it fits']);
  });

  it('says what was taken by its name, and guesses no length', () => {
    const begin = sampledColumn('created_at', { isTime: true });
    expect(open({ sightings: [] })).toEqual(['columns.attempt', 'marker.value']);
    expect(open({ sightings: [], columns: [id, attempt, sampledColumn('status'), begin] })).toEqual([
      'columns.attempt',
      'marker.ttl',
      'marker.value',
    ]);
    expect(propose({ columns: [id, attempt, begin] }).evidence.at(-1)).toContain(
      'columns.createdAt is created_at',
    );
  });

  it('says where the id stands for the attempt, and where attempts may repeat', () => {
    expect(open({ columns: columns.filter(({ name }) => name !== 'attempt_id'), sightings: [] })).toEqual([
      'columns.attempt',
      'marker.value',
    ]);
    const repeating = columns.map((column) => ({ ...column, isUnique: column.name === 'id' }));
    expect(open({ columns: repeating })).toEqual(['marker.valueIsUnique']);
    expect(open({ columns: repeating, sightings: [] })).toEqual([
      'columns.attempt',
      'marker.valueIsUnique',
      'marker.value',
    ]);
    const constant = [1, 2].map((n) => sighting(sampleRow({ attempt_id: `a${n}` }), 'taken'));
    expect(open({ columns: repeating, sightings: constant })).toEqual(['columns.attempt']);
  });

  it('says which words mean nothing to it, and that others may be missing', () => {
    const statuses = { words: ['3', 'odd'], isComplete: false };
    const { undecided } = propose({ statuses });
    expect(undecided.slice(0, 3)).toEqual([
      expect.stringContaining('what "3", "odd" of status mean.'),
      'statuses.granted: which words mean that it was handed out.',
      expect.stringContaining('in which status held "3", "odd".'),
    ]);
    expect(propose({ statuses: { words: ['odd', 'done'], isComplete: true } }).undecided[0]).toContain(
      'means.',
    );
    expect(propose({ statuses: { words: [], isComplete: false } }).undecided[1]).toContain('held nothing');
  });

  it('names other templates that fit, and values that rows do not tell', () => {
    expect(open({ key: { ...key, others: ['gift:{gift_id}', 'gift:{id}'] } })).toEqual(['marker.key']);
    const { source, undecided } = propose({ sightings: [sighting(sampleRow({ uid: '5' }), 'xyz')] });
    expect(source.marker.value).toBe('{attempt_id}');
    expect(undecided.join('\n')).toContain('{attempt_id} is a guess; markers hold such as "xyz"');
  });
});

describe('the id', () => {
  const other = sampledColumn('number', { kind: 'integer', isUnique: true });
  it.each([
    ['the primary key', [other, id], 'id'],
    ['what is called id', [other, { ...id, isPrimaryKey: false }], 'id'],
    ['a unique number', [sampledColumn('code', { isUnique: true }), other], 'number'],
    ['a unique uuid', [sampledColumn('u', { isUnique: true, kind: 'uuid' })], 'u'],
    ['any unique column', [sampledColumn('code', { isUnique: true })], 'code'],
    ['what is called id, though nothing makes it unique', [sampledColumn('a'), sampledColumn('id')], 'id'],
    [
      'none that may be null or cannot be ordered',
      [
        { ...id, notNull: false },
        { ...other, isSortable: false },
      ],
      undefined,
    ],
  ])('is %s', (_, some, name) => {
    expect(proposeId(some)?.name).toBe(name);
  });
});

describe('the status', () => {
  it.each([
    [['a', 'state'], 'state'],
    [['a', 'claim_status'], 'claim_status'],
    [['a', 'statute'], undefined],
  ])('of %j is %s', (names, name) => {
    expect(proposeStatus(names.map((each) => sampledColumn(each)))?.name).toBe(name);
  });

  it('is an enum where nothing is called so', () => {
    expect(proposeStatus([sampledColumn('a'), sampledColumn('b', { labels: ['x'] })])?.name).toBe('b');
  });
});

describe('the attempt', () => {
  it('is the unique column of the value, or one called like an attempt, or the id', () => {
    const driver = sampledColumn('driver_id', { kind: 'integer' });
    expect(proposeAttempt([id, driver], id, '{driver_id}')).toEqual({ column: id, because: 'id' });
    const seems = { ...driver, seemsUnique: true };
    expect(proposeAttempt([id, seems], id, '{driver_id}')).toEqual({ column: seems, because: 'value' });
    const flag = sampledColumn('has_token', { kind: 'boolean' });
    const loose = sampledColumn('request_id');
    expect(proposeAttempt([flag, loose, attempt], id, null)).toEqual({ column: attempt, because: 'name' });
    expect(proposeAttempt([flag, loose], id, null)).toEqual({ column: loose, because: 'name' });
    expect(proposeAttempt([flag], id, null)).toEqual({ column: id, because: 'id' });
  });
});

describe('the value', () => {
  const seen = (value: (n: string) => string): string | null =>
    proposeValue(
      ['11', '12', '13', '14', '15'].map((n) => sighting(sampleRow({ id: n, one: '1' }), value(n))),
    );

  it.each([
    ['a column', (n: string) => n, '{id}'],
    ['a column in JSON', (n: string) => `{"attempt":"${n}"}`, '{"attempt":"{id}"}'],
    ['a constant', () => '1', '1'],
    ['what most hold', (n: string) => (n === '13' ? 'else' : n), '{id}'],
    ['nothing where they disagree', (n: string) => (n > '13' ? 'else' : n), null],
    ['no constant with braces', () => '{}', null],
    ['nothing where they are empty', () => '', null],
  ])('is %s', (_, value, template) => {
    expect(seen(value)).toBe(template);
  });

  it('is of several columns the one that fits the most rows, then the likeliest', () => {
    const rows = [1, 2, 3].map((n) =>
      sampleRow({ id: `${n}0`, copy: `${n}0`, rare: n === 3 ? 'x' : `${n}0` }),
    );
    expect(proposeValue(rows.map((row, at) => sighting(row, `${at + 1}0`)))).toBe('{copy}');
  });

  it('is unknown before any marker was seen', () => {
    expect(proposeValue([])).toBeNull();
  });
});

describe('status words', () => {
  it('are sorted where they are plain, and left to a person where they are not', () => {
    expect(sortStatuses(['GRANTED', 'in_progress', 'Cancelled', 'done', '1', 'granted2', 'paid'])).toEqual({
      pending: ['in_progress'],
      granted: ['GRANTED', 'done'],
      released: ['Cancelled'],
      undecided: ['1', 'granted2', 'paid'],
    });
  });
});
