/**
 * Asks a distributor, bounded in time.
 * Invariants kept: no answer, an answer that came too late, an error, and what is no answer are `unknown`, never "refused"
 * or "not granted"; what is said about them holds no secret. Does not ask twice.
 */
import type { Distributor, Grant, GrantAnswer, LookupAnswer } from '../domain/distributor.ts';
import { plainReason } from './plain-reason.ts';
import { readAnswer } from './read-answer.ts';

/** Within `timeoutMs`. Never rejects, but with the caller's own signal. */
export async function askToGrant(
  distributor: Distributor,
  grant: Grant,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<GrantAnswer> {
  const answer = await answerWithin(async (stop) => distributor.grant(grant, stop), timeoutMs, signal);
  return answerToGrant(answer);
}

/** Within `timeoutMs`. Never rejects, but with the caller's own signal. */
export async function askWhatBecame(
  distributor: Distributor,
  attempt: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<LookupAnswer> {
  return answerWithin(async (stop) => distributor.lookup(attempt, stop), timeoutMs, signal);
}

/** Asked to hand out, a distributor must say yes or no: that it has not done so yet is no answer. */
export function answerToGrant(answer: LookupAnswer): GrantAnswer {
  if (answer.kind !== 'not_granted') return answer;
  return { kind: 'unknown', reason: 'it was asked to grant, and neither granted nor refused' };
}

/**
 * What a question is answered within `timeoutMs`; the signal it is given aborts when nobody waits for it any more.
 * Never rejects, but with the caller's own signal.
 */
export async function answerWithin(
  question: (stop: AbortSignal) => Promise<unknown>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<LookupAnswer> {
  signal?.throwIfAborted();
  const stop = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    const giveUp = (why: Error): void => {
      reject(why);
      stop.abort(why);
    };
    timer = setTimeout(() => giveUp(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    onAbort = () => giveUp(new Error('it was called off'));
    signal?.addEventListener('abort', onAbort, { once: true });
  });
  try {
    const said = await Promise.race([question(stop.signal), stopped]);
    return readSaid(said) ?? { kind: 'unknown', reason: 'what came back is no answer' };
  } catch (error) {
    signal?.throwIfAborted();
    return { kind: 'unknown', reason: plainReason(error) };
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
  }
}

/** Null for what is no answer. Modules are the application's own: nobody has checked what they return. */
export function readSaid(said: unknown): LookupAnswer | null {
  if (typeof said !== 'object' || said === null || !('kind' in said)) return null;
  return readAnswer(said.kind, 'reason' in said ? said.reason : undefined);
}
