/**
 * The balance of the demo: it must not be even when anything is missing, too much, or ended in another way.
 */
import { describe, expect, it } from 'vitest';
import { balance, type SeenDiscrepancy } from '../../src/demo/balance.ts';
import { driftKinds, driftStories, type InjectedFault } from '../../src/demo/inject-drift.ts';

/** One fault of each kind, at the claims 1, 2, 3, … */
const injected = driftKinds.map((kind, at): InjectedFault => ({
  source: 'gifts',
  claimId: String(at + 1),
  kind,
}));

/** What is seen of a fault that was found and ended as it should. */
function ended({ source, claimId, kind }: InjectedFault): SeenDiscrepancy {
  const { verdict, ends } = driftStories[kind];
  return ends === 'repaired'
    ? { source, claimId, verdict, state: 'resolved', resolution: 'repaired', alertKind: null }
    : { source, claimId, verdict, state: 'open', resolution: null, alertKind: kind };
}

const seen = injected.map(ended);

/** What is seen, with changes to that of one kind. */
function changed(kind: InjectedFault['kind'], changes: Partial<SeenDiscrepancy>): SeenDiscrepancy[] {
  return injected.map((fault) => ({ ...ended(fault), ...(fault.kind === kind ? changes : {}) }));
}

describe('balance', () => {
  it('is even when each fault was found with its verdict and ended as it should', () => {
    const result = balance(injected, seen);
    expect(result.balances).toBe(true);
    expect(result.unexpected).toEqual([]);
    expect(result.rows.map(({ kind }) => kind)).toEqual(driftKinds);
    for (const { kind, injected: count, found, repaired, alerted } of result.rows) {
      const ends = driftStories[kind].ends;
      expect({ kind, count, found, repaired, alerted }).toEqual({
        kind,
        count: 1,
        found: 1,
        repaired: ends === 'repaired' ? 1 : 0,
        alerted: ends === 'alerted' ? 1 : 0,
      });
    }
  });

  it('leaves out kinds that were not injected', () => {
    const result = balance(injected.slice(0, 1), seen.slice(0, 1));
    expect(result.rows.map(({ kind }) => kind)).toEqual(['missing_marker']);
    expect(result.balances).toBe(true);
  });

  it('is not even while a fault is not found', () => {
    const result = balance(injected, seen.slice(1));
    expect(result.balances).toBe(false);
    expect(result.rows[0]).toMatchObject({ injected: 1, found: 0, repaired: 0 });
  });

  it('is not even while a repair is open', () => {
    const result = balance(injected, changed('wrong_expiry', { state: 'open', resolution: null }));
    expect(result.balances).toBe(false);
    expect(result.rows.find(({ kind }) => kind === 'wrong_expiry')).toMatchObject({ found: 1, repaired: 0 });
  });

  it('does not take a fault that went away by itself for a repair', () => {
    expect(balance(injected, changed('orphan_marker', { resolution: 'went_away' })).balances).toBe(false);
  });

  it('is not even while nobody was told, or of something else', () => {
    expect(balance(injected, changed('in_doubt', { alertKind: null })).balances).toBe(false);
    expect(balance(injected, changed('double_grant', { alertKind: 'in_doubt' })).balances).toBe(false);
  });

  it('counts a fault that was found as something else as not found, and the finding as unexpected', () => {
    const result = balance(injected, changed('immortal_marker', { verdict: 'wrong_expiry' }));
    expect(result.balances).toBe(false);
    expect(result.rows.find(({ kind }) => kind === 'immortal_marker')).toMatchObject({ found: 0 });
    expect(result.unexpected.map(({ claimId }) => claimId)).toEqual(['2']);
  });

  it('is not even when a claim that nothing was done to is found', () => {
    const stranger: SeenDiscrepancy = {
      source: 'gifts',
      claimId: '99',
      verdict: 'missing_marker',
      state: 'resolved',
      resolution: 'repaired',
      alertKind: null,
    };
    const result = balance(injected, [...seen, stranger]);
    expect(result.balances).toBe(false);
    expect(result.unexpected).toEqual([stranger]);
  });

  it('tells claims of two sources with the same id apart', () => {
    const result = balance(
      injected,
      seen.map((item) => ({ ...item, source: 'orders' })),
    );
    expect(result.balances).toBe(false);
    expect(result.unexpected).toHaveLength(seen.length);
  });
});
