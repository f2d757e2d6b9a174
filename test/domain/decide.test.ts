/**
 * What follows from a verdict: the decision table of `decide`, and what holds for any case.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assess, isWindowOpen, type Observation } from '../../src/domain/assess.ts';
import { markerKeyOf, type ReadableClaim } from '../../src/domain/claim.ts';
import type { MarkerReading } from '../../src/domain/marker.ts';
import { decide, needsRival, type Case, type Decision, type Rival } from '../../src/domain/decide.ts';
import { isSettlement, repairOutcomes } from '../../src/domain/repair-action.ts';
import type { SourceRules } from '../../src/domain/source.ts';
import { badVerdicts, defaultPolicy, isBad, type BadVerdict } from '../../src/domain/verdict.ts';
import {
  absent,
  anyAnswer,
  anyObservation,
  anyRival,
  anyRules,
  claimOf,
  leftMs,
  noRow,
  nowMs,
  present,
  rulesOf,
  undecodable,
  unreadableClaim,
} from './observations.ts';

const key = 'gift:1:7';
const rules = rulesOf();

/** A case as a pass makes it: the verdict is the one that the observation has. */
function caseOf(
  claim: Observation['claim'],
  marker: MarkerReading,
  changes: Partial<Case> = {},
  by: SourceRules = rules,
): Case {
  const observation = { claim, marker };
  const verdict = assess(observation, by, nowMs);
  if (!isBad(verdict)) throw new Error(`expected a bad verdict, not ${verdict}`);
  return { verdict, observation, rival: null, answer: null, ageMs: 0, ...changes };
}

function withTreatment(verdict: BadVerdict, treatment: 'repair' | 'alert' | 'ignore'): SourceRules {
  return rulesOf({ policy: { ...defaultPolicy, [verdict]: treatment } });
}

function keyIn(decision: Decision): string | null {
  return decision.kind === 'repair' ? decision.action.key : null;
}

describe('decide', () => {
  const granted = claimOf('granted');
  const endedMs = nowMs - 10 * leftMs;

  it('re-issues a missing marker with the time that is left', () => {
    expect(decide(caseOf(granted, absent), rules, nowMs)).toEqual({
      kind: 'repair',
      action: { kind: 'reissue_marker', key, value: 'a1', expiresInMs: leftMs },
    });
  });

  it('tells people of a missing marker whose value is not known', () => {
    const claim = claimOf('granted', { markerValue: null });
    expect(decide(caseOf(claim, absent), rules, nowMs)).toEqual({ kind: 'alert', cause: 'missing_marker' });
  });

  it.each([
    ['an immortal marker', null],
    ['a marker that lives too long', 5 * leftMs],
    ['a marker that ends too soon', 3],
  ])('sets the expiry of %s', (_what, expiresInMs) => {
    const observed = present('a1', expiresInMs);
    expect(decide(caseOf(granted, observed), rules, nowMs)).toEqual({
      kind: 'repair',
      action: { kind: 'set_expiry', key, observed, expiresInMs: leftMs },
    });
  });

  it.each([null, leftMs])('lets a marker go whose window is over (expiry %s)', (expiresInMs) => {
    const observed = present('a1', expiresInMs);
    const claim = claimOf('granted', { expiresAtMs: endedMs });
    expect(decide(caseOf(claim, observed), rules, nowMs)).toEqual({
      kind: 'repair',
      action: { kind: 'set_expiry', key, observed, expiresInMs: 1 },
    });
  });

  it('deletes the orphan of a released claim', () => {
    const observed = present('a1', null);
    expect(decide(caseOf(claimOf('released'), observed), rules, nowMs)).toEqual({
      kind: 'repair',
      action: { kind: 'delete_marker', key, observed },
    });
  });

  it('writes whole milliseconds, at least one', () => {
    const exact = rulesOf({ toleranceMs: 0 });
    const soon = decide(
      caseOf(claimOf('granted', { expiresAtMs: nowMs + 0.4 }), absent, {}, exact),
      exact,
      nowMs,
    );
    expect(soon).toMatchObject({ action: { expiresInMs: 1 } });
    const later = decide(
      caseOf(claimOf('granted', { expiresAtMs: nowMs + 99.9 }), absent, {}, exact),
      exact,
      nowMs,
    );
    expect(later).toMatchObject({ action: { expiresInMs: 99 } });
  });

  it.each<[BadVerdict, Case]>([
    ['in_doubt', caseOf(claimOf('pending'), present('a1', leftMs))],
    ['in_doubt', caseOf(claimOf('pending'), absent)],
    ['rowless_marker', caseOf(noRow, present('a1', leftMs))],
    ['unreadable_claim', caseOf(unreadableClaim, present('a1', leftMs))],
    ['unreadable_marker', caseOf(granted, undecodable)],
  ])('tells people of %s where nobody can be asked, even if the policy says repair', (verdict, found) => {
    expect(decide(found, withTreatment(verdict, 'repair'), nowMs)).toEqual({ kind: 'alert', cause: verdict });
  });

  it.each(badVerdicts)('follows the policy for %s', (verdict) => {
    const found = { ...caseOf(granted, absent), verdict };
    expect(decide(found, withTreatment(verdict, 'ignore'), nowMs)).toEqual({ kind: 'ignore' });
    expect(decide(found, withTreatment(verdict, 'alert'), nowMs)).toEqual({ kind: 'alert', cause: verdict });
  });

  it.each(badVerdicts.filter((verdict) => verdict !== 'missing_marker'))(
    'proposes nothing for %s where no marker was observed',
    (verdict) => {
      const observation = { claim: granted, marker: absent };
      const found = { verdict, observation, rival: null, answer: null, ageMs: 1e9 };
      expect(decide(found, withTreatment(verdict, 'repair'), nowMs).kind).toBe('alert');
    },
  );

  it('proposes no marker for a claim whose marker was observed', () => {
    const observation = { claim: granted, marker: present('a2', leftMs) };
    const found: Case = { verdict: 'missing_marker', observation, rival: null, answer: null, ageMs: 0 };
    expect(decide(found, rules, nowMs)).toEqual({ kind: 'alert', cause: 'missing_marker' });
  });

  it('knows four outcomes of a repair', () => {
    expect(repairOutcomes).toEqual(['applied', 'superseded', 'withheld', 'failed']);
  });
});

