/**
 * The canary: which fault comes next, what a round proves, and when people are told.
 */
import { describe, expect, it } from 'vitest';
import {
  canaryFaults,
  endOfOverdue,
  faultAfter,
  judgeCanary,
  type CanaryRound,
  type RoundOutcome,
} from '../../src/domain/canary.ts';

const rules = { everyMs: 60, withinMs: 10 };

function round(outcome: RoundOutcome | null, ageMs: number): CanaryRound {
  return { id: '1', claimId: '1', fault: 'orphan_marker', outcome, ageMs, foundMs: null, repairedMs: null };
}

it('takes one fault after the other, and begins again', () => {
  const taken = [faultAfter(null)];
  while (taken.length < canaryFaults.length + 1) taken.push(faultAfter(taken.at(-1) ?? null));
  expect(taken).toEqual([...canaryFaults, canaryFaults[0]]);
});

it('fails what was there or was found, and lets go what was never there to be found', () => {
  expect(endOfOverdue({ foundMs: null }, true)).toBe('failed');
  expect(endOfOverdue({ foundMs: 3 }, false)).toBe('failed');
  expect(endOfOverdue({ foundMs: null }, false)).toBe('void');
});

describe('a canary is', () => {
  it.each([
    ['well when its newest round passed', round('passed', 50), round('passed', 50), 1_000, 'well'],
    ['undecided while a round is under way', round(null, 5), round('passed', 65), 1_000, 'undecided'],
    [
      'failed when the last round that ended failed',
      round('failed', 11),
      round('failed', 11),
      1_000,
      'failed',
    ],
    ['failed until a round passes', round(null, 5), round('failed', 65), 1_000, 'failed'],
    ['silent without a round for two intervals', round('passed', 121), round('passed', 121), 1_000, 'silent'],
    ['not yet silent after two intervals', round('passed', 120), round('passed', 120), 1_000, 'well'],
    ['silent, whatever the last one was', round('failed', 121), round('failed', 121), 1_000, 'silent'],
    ['given time after a start', round('passed', 121), round('passed', 121), 10, 'undecided'],
    ['given time before its first round', null, null, 120, 'undecided'],
    ['silent if the first never comes', null, null, 121, 'silent'],
  ] as const)('%s', (_, newest, ended, upMs, health) => {
    expect(judgeCanary({ newest, ended }, rules, upMs)).toBe(health);
  });
});
