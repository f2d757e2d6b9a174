/**
 * Judging, deciding and changing together, on a model of one claim and one marker: a repair settles what it was for, and
 * one that comes too late changes nothing.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assess } from '../../src/domain/assess.ts';
import { decide, needsRival, type Rival } from '../../src/domain/decide.ts';
import { isSettlement, type MarkerChange } from '../../src/domain/repair-action.ts';
import type { SourceRules } from '../../src/domain/source.ts';
import { isBad } from '../../src/domain/verdict.ts';
import { afterMs, apply, observe, type World } from './marker-model.ts';
import { anyReadableClaim, anyRival, anyRules, anyStatus, anyValue, leftMs, nowMs } from './observations.ts';

/** What a look at the world proposes; null when nothing is to be changed. */
function propose(world: World, rules: SourceRules, rival: Rival | null): MarkerChange | null {
  const observation = observe(world);
  const verdict = assess(observation, rules, world.nowMs);
  if (!isBad(verdict)) return null;
  const asked = needsRival(verdict, rules) ? rival : null;
  const decision = decide(
    { verdict, observation, rival: asked, answer: null, ageMs: 1e9 },
    rules,
    world.nowMs,
  );
  return decision.kind === 'repair' && !isSettlement(decision.action) ? decision.action : null;
}

const anyLeftMs = fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 * leftMs }));
const anyWorld: fc.Arbitrary<World> = fc.record({
  nowMs: fc.constant(nowMs),
  claim: anyReadableClaim,
  marker: fc.option(
    fc.record({
      value: anyValue,
      endsAtMs: fc.option(
        anyLeftMs.map((ms) => nowMs + ms),
        { nil: null },
      ),
    }),
    { nil: null, freq: 4 },
  ),
});

/** What others do to the marker and the claim between our look and our change. */
type Event = (world: World) => World;
const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  anyLeftMs.map(
    (ms): Event =>
      (world) =>
        afterMs(world, ms),
  ),
  fc.record({ value: anyValue, ms: anyLeftMs }).map(
    ({ value, ms }): Event =>
      (world) =>
        world.marker === null ? set(world, value, ms) : world,
  ),
  fc.record({ value: anyValue, ms: anyLeftMs }).map(
    ({ value, ms }): Event =>
      (world) =>
        set(world, value, ms),
  ),
  anyValue.map((value): Event => (world) => ({ ...world, marker: { value, endsAtMs: null } })),
  fc.constant<Event>((world) => ({ ...world, marker: null })),
  anyStatus.map((status): Event => (world) => ({ ...world, claim: { ...world.claim, status } })),
);

function set(world: World, value: string, leftForMs: number): World {
  return { ...world, marker: { value, endsAtMs: world.nowMs + leftForMs } };
}

const runs = { numRuns: 2_000 };

describe('a repair in a world that holds still', () => {
  it('is made, and a second look finds nothing more to do', () => {
    fc.assert(
      fc.property(anyWorld, anyRules, anyRival, anyLeftMs, (world, rules, rival, laterMs) => {
        const action = propose(world, rules, rival);
        if (action === null) return;
        const repaired = apply(world, action);
        expect(repaired).not.toBe(world);
        const later = afterMs(repaired, laterMs);
        expect(propose(later, rules, rival)).toBeNull();
        expect(assess(observe(later), rules, later.nowMs)).toBe('consistent');
      }),
      runs,
    );
  });

  it('changes nothing when it is made a second time, unless it only sets the same expiry again', () => {
    fc.assert(
      fc.property(anyWorld, anyRules, anyRival, (world, rules, rival) => {
        const action = propose(world, rules, rival);
        if (action === null) return;
        const once = apply(world, action);
        expect(apply(once, action)).toEqual(once);
      }),
      runs,
    );
  });

  it('covers every kind of change', () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(anyWorld, anyRules, anyRival, (world, rules, rival) => {
        kinds.add(propose(world, rules, rival)?.kind ?? 'none');
      }),
      runs,
    );
    expect([...kinds].toSorted()).toEqual([
      'delete_marker',
      'none',
      'reissue_marker',
      'replace_marker',
      'set_expiry',
    ]);
  });
});

describe('a repair in a world that moves on', () => {
  const anyEvents = fc.array(anyEvent, { minLength: 1, maxLength: 5 });
  type Check = (changed: World, after: World, action: MarkerChange) => void;

  function checkLateRepairs(check: Check): void {
    fc.assert(
      fc.property(anyWorld, anyRules, anyRival, anyEvents, (world, rules, rival, events) => {
        const action = propose(world, rules, rival);
        if (action === null) return;
        const changed = events.reduce((before, event) => event(before), world);
        check(changed, apply(changed, action), action);
      }),
      runs,
    );
  }

  it('never touches a marker whose value is not the one observed, or that was not there', () => {
    checkLateRepairs((changed, after, action) => {
      if (changed.marker === null) return;
      if (action.kind !== 'reissue_marker' && changed.marker.value === action.observed.value) return;
      expect(after).toBe(changed);
    });
  });

  it('never touches a marker that was taken anew under the same value with more time than observed', () => {
    checkLateRepairs((changed, after, action) => {
      if (action.kind === 'reissue_marker' || action.observed.expiresInMs === null) return;
      const endsAtMs = changed.marker?.endsAtMs ?? Infinity;
      if (endsAtMs - changed.nowMs > action.observed.expiresInMs) expect(after).toBe(changed);
    });
  });

  it('never makes a marker where one was observed and is gone', () => {
    checkLateRepairs((changed, after, action) => {
      if (changed.marker === null && action.kind !== 'reissue_marker') expect(after.marker).toBeNull();
    });
  });

  it('never leaves a marker without an expiry that had one, nor changes the claim', () => {
    checkLateRepairs((changed, after) => {
      expect(after.claim).toBe(changed.claim);
      if (after.marker !== null && after !== changed) expect(after.marker.endsAtMs).not.toBeNull();
    });
  });
});
