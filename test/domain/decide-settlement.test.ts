/**
 * What follows from the distributor's word: claims in doubt, markers without a row, attempts that nobody knows.
 */
import { describe, expect, it } from 'vitest';
import { assess, type Observation } from '../../src/domain/assess.ts';
import type { MarkerReading } from '../../src/domain/marker.ts';
import {
  decide,
  needsAnswer,
  needsLiveRival,
  type Case,
  type Decision,
  type Rival,
} from '../../src/domain/decide.ts';
import type { LookupAnswer } from '../../src/domain/distributor.ts';
import type { SourceRules } from '../../src/domain/source.ts';
import { badVerdicts, defaultPolicy, isBad, type BadVerdict } from '../../src/domain/verdict.ts';
import { claimOf, leftMs, noRow, nowMs, present, rulesOf, unread } from './observations.ts';

const key = 'gift:1:7';
const rules = rulesOf();

function caseOf(claim: Observation['claim'], marker: MarkerReading, changes: Partial<Case>): Case {
  const observation = { claim, marker };
  const verdict = assess(observation, rules, nowMs);
  if (!isBad(verdict)) throw new Error(`expected a bad verdict, not ${verdict}`);
  return { verdict, observation, rival: null, answer: null, ageMs: 0, ...changes };
}

function withTreatment(verdict: BadVerdict, treatment: 'repair' | 'alert'): SourceRules {
  return rulesOf({ policy: { ...defaultPolicy, [verdict]: treatment } });
}

