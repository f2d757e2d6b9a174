/**
 * The words for verdicts, and what follows from each by default.
 */
import { describe, expect, it } from 'vitest';
import {
  badVerdicts,
  defaultPolicy,
  isBad,
  repairedVerdicts,
  treatments,
  verdicts,
} from '../../src/domain/verdict.ts';

describe('verdicts', () => {
  it('are all bad but consistent and unknown', () => {
    expect(verdicts.filter((verdict) => !isBad(verdict))).toEqual(['consistent', 'unknown']);
    expect(badVerdicts).toEqual(verdicts.filter((verdict) => isBad(verdict)));
    expect(badVerdicts).toHaveLength(verdicts.length - 2);
  });

  it('each have a default treatment if they are bad, and only then', () => {
    expect(Object.keys(defaultPolicy).toSorted()).toEqual([...badVerdicts].toSorted());
    for (const verdict of badVerdicts) expect(treatments).toContain(defaultPolicy[verdict]);
  });

  it('count against the brake where a pass repairs them: not what waits for an answer, not what the policy spares', () => {
    expect(repairedVerdicts(defaultPolicy)).not.toContain('in_doubt');
    expect(repairedVerdicts(defaultPolicy)).toContain('missing_marker');
    expect(repairedVerdicts({ ...defaultPolicy, missing_marker: 'ignore', wrong_expiry: 'alert' })).toEqual([
      'immortal_marker',
      'conflicting_marker',
      'orphan_marker',
    ]);
  });

  it('are only told to people where nothing can be read, so nothing can be changed safely', () => {
    const told = badVerdicts.filter((verdict) => defaultPolicy[verdict] !== 'repair');
    expect(told).toEqual(['unreadable_marker', 'unreadable_claim']);
  });
});
