/**
 * A watched distributor answers as before, and each question is told once.
 */
import { describe, expect, it } from 'vitest';
import { askToGrant, askWhatBecame } from '../../src/distributor/ask.ts';
import { watchDistributor, type Asked } from '../../src/distributor/watch-distributor.ts';
import type { Distributor } from '../../src/domain/distributor.ts';
import { grantOf } from './grants.ts';

const plentyMs = 60_000;

function watching(act: (signal: AbortSignal) => unknown): { distributor: Distributor; told: Asked[] } {
  const call = (_: unknown, signal: AbortSignal): never => act(signal) as never;
  const told: Asked[] = [];
  return { distributor: watchDistributor({ grant: call, lookup: call }, (asked) => told.push(asked)), told };
}

describe('a question to a watched distributor', () => {
  it.each([
    { kind: 'granted' },
    { kind: 'not_granted' },
    { kind: 'refused', reason: 'sold out' },
    { kind: 'unknown', reason: 'in progress' },
  ] as const)('%j is passed on and told', async (answer) => {
    const { distributor, told } = watching(async () => answer);
    expect(await askWhatBecame(distributor, 'a', plentyMs)).toEqual(answer);
    expect(told).toEqual([{ question: 'lookup', answer: answer.kind, durationMs: expect.any(Number) }]);
  });

  it('counts as it is taken: what is no answer to it is unknown', async () => {
    const { distributor, told } = watching(async () => ({ kind: 'not_granted' }));
    await askToGrant(distributor, grantOf('a'), plentyMs);
    const odd = watching(() => 'perhaps');
    await askWhatBecame(odd.distributor, 'a', plentyMs);
    expect([...told, ...odd.told].map(({ question, answer }) => [question, answer])).toEqual([
      ['grant', 'unknown'],
      ['lookup', 'unknown'],
    ]);
  });

  it('that fails is unknown, and fails as before', async () => {
    const { distributor, told } = watching(() => {
      throw new Error('refused to connect');
    });
    const { signal } = new AbortController();
    await expect(distributor.lookup('a', signal)).rejects.toThrow('refused to connect');
    expect(told.map(({ answer }) => answer)).toEqual(['unknown']);
  });

  it('that nobody waits for any more is told at once as unknown, and not again when the answer comes', async () => {
    let answer: (answer: object) => void = () => undefined;
    const answered = new Promise<object>((resolve) => (answer = resolve));
    const { distributor, told } = watching(() => answered);
    expect(await askWhatBecame(distributor, 'a', 1)).toMatchObject({ kind: 'unknown' });
    expect(told).toEqual([{ question: 'lookup', answer: 'unknown', durationMs: expect.any(Number) }]);
    answer({ kind: 'granted' });
    await answered;
    await Promise.resolve();
    expect(told).toHaveLength(1);
  });
});
