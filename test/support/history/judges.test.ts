/**
 * Each judge finds what is wrong in a history that is, and nothing in one that is not. Histories are written by hand here; that
 * they can be recorded is tried beside it.
 */
import { describe, expect, it } from 'vitest';
import type { MarkerReading } from '../../../src/domain/marker.ts';
import type { CheckpointRow, CommandEvent, HistoryEvent, JournalRow, SlotRow, TermRow } from './events.ts';
import { inOrder, toLines } from './events.ts';
import { checkpointsGoneBack, checkpointsUnderOldTokens, repairsUnderOldTokens } from './judge-checkpoint.ts';
import { changesWithoutJournal, undoneOtherwise, untrueOutcomes } from './judge-journal.ts';
import {
  foreignLeasesTouched,
  notHeldAgain,
  writesAfterTheLease,
  writesOutOfTokenOrder,
} from './judge-lease.ts';
import { foreignMarkersTouched, markersWithoutExpiry } from './judge-markers.ts';
import { enumerations, slotsWithSecondJobs } from './judge-wire.ts';
import { keyChanges, type KeyChange } from './marker-changes.ts';

const key = 'gift:1';
const app = 'application';
const worker = 'worker';

const plain = (atMs: number, from: string, ...words: string[]): CommandEvent => ({
  kind: 'command',
  atMs,
  store: 'markers',
  from,
  script: null,
  words,
  calls: [],
});

/** A script with its arguments behind one key, and what it called. */
const script = (
  atMs: number,
  name: string,
  args: readonly string[],
  calls: readonly string[][],
  on = key,
): CommandEvent => ({
  ...plain(atMs, worker, 'evalsha', 'abc', '1', on, ...args),
  script: name,
  calls,
});

const changesOf = (events: readonly HistoryEvent[], prefix = 'gift:'): KeyChange[] => [
  ...keyChanges([{ kind: 'store', atMs: 0, store: 'markers', isEmpty: false }, ...events], 'markers', prefix),
];

const taken = plain(10, app, 'set', key, 'a1', 'PX', '10000');
const deletes = (atMs: number, observed = 'a1', pttl = '9990'): CommandEvent =>
  script(
    atMs,
    'delete-marker',
    ['99', observed, pttl],
    [
      ['GET', key],
      ['DEL', key],
    ],
  );
const reissues = (atMs: number, options: readonly string[] = ['PX', '5000', 'NX']): CommandEvent =>
  script(atMs, 'reissue-marker', ['99', 'a1', '5000'], [['SET', key, 'a1', ...options]]);

describe('invariant 3: a marker that is not the one observed', () => {
  it.each<[string, CommandEvent[]]>([
    ['deleted as observed', [taken, deletes(20)]],
    [
      'refused by the script, which then calls nothing',
      [taken, script(20, 'delete-marker', ['99', 'b', '1'], [])],
    ],
    ['issued where none was', [taken, plain(15, app, 'del', key), reissues(20)]],
    ['not issued where one was', [taken, reissues(20)]],
    ['of which nothing is known', [deletes(20)]],
    ['that the application changes as it likes', [taken, plain(20, app, 'set', key, 'b', 'PX', '1')]],
  ])('%s: nothing is against it', (_, events) => {
    expect(foreignMarkersTouched(changesOf(events))).toEqual([]);
  });

  it.each<[string, CommandEvent[]]>([
    ['deleted with another value', [taken, deletes(20, 'b')]],
    [
      'deleted after it was taken anew with more time',
      [taken, plain(15, app, 'pexpire', key, '50000'), deletes(20)],
    ],
    ['deleted after it lost its expiry', [taken, plain(15, app, 'persist', key), deletes(20)]],
    [
      'made where it was gone',
      [
        taken,
        plain(15, app, 'flushall'),
        script(20, 'set-expiry', ['99', 'a1', '9990', '5'], [['SET', key, 'a1', 'PX', '5']]),
      ],
    ],
    ['overwritten by a re-issue', [taken, reissues(20, ['PX', '5000'])]],
    [
      'changed by no script of a repair',
      [taken, deletes(20), plain(30, app, 'set', key, 'b', 'PX', '9'), plain(35, worker, 'del', key)],
    ],
  ])('%s is found', (_, events) => {
    expect(foreignMarkersTouched(changesOf(events))).toHaveLength(1);
  });
});

describe('invariant 4: a marker without an expiry', () => {
  it('is found where a repair wrote it, and only there', () => {
    const gone = plain(5, app, 'flushall');
    expect(markersWithoutExpiry(changesOf([gone, plain(10, app, 'set', key, 'a1')]))).toEqual([]);
    expect(markersWithoutExpiry(changesOf([gone, reissues(20)]))).toEqual([]);
    expect(markersWithoutExpiry(changesOf([gone, reissues(20, ['NX'])]))).toHaveLength(1);
  });
});