describe("decide, where the marker is another attempt's", () => {
  const { graceMs } = rules;
  const observed = present('a2', null);
  const conflict = (rival: Rival | null, ageMs: number): Case =>
    caseOf(claimOf('granted'), observed, { rival, ageMs });
  const replace: Decision = {
    kind: 'repair',
    action: { kind: 'replace_marker', key, observed, value: 'a1', expiresInMs: leftMs },
  };

  it('raises a double grant if that attempt was granted too, also where the policy only tells people', () => {
    const alert: Decision = { kind: 'alert', cause: 'double_grant' };
    for (const ageMs of [0, 10 * graceMs]) {
      expect(decide(conflict('granted', ageMs), rules, nowMs)).toEqual(alert);
    }
    // Of what is no conflict it says nothing.
    expect(
      decide(caseOf(claimOf('released'), present('a1', 9), { rival: 'granted' }), rules, nowMs).kind,
    ).toBe('repair');
    const told = withTreatment('conflicting_marker', 'alert');
    expect(decide(conflict('granted', 0), told, nowMs)).toEqual(alert);
    const ignored = withTreatment('conflicting_marker', 'ignore');
    expect(decide(conflict('granted', 0), ignored, nowMs)).toEqual({ kind: 'ignore' });
  });

  it('waits for an attempt that is pending, however long', () => {
    for (const ageMs of [0, 1_000 * graceMs]) {
      expect(decide(conflict('pending', ageMs), rules, nowMs).kind).toBe('recheck');
    }
  });

  it('replaces the marker of a released attempt at once', () => {
    expect(decide(conflict('released', 0), rules, nowMs)).toEqual(replace);
  });

  it('gives an attempt that nobody knows one grace period to show up', () => {
    expect(decide(conflict('unknown', graceMs - 1), rules, nowMs).kind).toBe('recheck');
    expect(decide(conflict('unknown', graceMs), rules, nowMs)).toEqual(replace);
  });

  it("gives a released attempt the grace period too where its value may be a newer attempt's", () => {
    const shared = rulesOf({ valueNamesAttempt: false });
    expect(decide(conflict('released', graceMs - 1), shared, nowMs).kind).toBe('recheck');
    expect(decide(conflict('released', graceMs), shared, nowMs)).toEqual(replace);
  });

  it.each([null, 'unreadable'] as const)('only tells people where the other attempt is %s', (rival) => {
    expect(decide(conflict(rival, 1e9), rules, nowMs)).toEqual({
      kind: 'alert',
      cause: 'conflicting_marker',
    });
  });

  it.each(['pending', 'released'] as const)('replaces nothing for a claim that is %s itself', (status) => {
    const observation = { claim: claimOf(status), marker: observed };
    const found: Case = {
      verdict: 'conflicting_marker',
      observation,
      rival: 'released',
      answer: null,
      ageMs: 1e9,
    };
    expect(decide(found, rules, nowMs)).toEqual({ kind: 'alert', cause: 'conflicting_marker' });
  });

  it('tells people where it does not know what the marker should hold', () => {
    const observation = { claim: claimOf('granted', { markerValue: null }), marker: observed };
    const found: Case = {
      verdict: 'conflicting_marker',
      observation,
      rival: 'released',
      answer: null,
      ageMs: 0,
    };
    expect(decide(found, rules, nowMs)).toEqual({ kind: 'alert', cause: 'conflicting_marker' });
  });
});

