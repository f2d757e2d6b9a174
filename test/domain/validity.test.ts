/**
 * When a stored checkpoint is refused: each piece of evidence by itself, and all at once.
 */
import { describe, expect, it } from 'vitest';
import { refusals, type DatabaseIdentity, type DatabaseReading } from '../../src/domain/validity.ts';

const stored: DatabaseIdentity = {
  systemIdentifier: '7301',
  timeline: '00000001',
  databaseOid: '16384',
  tableOid: '16402',
};
const same: DatabaseReading = {
  ...stored,
  inRecovery: false,
  lsnIsBehindStored: false,
  xmaxIsBehindStored: false,
  rowFromFuture: false,
};

describe('refusals', () => {
  it('has none for the same database further on, nor for a first pass', () => {
    expect(refusals(stored, same)).toEqual([]);
    expect(refusals(null, same)).toEqual([]);
  });

  it.each<[string, Partial<DatabaseReading>, RegExp]>([
    ['another cluster', { systemIdentifier: '9' }, /another database cluster answers \(9, was 7301\)/],
    ['another timeline', { timeline: '00000002' }, /timeline changed from 00000001 to 00000002/],
    ['another database', { databaseOid: '5' }, /database was recreated/],
    ['another table', { tableOid: '5' }, /claim table was recreated/],
    ['less write-ahead log', { lsnIsBehindStored: true }, /write-ahead log ends before/],
    ['lower transaction ids', { xmaxIsBehindStored: true }, /transaction ids went backwards/],
    ['a row from the future', { rowFromFuture: true }, /has not handed out yet/],
  ])('refuses %s, with one reason that says so', (_what, change, reason) => {
    const found = refusals(stored, { ...same, ...change });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(reason);
  });

  it('names all reasons together', () => {
    const changed: DatabaseReading = {
      systemIdentifier: '9',
      timeline: '00000002',
      databaseOid: '5',
      tableOid: '6',
      inRecovery: false,
      lsnIsBehindStored: true,
      xmaxIsBehindStored: true,
      rowFromFuture: true,
    };
    expect(refusals(stored, changed)).toHaveLength(7);
  });

  it('never judges from a standby, with or without a checkpoint, and says only that', () => {
    const standby: DatabaseReading = { ...same, timeline: '', inRecovery: true };
    expect(refusals(stored, standby)).toEqual([expect.stringContaining('standby')]);
    expect(refusals(null, standby)).toHaveLength(1);
  });

  it('refuses a first pass over rows from the future too, and only for that', () => {
    const restored = { ...same, tableOid: '5', rowFromFuture: true, lsnIsBehindStored: true };
    expect(refusals(null, restored)).toEqual([expect.stringContaining('dump and restore')]);
  });
});