const present: MarkerReading = { kind: 'present', value: 'a1', expiresInMs: 9_990 };
const journalled = (atMs: number, row: Partial<JournalRow['row']> = {}): JournalRow => ({
  kind: 'row',
  atMs,
  table: 'repair',
  row: {
    id: 1,
    source: 'gifts',
    marker_key: key,
    action: 'delete_marker',
    outcome: 'intended',
    note: null,
    undo_of: null,
    pass_id: 1,
    fencing_token: 1,
    intent: { observed: { value: 'a1' } },
    before: { atMs: 12, marker: present },
    ...row,
  },
});
const applied = { outcome: 'applied' } as const;

describe('invariant 7: the journal', () => {
  const changes = changesOf([taken, deletes(20)]);

  it('that was written before and tells the truth has nothing against it', () => {
    const rows = [journalled(18), journalled(25, applied)];
    expect(changesWithoutJournal(changes, rows)).toEqual([]);
    expect(untrueOutcomes(changes, rows)).toEqual([]);
    const refused = [journalled(18), journalled(25, { outcome: 'superseded' })];
    expect(untrueOutcomes(changesOf([taken]), refused)).toEqual([]);
  });

  it.each<[string, JournalRow[]]>([
    ['no row', []],
    ['a row that came after it', [journalled(21), journalled(25, applied)]],
    ['a row that was closed before it', [journalled(15), journalled(18, { outcome: 'superseded' })]],
    ['a row of another marker', [journalled(18, { marker_key: 'gift:2' })]],
    ['a row of another action', [journalled(18, { action: 'set_expiry' })]],
    ['a row that observed something else', [journalled(18, { intent: { observed: { value: 'b' } } })]],
  ])('a change with %s is found', (_, rows) => {
    expect(changesWithoutJournal(changes, rows)).toHaveLength(1);
  });

  it('that says what is not so is found', () => {
    expect(untrueOutcomes(changesOf([taken]), [journalled(18), journalled(25, applied)])).toHaveLength(1);
    expect(untrueOutcomes(changes, [journalled(18), journalled(25, { outcome: 'superseded' })])).toHaveLength(
      1,
    );
  });

  it('of an undo that restored something else is found', () => {
    const undo = journalled(28, { id: 2, action: 'reissue_marker', intent: { value: 'a1' }, undo_of: 1 });
    const rows = [journalled(18), journalled(25, applied), undo];
    const undone = (leftMs: string): KeyChange[] =>
      changesOf([
        taken,
        deletes(20),
        script(30, 'reissue-marker', ['99', 'a1', leftMs], [['SET', key, 'a1', 'PX', leftMs, 'NX']]),
      ]);
    expect(undoneOtherwise(undone('9970'), rows)).toEqual([]);
    expect(undoneOtherwise(undone('4000'), rows)).toHaveLength(1);
  });
});

const checkpoint = (atMs: number, row: Partial<CheckpointRow['row']>): CheckpointRow => ({
  kind: 'row',
  atMs,
  table: 'checkpoint',
  row: {
    source: 'gifts',
    change_xid: '100',
    id: null,
    fencing_token: 1,
    redis_run_id: 'one',
    redis_replication_id: 'one',
    redis_flushes: 0,
    ...row,
  },
});

describe('invariant 2: the checkpoint', () => {
  const start = checkpoint(1, { id: '9' });

  it('that goes on, or back after a change of the marker Redis, has nothing against it', () => {
    const rows = [start, checkpoint(2, { id: '10' }), checkpoint(3, { change_xid: '101' })];
    expect(checkpointsGoneBack(rows)).toEqual([]);
    expect(checkpointsGoneBack([start, checkpoint(2, { change_xid: '5', redis_flushes: 1 })])).toEqual([]);
    expect(checkpointsGoneBack([start, checkpoint(2, { source: 'orders', change_xid: '5' })])).toEqual([]);
    expect(checkpointsUnderOldTokens([start, checkpoint(2, { fencing_token: 2 })])).toEqual([]);
    expect(repairsUnderOldTokens([journalled(5)], [start])).toEqual([]);
  });

  it.each([{ change_xid: '99' }, { id: '8' }, { id: null }])('that goes back to %o is found', (row) => {
    expect(checkpointsGoneBack([start, checkpoint(2, row)])).toHaveLength(1);
  });

  it('and a repair under an old token are found', () => {
    const newer = checkpoint(2, { fencing_token: 2 });
    expect(checkpointsUnderOldTokens([newer, start])).toHaveLength(1);
    expect(repairsUnderOldTokens([journalled(5)], [start, newer])).toHaveLength(1);
    // It was begun before; that it was finished later is no new repair.
    expect(repairsUnderOldTokens([journalled(1), journalled(5, applied)], [newer])).toEqual([]);
  });
});