describe("decide, by the distributor's word", () => {
  const granted: LookupAnswer = { kind: 'granted' };
  const refused: LookupAnswer = { kind: 'refused', reason: 'sold out' };
  const notGranted: LookupAnswer = { kind: 'not_granted' };
  const silent: LookupAnswer = { kind: 'unknown', reason: 'no answer in 3 s' };
  const release = rulesOf({ notGranted: 'release' });
  const settled = (kind: string): Decision => ({ kind: 'repair', action: { kind, key } }) as Decision;
  const noAnswer: Decision = { kind: 'recheck', why: 'the distributor did not answer: no answer in 3 s' };

  const doubtful = (answer: LookupAnswer | null, rival: Rival | null = 'unknown'): Case =>
    caseOf(claimOf('pending'), present('a1', leftMs), { answer, rival });
  const rowless = (answer: LookupAnswer | null, rival: Rival | null = 'unknown'): Case =>
    caseOf(noRow, present('a1', leftMs), { answer, rival });
  const conflict = (answer: LookupAnswer): Case =>
    caseOf(claimOf('granted'), present('a2', leftMs), { answer, rival: 'unknown', ageMs: 1e9 });

  it.each<[LookupAnswer, Rival, SourceRules, Decision]>([
    [granted, 'unknown', rules, settled('settle_granted')],
    [granted, 'pending', rules, settled('settle_granted')],
    [granted, 'granted', rules, { kind: 'alert', cause: 'double_grant' }],
    [refused, 'unknown', rules, settled('settle_released')],
    [refused, 'granted', rules, settled('settle_released')],
    [notGranted, 'unknown', rules, settled('grant_again')],
    [notGranted, 'unknown', release, settled('settle_released')],
    [notGranted, 'granted', rules, settled('settle_released')],
    [notGranted, 'pending', rules, { kind: 'recheck', why: 'another claim for the same thing comes first' }],
    [notGranted, 'unreadable', rules, { kind: 'alert', cause: 'in_doubt' }],
    [notGranted, 'unreadable', release, settled('settle_released')],
    [silent, 'unknown', rules, noAnswer],
    [silent, 'granted', release, noAnswer],
  ])('a claim in doubt, answer %j, another live claim %s', (answer, rival, by, decision) => {
    expect(decide(doubtful(answer, rival), by, nowMs)).toEqual(decision);
  });

  it("is granted again past another attempt's marker only when that had one grace period to show up", () => {
    const found = caseOf(claimOf('pending'), present('a2', leftMs), { answer: notGranted, rival: 'unknown' });
    expect(decide(found, rules, nowMs)).toEqual({
      kind: 'recheck',
      why: 'another attempt holds the marker; it is given one grace period',
    });
    expect(decide({ ...found, ageMs: 1e9 }, rules, nowMs)).toEqual(settled('grant_again'));
    expect(decide(found, release, nowMs)).toEqual(settled('settle_released'));
  });

  it('settles nothing where the marker could not be read', () => {
    const found = doubtful(granted);
    const blind = { ...found, observation: { ...found.observation, marker: unread } };
    expect(decide(blind, rules, nowMs)).toEqual({ kind: 'alert', cause: 'in_doubt' });
  });

  it('settles nothing where other claims were not looked up, and tells people where the policy says so', () => {
    const alert: Decision = { kind: 'alert', cause: 'in_doubt' };
    expect(decide(doubtful(granted, null), rules, nowMs)).toEqual(alert);
    expect(decide(doubtful(granted), withTreatment('in_doubt', 'alert'), nowMs)).toEqual(alert);
  });

  it.each<[LookupAnswer, Rival, Decision]>([
    [granted, 'unknown', settled('write_claim')],
    [granted, 'pending', { kind: 'recheck', why: 'another claim for the same thing is pending' }],
    [granted, 'granted', { kind: 'alert', cause: 'double_grant' }],
    [silent, 'unknown', noAnswer],
  ])('a marker without a row, answer %j, another live claim %s', (answer, rival, decision) => {
    expect(decide(rowless(answer, rival), rules, nowMs)).toEqual(decision);
  });

  it.each([refused, notGranted])(
    'the marker of a row that was never written goes when the answer is %j',
    (answer) => {
      const observed = present('a1', leftMs);
      for (const rival of ['unknown', 'granted', 'pending', null] as const) {
        expect(decide(rowless(answer, rival), rules, nowMs)).toEqual({
          kind: 'repair',
          action: { kind: 'delete_marker', key, observed },
        });
      }
    },
  );

  it.each<[Rival | null, number, Decision]>([
    ['granted', 1e9, { kind: 'recheck', why: 'the marker may be that of another live claim' }],
    ['pending', 1e9, { kind: 'recheck', why: 'the marker may be that of another live claim' }],
    [null, 1e9, { kind: 'alert', cause: 'rowless_marker' }],
    ['unknown', 0, { kind: 'recheck', why: 'a newer attempt may hold it; it gets one grace period' }],
    [
      'unknown',
      1e9,
      { kind: 'repair', action: { kind: 'delete_marker', key, observed: present('a1', leftMs) } },
    ],
  ])('a marker whose value does not name the attempt, another live claim %s, seen for %d ms', (...row) => {
    const [rival, ageMs, decision] = row;
    const vague = rulesOf({ valueNamesAttempt: false });
    for (const answer of [refused, notGranted]) {
      expect(decide({ ...rowless(answer, rival), ageMs }, vague, nowMs)).toEqual(decision);
    }
  });

  it('writes no row where other claims were not looked up', () => {
    expect(decide(rowless(granted, null), rules, nowMs)).toEqual({ kind: 'alert', cause: 'rowless_marker' });
  });

  it('asks about an attempt that nobody knows before its marker is replaced', () => {
    expect(decide(conflict(granted), rules, nowMs)).toEqual({ kind: 'alert', cause: 'double_grant' });
    expect(decide(conflict(silent), rules, nowMs)).toEqual(noAnswer);
    for (const answer of [refused, notGranted]) {
      expect(decide(conflict(answer), rules, nowMs)).toMatchObject({ action: { kind: 'replace_marker' } });
    }
  });

  it.each(badVerdicts)('knows for %s what has to be looked up and asked', (verdict) => {
    const isOpen = verdict === 'in_doubt' || verdict === 'rowless_marker';
    const isConflict = verdict === 'conflicting_marker';
    expect(needsLiveRival(verdict)).toBe(isOpen);
    const repairs = withTreatment(verdict, 'repair');
    expect(needsAnswer(verdict, 'unknown', repairs)).toBe(isOpen || isConflict);
    expect(needsAnswer(verdict, 'granted', repairs)).toBe(isOpen);
    expect(needsAnswer(verdict, 'unknown', withTreatment(verdict, 'alert'))).toBe(false);
  });
});
