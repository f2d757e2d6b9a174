/**
 * Which column a table is proposed to be read by that may not be altered.
 */
import { describe, expect, it } from 'vitest';
import { proposePosition } from '../../../src/domain/adoption/propose-position.ts';
import type { SampledColumn } from '../../../src/domain/adoption/sample-row.ts';

function column(name: string, changes: Partial<SampledColumn> = {}): SampledColumn {
  const plain = { kind: 'other', notNull: true, isSortable: true, isUnique: false } as const;
  return { name, ...plain, isPrimaryKey: false, isTime: true, labels: null, seemsUnique: false, ...changes };
}

const columns = [
  column('id', { kind: 'integer', isUnique: true, isPrimaryKey: true, isTime: false }),
  column('uid', { kind: 'integer', isTime: false }),
  column('created_at'),
  column('updated_at'),
  column('expires_at'),
];

describe('a table that may not be altered', () => {
  it.each([
    [
      ['id', 'created_at', 'updated_at', 'expires_at'],
      'updated_at',
      '10m',
      'Every change of a claim must set it',
    ],
    [['id', 'created_at', 'expires_at'], 'created_at', null, 'say how long a claim may still change'],
    [['id', 'uid', 'expires_at'], 'id', null, 'say of how many ids'],
    [['uid', 'expires_at'], null, null, 'no index begins with'],
  ])('with indexes on %j is read by %s', (led, name, overlap, words) => {
    const found = proposePosition(columns, new Set(led));
    expect(found).toMatchObject({ column: name, overlap });
    expect(found.undecided).toContain(words);
  });
});