const leaseKey = 'own:lease';
const lease = (atMs: number, name: string, args: string[], ...calls: string[][]): CommandEvent =>
  script(atMs, name, args, calls, leaseKey);
const acquires = (atMs: number, term: string): CommandEvent =>
  lease(atMs, 'acquire-lease', [term, '1', '100'], ['SET', leaseKey, `${term}.1`, 'NX', 'PX', '100']);
const slot = (atMs: number, token: number, task = 'gifts'): SlotRow => ({
  kind: 'row',
  atMs,
  table: 'slot',
  row: { task, slot: String(atMs), holder: 'h', fencing_token: token },
});
const term = (atMs: number, token: number): TermRow => ({
  kind: 'row',
  atMs,
  table: 'lease_term',
  row: { token, lease: leaseKey, holder: 'h' },
});

describe('the lease', () => {
  const flushed = plain(1, app, 'flushall');
  const leases = changesOf(
    [
      flushed,
      acquires(10, 'one'),
      lease(50, 'renew-lease', ['one.1', '100'], ['PEXPIRE', leaseKey, '100']),
      acquires(300, 'two'),
    ],
    leaseKey,
  );
  const terms = [term(12, 1), term(302, 2)];

  it('L1: writes out of the order of tokens are found', () => {
    expect(writesOutOfTokenOrder([slot(1, 1), slot(2, 1), slot(3, 2), slot(4, 1, 'orders')])).toEqual([]);
    expect(writesOutOfTokenOrder([slot(1, 2), slot(3, 1)])).toHaveLength(1);
  });

  it('L2: a write after the lease is found', () => {
    expect(writesAfterTheLease([slot(20, 1), slot(149, 1), slot(310, 2)], terms, leases, 0)).toEqual([]);
    expect(writesAfterTheLease([slot(151, 1)], terms, leases, 0)).toHaveLength(1);
    expect(writesAfterTheLease([slot(151, 1)], terms, leases, 5)).toEqual([]);
    expect(writesAfterTheLease([slot(20, 7)], terms, leases, 0)).toHaveLength(1);
  });

  it.each<[string, CommandEvent]>([
    ['extended', lease(50, 'renew-lease', ['two.1', '100'], ['PEXPIRE', leaseKey, '100'])],
    ['deleted', lease(50, 'release-lease', ['two.1'], ['DEL', leaseKey])],
    ['taken', lease(50, 'acquire-lease', ['two', '1', '100'], ['SET', leaseKey, 'two.1', 'PX', '100'])],
    [
      'its own, but left without an expiry',
      lease(50, 'acquire-lease', ['one', '2', '100'], ['SET', leaseKey, 'one.2']),
    ],
  ])('L3: a lease of another that is %s is found', (_, event) => {
    expect(foreignLeasesTouched(leases)).toEqual([]);
    expect(foreignLeasesTouched(changesOf([flushed, acquires(10, 'one'), event], leaseKey))).toHaveLength(1);
  });

  it('L5: that nobody holds it in time after the faults is found', () => {
    expect(notHeldAgain([slot(10, 1), slot(120, 2)], 100, 20)).toEqual([]);
    expect(notHeldAgain([slot(10, 1), slot(121, 2)], 100, 20)).toHaveLength(1);
    expect(notHeldAgain([slot(10, 1)], 100, 20)).toHaveLength(1);
  });
});

describe('the wire', () => {
  it('invariant 11: what enumerates or empties is found, where one of ours sent it', () => {
    expect(enumerations([plain(1, app, 'flushall'), deletes(2)])).toEqual([]);
    expect(enumerations([deletes(2), plain(3, worker, 'scan', '0')])).toEqual(['SCAN was sent']);
    expect(enumerations([script(1, 'delete-marker', [], [['KEYS', '*']])])).toEqual(['KEYS was sent']);
  });

  it('invariant 12: a slot that makes a second job is found', () => {
    const job = (at: number, slotText: string): CommandEvent => ({
      ...plain(at, worker, 'evalsha', 'x', '0'),
      calls: [['hmset', `cr:passes:gifts-${slotText}`, 'name', 'n', 'data', '{}']],
    });
    const [one, two] = ['20261121T101010Z', '20261121T101011Z'];
    expect(slotsWithSecondJobs([job(1, one), job(2, two)], 'passes')).toEqual([]);
    expect(slotsWithSecondJobs([job(1, one), job(2, one)], 'passes')).toHaveLength(1);
  });
});

it('a history is in the order of time, a numbered line each', () => {
  const lines = toLines(inOrder([taken, deletes(20)], [journalled(15)])).split('\n');
  expect(
    lines.map((line) => (line === '' ? null : (JSON.parse(line) as { n: number; kind: string }))),
  ).toMatchObject([{ n: 1, kind: 'command' }, { n: 2, kind: 'row' }, { n: 3, kind: 'command' }, null]);
});
