/**
 * The words for verdicts, and what follows from each by default.
 */
import { describe, expect, it } from 'vitest';
import { badVerdicts, defaultPolicy, isBad, treatments, verdicts } from '../../src/domain/verdict.ts';

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

  it('are only told to people where nothing can be read, so nothing can be changed safely', () => {
    const told = badVerdicts.filter((verdict) => defaultPolicy[verdict] !== 'repair');
    expect(told).toEqual(['unreadable_marker', 'unreadable_claim']);
  });
});
