/**
 * Asking a distributor: bounded in time, and never more than it said.
 */
import { describe, expect, it } from 'vitest';
import { answerToGrant, askToGrant, askWhatBecame } from '../../src/distributor/ask.ts';
import type { Distributor } from '../../src/domain/distributor.ts';
import { grantOf } from './grants.ts';

const plentyMs = 60_000;

/** A distributor whose both functions do this, whatever their types say. */
function doing(act: (signal: AbortSignal) => unknown): Distributor {
  const call = (_: unknown, signal: AbortSignal): never => act(signal) as never;
  return { grant: call, lookup: call };
}

async function never(): Promise<never> {
  return new Promise(() => undefined);
}

describe('an answer', () => {
  it.each([
    { kind: 'granted' },
    { kind: 'refused', reason: 'sold out' },
    { kind: 'unknown', reason: 'in progress' },
  ] as const)('%j is passed on', async (answer) => {
    expect(
      await askToGrant(
        doing(async () => answer),
        grantOf('a'),
        plentyMs,
      ),
    ).toEqual(answer);
    expect(
      await askWhatBecame(
        doing(async () => answer),
        'a',
        plentyMs,
      ),
    ).toEqual(answer);
    expect(
      await askWhatBecame(
        doing(() => answer),
        'a',
        plentyMs,
      ),
    ).toEqual(answer);
  });

  it('"not granted" is one to a question, and none to a grant', async () => {
    const answer = { kind: 'not_granted' } as const;
    expect(
      await askWhatBecame(
        doing(async () => answer),
        'a',
        plentyMs,
      ),
    ).toEqual(answer);
    const unknown = { kind: 'unknown', reason: 'it was asked to grant, and neither granted nor refused' };
    expect(
      await askToGrant(
        doing(async () => answer),
        grantOf('a'),
        plentyMs,
      ),
    ).toEqual(unknown);
    expect(answerToGrant({ kind: 'granted' })).toEqual({ kind: 'granted' });
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['true', true],
    ['a word', 'granted'],
    ['another word for yes', { kind: 'Granted' }],
    ['a list', [{ kind: 'granted' }]],
    ['a kind that is no text', { kind: ['granted'] }],
    ['a refusal without its reason', { kind: 'refused' }],
    ['a refusal with an empty reason', { kind: 'refused', reason: ' ' }],
    ['a refusal whose reason is no text', { kind: 'refused', reason: 7 }],
    ['an answer over the wire', { answer: 'granted' }],
  ])('is none, and so unknown: %s', async (_, said) => {
    const unknown = { kind: 'unknown', reason: 'what came back is no answer' };
    expect(
      await askToGrant(
        doing(async () => said),
        grantOf('a'),
        plentyMs,
      ),
    ).toEqual(unknown);
    expect(
      await askWhatBecame(
        doing(() => said),
        'a',
        plentyMs,
      ),
    ).toEqual(unknown);
  });

  it('has a reason that Postgres and a terminal can take', async () => {
    const refused = doing(() => ({ kind: 'refused', reason: 'sold\u0000 out\n\ud800!' }));
    expect(await askToGrant(refused, grantOf('a'), plentyMs)).toEqual({
      kind: 'refused',
      reason: 'sold out !',
    });
  });
});

describe('what is thrown', () => {
  it.each([
    ['an error', async () => Promise.reject(new Error('boom')), 'boom'],
    ['an error at once', () => fail(new TypeError('no such function')), 'no such function'],
    ['no error', async () => Promise.reject(Object.create(null)), 'what was thrown is no error'],
    [
      'an answer that cannot be read',
      () => ({
        get kind(): string {
          return fail(new Error('trap'));
        },
      }),
      'trap',
    ],
  ])('is unknown: %s', async (_, act, reason) => {
    expect(await askToGrant(doing(act), grantOf('a'), plentyMs)).toEqual({ kind: 'unknown', reason });
    expect(await askWhatBecame(doing(act), 'a', plentyMs)).toEqual({ kind: 'unknown', reason });
  });

  function fail(error: Error): never {
    throw error;
  }
});

describe('no answer', () => {
  it('is unknown when the time is over, and who is asked is told to stop', async () => {
    let stop: AbortSignal | undefined;
    const silent = doing(async (signal) => {
      stop = signal;
      return never();
    });
    const unknown = { kind: 'unknown', reason: 'no answer within 20 ms' };
    expect(await askToGrant(silent, grantOf('a'), 20)).toEqual(unknown);
    expect(stop?.aborted).toBe(true);
    expect(await askWhatBecame(silent, 'a', 20)).toEqual(unknown);
  });

  it('within the time says so, even if who is asked ends with an error of its own then', async () => {
    const fetching = doing(
      async (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('fetch failed')));
        }),
    );
    expect(await askToGrant(fetching, grantOf('a'), 20)).toEqual({
      kind: 'unknown',
      reason: 'no answer within 20 ms',
    });
  });
});

describe("the caller's own signal", () => {
  it('ends the question with its reason, before it is asked or after', async () => {
    const controller = new AbortController();
    const asked: AbortSignal[] = [];
    const silent = doing(async (signal) => {
      asked.push(signal);
      return never();
    });
    const asking = askWhatBecame(silent, 'a', plentyMs, controller.signal);
    controller.abort(new Error('shutting down'));
    await expect(asking).rejects.toThrow('shutting down');
    await expect(askToGrant(silent, grantOf('a'), plentyMs, controller.signal)).rejects.toThrow(
      'shutting down',
    );
    expect(asked.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it('does not hide an answer that came before it', async () => {
    const controller = new AbortController();
    const answered = await askWhatBecame(
      doing(() => ({ kind: 'granted' })),
      'a',
      plentyMs,
      controller.signal,
    );
    controller.abort();
    expect(answered).toEqual({ kind: 'granted' });
  });
});
