/**
 * Asking about many attempts: for as long as there are answers.
 */
import { describe, expect, it } from 'vitest';
import type { LookupAnswer } from '../../src/domain/distributor.ts';
import { Inquiry } from '../../src/reconcile/inquiry.ts';

const never = new AbortController().signal;
const attempts = Array.from({ length: 100 }, (_, n) => `attempt-${n}`);

/** An inquiry at a distributor that answers every `answersEach`th question; 0: none. */
function inquiryAt(answersEach: number): { inquiry: Inquiry; asked: string[] } {
  const asked: string[] = [];
  const distributor = {
    lookup: async (attempt: string): Promise<LookupAnswer> => {
      asked.push(attempt);
      if (answersEach > 0 && asked.length % answersEach === 0) return { kind: 'granted' };
      throw new Error('connection refused');
    },
    grant: async (): Promise<LookupAnswer & { kind: 'granted' }> => ({ kind: 'granted' }),
  };
  return { inquiry: new Inquiry({ distributor, distributorTimeoutMs: 1_000 }, never), asked };
}

describe('an inquiry', () => {
  it('asks about each attempt, and gives the answers in order', async () => {
    const { inquiry, asked } = inquiryAt(1);
    const answers = await inquiry.about(['a', null, 'b', ...attempts]);
    expect(asked).toHaveLength(102);
    expect(answers[1]).toBeNull();
    expect(answers.filter((answer) => answer?.kind === 'granted')).toHaveLength(102);
  });

  it('asks no more once nobody answers, also in what is asked later', async () => {
    const { inquiry, asked } = inquiryAt(0);
    const first = await inquiry.about(attempts);
    const later = await inquiry.about(attempts);
    expect(asked).toHaveLength(8);
    expect([...first, ...later].every((answer) => answer?.kind === 'unknown')).toBe(true);
  });

  it('asks no more once most are left without an answer', async () => {
    const { inquiry, asked } = inquiryAt(8);
    await inquiry.about(attempts);
    expect(asked.length).toBeLessThanOrEqual(16);
  });

  it('goes on where only some are', async () => {
    const { inquiry, asked } = inquiryAt(2);
    await inquiry.about(attempts);
    expect(asked).toHaveLength(100);
  });

  it('knows of nobody to ask', async () => {
    const inquiry = new Inquiry({ distributor: null, distributorTimeoutMs: 1_000 }, never);
    expect(await inquiry.about(['a'])).toEqual([null]);
  });
});