describe('decide, where a newer attempt may have stored the same value', () => {
  const shared = rulesOf({ valueNamesAttempt: false });
  const { graceMs } = shared;
  const observed = present('a1', leftMs);
  const orphan = (rival: Rival | null, ageMs: number): Case =>
    caseOf(claimOf('released'), observed, { rival, ageMs }, shared);
  const remove: Decision = { kind: 'repair', action: { kind: 'delete_marker', key, observed } };

  it.each(['granted', 'pending'] as const)('leaves the marker to another claim that is %s', (rival) => {
    expect(decide(orphan(rival, 1e9), shared, nowMs)).toEqual({ kind: 'ignore' });
  });

  it.each(['released', 'unknown'] as const)(
    'deletes an orphan after one grace period (other: %s)',
    (rival) => {
      expect(decide(orphan(rival, graceMs - 1), shared, nowMs).kind).toBe('recheck');
      expect(decide(orphan(rival, graceMs), shared, nowMs)).toEqual(remove);
    },
  );

  it.each([null, 'unreadable'] as const)('only tells people where the other claim is %s', (rival) => {
    expect(decide(orphan(rival, 1e9), shared, nowMs)).toEqual({ kind: 'alert', cause: 'orphan_marker' });
  });

  it('asks for nobody where the value names the attempt', () => {
    const found = caseOf(claimOf('released'), observed, { rival: null });
    expect(decide(found, rules, nowMs)).toEqual(remove);
  });

  it('times a marker by a window that is open, and none by a window that is over', () => {
    const immortal = present('a1', null);
    const open = caseOf(claimOf('granted'), immortal, {}, shared);
    expect(decide(open, shared, nowMs)).toMatchObject({
      action: { kind: 'set_expiry', expiresInMs: leftMs },
    });
    const over = caseOf(claimOf('granted', { expiresAtMs: nowMs }), immortal, {}, shared);
    expect(decide(over, shared, nowMs)).toEqual({ kind: 'alert', cause: 'immortal_marker' });
    const released = caseOf(claimOf('released'), immortal, { ageMs: 1e9 }, shared);
    expect(decide(released, shared, nowMs)).toEqual({ kind: 'alert', cause: 'immortal_marker' });
  });

  it.each(badVerdicts)('looks for other claims before it decides on %s only where they matter', (verdict) => {
    const isConflict = verdict === 'conflicting_marker';
    expect(needsRival(verdict, rules)).toBe(isConflict);
    expect(needsRival(verdict, shared)).toBe(isConflict || verdict === 'orphan_marker');
  });
});

