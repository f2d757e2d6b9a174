/**
 * The lease: a time-bounded right that at most one process holds, kept in one Redis key.
 * Invariants kept: no holder trusts its lease for longer than the key lives; another's key is never changed; every call
 * ends within its deadline; a key that is gone is never made again by a renewal.
 *
 * What it does NOT guarantee: mutual exclusion. A process can be stopped between `guard()` and its write; Redis can lose
 * the key (restart, failover before replication, FLUSHALL, eviction, its own clock set forward) and grant it twice; a
 * clock that runs a tenth slower than Redis's outlives its key. So whatever must not happen twice is also checked by
 * Postgres, with the fencing token of the term (`postgres/lease-term.ts`).
 *
 * It needs a connection that queues nothing and resends nothing (`connectStrict`).
 */
import { randomBytes } from 'node:crypto';
import { ReplyError, type Redis } from 'ioredis';
import { judgeAcquisition, type AcquireAnswer } from '../domain/lease-term.ts';
import { acquireTimeoutMs, defaultLeaseTiming, timingProblem } from '../domain/lease-trust.ts';
import type { ClockReading, LeaseTiming } from '../domain/lease-trust.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { renewConnection } from './connect.ts';
import { describeRedisError } from './redis-trouble.ts';
import { HeldLease, type Lease } from './held-lease.ts';
import { askForLease, askToRelease, leaseValue } from './lease-key.ts';

export type { Lease } from './held-lease.ts';

export interface LeaseOptions {
  /** A strict connection. */
  readonly redis: Redis;
  readonly key: string;
  readonly timing?: LeaseTiming;
  /** Reads both clocks; given by tests. */
  readonly readClocks?: () => ClockReading;
  /** Told once per streak of failed renewals, and about a release without an answer. Not about a lost lease. */
  readonly onTrouble?: (error: OperatingError) => void;
}

export type AcquireOutcome =
  | { readonly kind: 'acquired'; readonly lease: Lease }
  /** Another holds it: for so long at most, unless it renews. */
  | { readonly kind: 'held'; readonly expiresInMs: number }
  /** The key has no expiry: nobody will ever get it. `reason` says what a person should do. */
  | { readonly kind: 'stuck'; readonly reason: string }
  /** Redis refused, did not answer in time, or answered too late. Nothing is held. */
  | { readonly kind: 'unavailable'; readonly reason: string };

/** One attempt at a lease. Whoever goes on trying keeps a `LeaseContender` instead. */
export async function acquireLease(
  options: LeaseOptions & { readonly signal?: AbortSignal },
): Promise<AcquireOutcome> {
  return new LeaseContender(options).acquire(options.signal);
}

/**
 * Someone who tries for a lease again and again. All attempts of one term carry the same random token, so that an
 * attempt whose answer was lost is recognised by the next one and does not block it for a TTL.
 */
export class LeaseContender {
  readonly #options: Required<LeaseOptions>;
  #term = newTerm();
  #attempts = 0;

  /** Throws OperatingError `configuration` for a timing that cannot work. */
  constructor(options: LeaseOptions) {
    const timing = options.timing ?? defaultLeaseTiming;
    const problem = timingProblem(timing);
    if (problem !== null) {
      throw new OperatingError('configuration', `The lease ${options.key} cannot work: ${problem}.`);
    }
    this.#options = { readClocks: readSystemClocks, onTrouble: () => {}, ...options, timing };
  }

  /**
   * One attempt; ends within `acquireTimeoutMs(timing)`. Does not throw for a store that fails.
   * Throws OperatingError `aborted` at once when `signal` aborts; then no key is left, or one for at most a TTL.
   */
  async acquire(signal?: AbortSignal): Promise<AcquireOutcome> {
    const { redis, key, timing, readClocks } = this.#options;
    if (signal?.aborted === true) throw calledOff(key, signal);
    this.#attempts += 1;
    const request = { key, term: this.#term, attempt: this.#attempts, ttlMs: timing.ttlMs };
    const value = leaseValue(this.#term, this.#attempts);
    const sentAt = readClocks();
    let answer: AcquireAnswer;
    try {
      answer = await askForLease(redis, request, acquireTimeoutMs(timing), signal);
    } catch (error) {
      return this.#afterFailure(value, error);
    }
    switch (judgeAcquisition(answer, sentAt, readClocks(), timing)) {
      case 'acquired':
        return { kind: 'acquired', lease: this.#begin(value, sentAt) };
      case 'too_slow':
        this.#giveBack(value);
        return { kind: 'unavailable', reason: `Redis took too long to grant the lease ${key}.` };
      case 'held':
        return { kind: 'held', expiresInMs: answer.kind === 'held' ? (answer.expiresInMs ?? 0) : 0 };
      case 'stuck':
        return { kind: 'stuck', reason: stuckReason(key) };
    }
  }

  #afterFailure(value: string, error: unknown): AcquireOutcome {
    // Refused by Redis: nothing was written. Anything else: it may have been, or may be yet.
    if (!(error instanceof ReplyError)) this.#giveBack(value);
    if (error instanceof OperatingError) {
      if (error.code === 'aborted') throw error;
      renewConnection(this.#options.redis);
    }
    return { kind: 'unavailable', reason: describeRedisError(error).message };
  }

  /** Tries once to delete what an attempt may have left. Failing is harmless: the TTL does the same, only later. */
  #giveBack(value: string): void {
    const { redis, key, timing } = this.#options;
    askToRelease(redis, { key, value }, timing.callTimeoutMs).catch(() => {});
  }

  #begin(value: string, acquiredAt: ClockReading): Lease {
    this.#term = newTerm();
    this.#attempts = 0;
    return new HeldLease({ ...this.#options, value, acquiredAt });
  }
}

/** Both clocks of this machine. */
function readSystemClocks(): ClockReading {
  return { monotonicMs: performance.now(), wallMs: Date.now() };
}

function newTerm(): string {
  return randomBytes(16).toString('hex');
}

function calledOff(key: string, signal: AbortSignal): OperatingError {
  return new OperatingError('aborted', `The lease ${key} was not asked for: it was called off before.`, {
    cause: signal.reason,
  });
}

function stuckReason(key: string): string {
  return (
    `The lease key ${key} has no expiry, so nobody can ever acquire it. This program never writes such a key, and ` +
    `nothing was changed. Make sure that nobody uses it, then delete it by hand: redis-cli DEL '${key}'`
  );
}
