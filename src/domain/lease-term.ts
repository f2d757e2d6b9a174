/**
 * One term of a lease as its holder sees it: what each answer from Redis, and the passing of time, make of it.
 * Invariants kept: a term that is over never comes back; an answer that arrives too late changes nothing, however good
 * it is; a key that is gone or another's means lost, never "take it again".
 * Does not talk to Redis and reads no clock: both are given.
 */
import { acquireTimeoutMs, elapsedMs, renewalRetryMs, trustMs } from './lease-trust.ts';
import type { ClockReading, LeaseTiming } from './lease-trust.ts';

/** `expiresInMs` of another's key: null when it has no expiry at all. */
export type AcquireAnswer =
  { readonly kind: 'taken' } | { readonly kind: 'held'; readonly expiresInMs: number | null };

export type AcquireVerdict = 'acquired' | 'too_slow' | 'held' | 'stuck';

/** What a compare-and-expire found: our key, no key, or another's. */
export type RenewAnswer = 'renewed' | 'gone' | 'foreign';

export type LossReason = 'not_renewed' | 'gone' | 'foreign';

export type Term =
  /** `renewedAt` is when the last request that was answered well had been sent. */
  | { readonly kind: 'held'; readonly renewedAt: ClockReading }
  | { readonly kind: 'lost'; readonly reason: LossReason }
  | { readonly kind: 'released' };

/** What an answer to an acquisition sent at `sentAt` means at `now`. Only `acquired` begins a term. */
export function judgeAcquisition(
  answer: AcquireAnswer,
  sentAt: ClockReading,
  now: ClockReading,
  timing: LeaseTiming,
): AcquireVerdict {
  if (answer.kind === 'held') return answer.expiresInMs === null ? 'stuck' : 'held';
  return elapsedMs(sentAt, now) > acquireTimeoutMs(timing) ? 'too_slow' : 'acquired';
}

/** For how many more milliseconds the holder may act; 0 when the term is over. */
export function trustedForMs(term: Term, now: ClockReading, timing: LeaseTiming): number {
  if (term.kind !== 'held') return 0;
  return Math.max(0, trustMs(timing) - elapsedMs(term.renewedAt, now));
}

/** The term after time has passed. */
export function afterTime(term: Term, now: ClockReading, timing: LeaseTiming): Term {
  if (term.kind !== 'held' || trustedForMs(term, now, timing) > 0) return term;
  return { kind: 'lost', reason: 'not_renewed' };
}

/** The term after the answer to a renewal that was sent at `sentAt` arrived at `now`. */
export function afterRenewal(
  term: Term,
  answer: RenewAnswer,
  sentAt: ClockReading,
  now: ClockReading,
  timing: LeaseTiming,
): Term {
  const current = afterTime(term, now, timing);
  if (current.kind !== 'held') return current;
  if (answer !== 'renewed') return { kind: 'lost', reason: answer };
  const older = sentAt.monotonicMs <= current.renewedAt.monotonicMs;
  return older ? current : { kind: 'held', renewedAt: sentAt };
}

/** The term after its holder gave it up. A lost term stays lost. */
export function afterRelease(term: Term): Term {
  return term.kind === 'held' ? { kind: 'released' } : term;
}

/** The least time that an answer needs. Also above what timers are early by: three tries do not make room for a fourth. */
const answerMs = 10;

/**
 * Milliseconds until the next renewal is to be sent; null when there is nothing to renew, or no time left for it.
 * @param failedAt when the last renewal that got no answer was sent; null when the last one was answered
 */
export function renewInMs(
  term: Term,
  failedAt: ClockReading | null,
  now: ClockReading,
  timing: LeaseTiming,
): number | null {
  if (term.kind !== 'held') return null;
  const dueMs =
    failedAt === null
      ? timing.renewEveryMs - elapsedMs(term.renewedAt, now)
      : renewalRetryMs(timing) - elapsedMs(failedAt, now);
  const waitMs = Math.max(0, dueMs);
  return waitMs < trustedForMs(term, now, timing) - answerMs ? waitMs : null;
}