describe('decide, for any case', () => {
  /** Cases of every verdict, most of them as passes make them, some with a verdict that does not fit. */
  const anyCase = fc
    .record({
      observation: anyObservation,
      rules: anyRules,
      rival: anyRival,
      answer: anyAnswer,
      ageMs: fc.nat({ max: 200_000 }),
      misfit: fc.option(fc.constantFrom(...badVerdicts), { nil: null, freq: 3 }),
    })
    .map(({ misfit, ...rest }) => {
      const verdict = misfit ?? assess(rest.observation, rest.rules, nowMs);
      return { ...rest, verdict };
    });

  const checkDecisions = (check: (decision: Decision, found: Case, by: SourceRules) => void): void => {
    fc.assert(
      fc.property(anyCase, ({ rules: by, verdict, ...rest }) => {
        if (!isBad(verdict)) return;
        const found = { ...rest, verdict };
        check(decide(found, by, nowMs), found, by);
      }),
      { numRuns: 1_000 },
    );
  };

  it('writes nothing without an expiry of at least one whole millisecond', () => {
    checkDecisions((decision) => {
      if (decision.kind !== 'repair' || isSettlement(decision.action)) return;
      if (decision.action.kind === 'delete_marker') return;
      expect(Number.isSafeInteger(decision.action.expiresInMs)).toBe(true);
      expect(decision.action.expiresInMs).toBeGreaterThanOrEqual(1);
    });
  });

  it("never lets a marker live longer than the claim's window, but for the last millisecond", () => {
    checkDecisions((decision, { observation: { claim } }) => {
      if (decision.kind !== 'repair' || isSettlement(decision.action)) return;
      if (decision.action.kind === 'delete_marker') return;
      expect(claim.kind).toBe('readable');
      const dueMs = (claim as ReadableClaim).expiresAtMs - nowMs;
      expect(decision.action.expiresInMs).toBeLessThanOrEqual(Math.max(1, dueMs));
    });
  });

  it("changes only the claim's own key, and writes only the value that the claim expects", () => {
    checkDecisions((decision, { observation: { claim } }) => {
      if (decision.kind !== 'repair') {
        expect(keyIn(decision)).toBeNull();
        return;
      }
      expect(keyIn(decision)).toBe(markerKeyOf(claim));
      if (claim.kind === 'readable' && 'value' in decision.action)
        expect(decision.action.value).toBe(claim.markerValue);
    });
  });

  it('rests each change on the marker that was observed, or on its absence', () => {
    checkDecisions((decision, { observation: { marker } }) => {
      if (decision.kind !== 'repair' || isSettlement(decision.action)) return;
      if (decision.action.kind === 'reissue_marker') expect(marker.kind).toBe('absent');
      else expect(decision.action.observed).toBe(marker);
    });
  });

  it('never re-times or deletes what may be a newer attempt with the same value', () => {
    checkDecisions((decision, { observation: { claim }, rival, ageMs }, by) => {
      if (decision.kind !== 'repair' || by.valueNamesAttempt || claim.kind !== 'readable') return;
      if (decision.action.kind === 'set_expiry') expect(isWindowOpen(claim, by, nowMs)).toBe(true);
      if (decision.action.kind === 'delete_marker') {
        expect(['released', 'unknown']).toContain(rival);
        expect(ageMs).toBeGreaterThanOrEqual(by.graceMs);
      }
    });
  });

  it('writes markers for granted claims only, and deletes those of released or missing claims only', () => {
    checkDecisions((decision, { observation: { claim }, answer }) => {
      if (decision.kind !== 'repair' || isSettlement(decision.action)) return;
      if (claim.kind === 'no_row') {
        expect(decision.action.kind).toBe('delete_marker');
        expect(['refused', 'not_granted']).toContain(answer?.kind);
        return;
      }
      const status = decision.action.kind === 'delete_marker' ? 'released' : 'granted';
      expect(claim).toMatchObject({ status });
    });
  });

  it('settles by an answer only, and asks to grant only where it is not known to have been granted', () => {
    checkDecisions((decision, { observation: { claim }, answer }) => {
      if (decision.kind !== 'repair' || !isSettlement(decision.action)) return;
      const { kind } = decision.action;
      const fitting: Readonly<Record<string, readonly string[]>> = {
        settle_granted: ['granted'],
        settle_released: ['refused', 'not_granted'],
        grant_again: ['not_granted'],
        write_claim: ['granted'],
      };
      expect(fitting[kind]).toContain(answer?.kind);
      if (kind === 'write_claim') expect(claim.kind).toBe('no_row');
    });
  });

  it('repairs only what the policy says to repair, and nothing that could not be read', () => {
    checkDecisions((decision, { verdict, observation: { claim, marker } }, by) => {
      if (decision.kind !== 'repair') return;
      expect(by.policy[verdict]).toBe('repair');
      expect(claim.kind).not.toBe('unreadable');
      expect(['present', 'absent']).toContain(marker.kind);
    });
  });
});
