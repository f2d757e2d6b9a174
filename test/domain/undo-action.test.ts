/**
 * What takes back a repair, and when nothing does.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expirySlackMs, type MarkerReading } from '../../src/domain/marker.ts';
import type { RepairAction } from '../../src/domain/repair-action.ts';
import { mayBeUndone, undoAction, type Undo } from '../../src/domain/undo-action.ts';
import { absent, anyMarker, nowMs, present, undecodable, unread } from './observations.ts';

const key = 'gift:1:7';
/** The repair was made then, too. */
const beforeAtMs = nowMs - 5_000;
const observed = present('a2', 60_000);
const actions = {
  reissue: { kind: 'reissue_marker', key, value: 'a1', expiresInMs: 60_000 },
  delete: { kind: 'delete_marker', key, observed },
  setExpiry: { kind: 'set_expiry', key, observed, expiresInMs: 30_000 },
  replace: { kind: 'replace_marker', key, observed, value: 'a1', expiresInMs: 60_000 },
} satisfies Record<string, RepairAction>;

function undo(action: RepairAction, before: MarkerReading, now: MarkerReading): Undo {
  return undoAction({ action, before, beforeAtMs }, now, nowMs);
}

function why(found: Undo): string | null {
  return found.kind === 'impossible' ? found.why : null;
}

describe('undoAction', () => {
  it.each(['settle_granted', 'settle_released', 'grant_again', 'write_claim'] as const)(
    'takes back no %s: the distributor has spoken',
    (kind) => {
      for (const now of [absent, observed, undecodable, unread]) {
        expect(why(undo({ kind, key }, observed, now))).toContain('what the distributor said');
      }
    },
  );

  it('deletes a marker that was re-issued, as it is now', () => {
    const now = present('a1', 55_000);
    expect(undo(actions.reissue, absent, now)).toEqual({
      kind: 'possible',
      action: { kind: 'delete_marker', key, observed: now },
    });
  });

  it('re-issues a marker that was deleted, with the time that it would have left', () => {
    expect(undo(actions.delete, observed, absent)).toEqual({
      kind: 'possible',
      action: { kind: 'reissue_marker', key, value: 'a2', expiresInMs: 55_000 },
    });
  });

  it('sets back an expiry', () => {
    const now = present('a2', 500);
    expect(undo(actions.setExpiry, observed, now)).toEqual({
      kind: 'possible',
      action: { kind: 'set_expiry', key, observed: now, expiresInMs: 55_000 },
    });
  });

  it("puts back a replaced marker's value and expiry", () => {
    const now = present('a1', 50_000);
    expect(undo(actions.replace, observed, now)).toEqual({
      kind: 'possible',
      action: { kind: 'replace_marker', key, observed: now, value: 'a2', expiresInMs: 55_000 },
    });
  });

  it.each([absent, undecodable, unread, present('a3', 60_000)])(
    'says that the marker is no longer the one that the repair left: %j',
    (now) => {
      for (const action of [actions.reissue, actions.setExpiry, actions.replace]) {
        expect(why(undo(action, observed, now))).toMatch(/no longer the one/);
      }
    },
  );

  it.each<[RepairAction, string]>([
    [actions.reissue, 'a1'],
    [actions.setExpiry, 'a2'],
    [actions.replace, 'a1'],
  ])('leaves a marker alone that ends later than the repair let it: %j', (action, value) => {
    const leftMs = ('expiresInMs' in action ? action.expiresInMs : 0) - 5_000 + expirySlackMs;
    expect(undo(action, observed, present(value, leftMs)).kind).toBe('possible');
    expect(why(undo(action, observed, present(value, leftMs + 1)))).toMatch(/no longer the one/);
    expect(why(undo(action, observed, present(value, null)))).toMatch(/no longer the one/);
  });

  it.each([present('a2', 60_000), undecodable, unread])(
    'does not bring back a deleted marker where it finds %j',
    (now) => {
      expect(why(undo(actions.delete, observed, now))).toMatch(/set again/);
    },
  );

  it('never gives back a life without an end', () => {
    expect(why(undo(actions.setExpiry, present('a2', null), present('a2', 500)))).toMatch(/no expiry before/);
    expect(why(undo(actions.delete, present('a2', null), absent))).toMatch(/no expiry before/);
  });

  it('does not bring back a value that the journal could not hold', () => {
    const before = present('a\u24001', 60_000);
    expect(why(undo(actions.delete, before, absent))).toMatch(/U\+0000/);
  });

  it('brings back nothing that would have ended by itself', () => {
    expect(why(undo(actions.delete, present('a2', 5_000), absent))).toMatch(/expired by itself/);
    expect(undo(actions.delete, present('a2', 5_001), absent)).toMatchObject({ action: { expiresInMs: 1 } });
  });

  it.each([absent, undecodable, unread])('cannot restore what was not a readable marker: %j', (before) => {
    expect(why(undo(actions.replace, before, present('a1', 50_000)))).toMatch(/not a readable marker/);
  });

  it('for any readings changes only its own key, guarded by the marker as it is now, never without an expiry', () => {
    const anyAction = fc.constantFrom<RepairAction>(...Object.values(actions));
    fc.assert(
      fc.property(anyAction, anyMarker, anyMarker, (action, before, now) => {
        const found = undo(action, before, now);
        if (found.kind === 'impossible') return;
        expect(found.action.key).toBe(key);
        if ('observed' in found.action) expect(found.action.observed).toBe(now);
        else expect(now.kind).toBe('absent');
        if ('expiresInMs' in found.action) {
          expect(Number.isSafeInteger(found.action.expiresInMs)).toBe(true);
          expect(found.action.expiresInMs).toBeGreaterThanOrEqual(1);
        }
      }),
    );
  });
});

describe('mayBeUndone', () => {
  const made = {
    action: 'delete_marker',
    outcome: 'applied',
    before: present('a1', 60_000),
    undoOf: null,
    undoneBy: null,
  };

  it.each([
    ['a deleted marker', {}, true],
    ['a marker that was set again', { action: 'reissue_marker', before: absent }, true],
    ['an expiry', { action: 'set_expiry' }, true],
    ['an expiry of a marker that had none', { action: 'set_expiry', before: present('a1', null) }, false],
    ['a settled claim', { action: 'settle_granted' }, false],
    ['a repair that was not made', { outcome: 'superseded' }, false],
    ['an undo', { undoOf: '3' }, false],
    ['a repair that was taken back', { undoneBy: '4' }, false],
  ])('%s', (_what, changes, expected) => {
    expect(mayBeUndone({ ...made, ...changes })).toBe(expected);
  });
});
