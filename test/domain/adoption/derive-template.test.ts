/**
 * The template behind an example key.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bestTemplates,
  deriveTemplates,
  fillTemplate,
  likeness,
  partsOf,
  templatesOfAll,
} from '../../../src/domain/adoption/derive-template.ts';
import type { SampleRow } from '../../../src/domain/adoption/sample-row.ts';
import { sampleRow } from './sample-rows.ts';

const gift = sampleRow({ id: '4711', activity_id: '7', gift_id: '2', uid: '100180', status: 'granted' });

function best(example: string, row: SampleRow): string | undefined {
  return bestTemplates(deriveTemplates(example, row), 1)[0];
}

describe('the best template', () => {
  it.each([
    ['gift:7:2:100180', 'gift:{activity_id}:{gift_id}:{uid}'],
    ['100180', '{uid}'],
    ['gift/7/u100180', 'gift/{activity_id}/u{uid}'],
    ['gift:{7:2}:100180', 'gift:{{activity_id}:{gift_id}}:{uid}'],
    ['claim-4711', 'claim-{id}'],
    ['v3:gift:100180', 'v3:gift:{uid}'],
    ['uid=100180&again=100180', 'uid={uid}&again={uid}'],
  ])('of %s is %s', (example, template) => {
    expect(best(example, gift)).toBe(template);
  });

  it('takes a uuid for one value, whatever of it another column holds', () => {
    const uuid = '321dc4fe-3db1-47b2-b8af-862f92346273';
    expect(best(`claim:${uuid}`, sampleRow({ part: '321', id: '47', attempt_id: uuid }))).toBe(
      'claim:{attempt_id}',
    );
  });

  it('takes the column whose name the key spells out', () => {
    expect(best('order:5', sampleRow({ id: '5', order_id: '5', batch_id: '5' }))).toBe('order:{order_id}');
  });

  it('takes the id only if nothing else holds the same', () => {
    expect(best('x:5', sampleRow({ id: '5', uid: '5' }))).toBe('x:{uid}');
  });

  it('takes a word for the same in all keys, until another example says otherwise', () => {
    const first = sampleRow({ channel: 'web', uid: '5' });
    expect(best('claim:web:5', first)).toBe('claim:web:{uid}');
    const second = sampleRow({ channel: 'app', uid: '6' });
    const both = templatesOfAll([
      deriveTemplates('claim:web:5', first),
      deriveTemplates('claim:app:6', second),
    ]);
    expect(bestTemplates(both, 1)).toEqual(['claim:{channel}:{uid}']);
  });

  it('is none for a row of another key', () => {
    expect(deriveTemplates('gift:9:9:9', gift).size).toBe(0);
    expect(deriveTemplates('gift:71:21', gift).size).toBe(0);
    expect(likeness('gift:9:9:9', gift)).toBe(0);
    expect(likeness('gift:7:2:100180', gift)).toBeGreaterThan(likeness('gift:7:2:100181', gift));
  });

  it('is none where a brace around a word would be read as a column', () => {
    expect(deriveTemplates('gift:{tag}:100180', gift).size).toBe(0);
  });
});

describe('several examples', () => {
  it('tell columns apart that hold the same in one row', () => {
    const first = sampleRow({ activity_id: '7', gift_id: '7', uid: '5' });
    const second = sampleRow({ activity_id: '8', gift_id: '9', uid: '6' });
    const both = templatesOfAll([deriveTemplates('g:7:7:5', first), deriveTemplates('g:8:9:6', second)]);
    expect(bestTemplates(both, 1)).toEqual(['g:{activity_id}:{gift_id}:{uid}']);
  });

  it('have no template together where they contradict each other, and none without examples', () => {
    const other = deriveTemplates('coupon:100180', gift);
    expect(templatesOfAll([deriveTemplates('gift:100180', gift), other]).size).toBe(0);
    expect(templatesOfAll([]).size).toBe(0);
  });
});

describe('a key with very many readings', () => {
  it('is given up in bounded time', () => {
    const row = sampleRow(Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [name, '1'])));
    expect(deriveTemplates(Array.from({ length: 40 }, () => '1').join(':'), row).size).toBeLessThanOrEqual(
      2_000,
    );
  });
});

describe('whatever is derived', () => {
  it('gives the example back when it is filled in with the row', () => {
    const text = fc.stringMatching(/^[a-z0-9:_{}-]{1,12}$/);
    fc.assert(
      fc.property(text, fc.array(fc.tuple(fc.constantFrom('a', 'b', 'id'), text)), (example, pairs) => {
        const row = { texts: new Map(pairs), timesMs: new Map<string, number>() };
        for (const template of deriveTemplates(example, row).keys()) {
          expect(fillTemplate(template, row)).toBe(example);
        }
      }),
    );
  });

  it('is not filled in where the row lacks a column', () => {
    expect(fillTemplate('x:{uid}', sampleRow({}))).toBeNull();
  });
});

describe('the parts of an example', () => {
  it('are what columns may hold, each once, a bounded number', () => {
    expect(partsOf('gift:{7}:a-1:u100')).toEqual([
      'gift:{7}:a-1:u100',
      'gift',
      '7',
      'a-1',
      'u100',
      'a',
      '1',
      '100',
    ]);
    expect(partsOf('1:2:3', 2)).toEqual(['1:2:3', '1']);
    expect(partsOf('::')).toEqual(['::']);
  });
});
