/**
 * A lease while it is held: renews itself in the background and ends on the holder's own clock, whether or not Redis
 * ever answers.
 * Invariants kept: once over it stays over; `signal` aborts at most once; `guard()` judges by the clocks at the moment
 * of the call, so that a process that was stopped notices before its next write.
 */
import type { Redis } from 'ioredis';
import { afterRelease, afterRenewal, afterTime, renewInMs, trustedForMs } from '../domain/lease-term.ts';
import type { LossReason, RenewAnswer, Term } from '../domain/lease-term.ts';
import type { ClockReading, LeaseTiming } from '../domain/lease-trust.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { renewConnection } from './connect.ts';
import { describeRedisError } from './redis-trouble.ts';
import { askToRelease, askToRenew, type Release } from './lease-key.ts';

export interface Lease {
  readonly key: string;
  /** Aborts when the lease is lost, with an OperatingError `lease_lost`; not when it is released. */
  readonly signal: AbortSignal;
  /** For how many more milliseconds the holder may act; 0 once it is lost or released. */
  trustedForMs(): number;
  /** Call before each write. Throws OperatingError `lease_lost` when the lease can no longer be trusted. */
  guard(): void;
  /**
   * Gives the lease back; call it after the work has ended. Ends within the call deadline and never throws: if Redis
   * does not answer, the key goes away by itself within a TTL. Later calls return the same.
   */
  release(): Promise<Release>;
}

export interface HeldLeaseOptions {
  readonly redis: Redis;
  readonly key: string;
  readonly value: string;
  /** When the request that acquired it was sent. */
  readonly acquiredAt: ClockReading;
  readonly timing: LeaseTiming;
  readonly readClocks: () => ClockReading;
  readonly onTrouble: (error: OperatingError) => void;
}

export class HeldLease implements Lease {
  readonly key: string;
  readonly #options: HeldLeaseOptions;
  readonly #over = new AbortController();
  #term: Term;
  #failedAt: ClockReading | null = null;
  #renewal: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #released: Promise<Release> | undefined;

  constructor(options: HeldLeaseOptions) {
    this.key = options.key;
    this.#options = options;
    this.#term = { kind: 'held', renewedAt: options.acquiredAt };
    this.#watchDeadline();
    this.#planRenewal();
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  trustedForMs(): number {
    return trustedForMs(this.#term, this.#options.readClocks(), this.#options.timing);
  }

  guard(): void {
    this.#judgeTime();
    if (this.#term.kind === 'lost') throw lostError(this.key, this.#term.reason);
    if (this.#term.kind === 'released') {
      throw new OperatingError(
        'lease_lost',
        `The lease ${this.key} was given back already. Nothing was written.`,
      );
    }
  }

  async release(): Promise<Release> {
    this.#released ??= this.#giveBack();
    return this.#released;
  }

  async #giveBack(): Promise<Release> {
    const { redis, key, value, timing, onTrouble } = this.#options;
    this.#become(afterRelease(this.#term));
    try {
      return await askToRelease(redis, { key, value }, timing.callTimeoutMs);
    } catch (error) {
      const { message } = describeRedisError(error);
      onTrouble(
        new OperatingError(
          'redis_unreachable',
          `The lease ${key} could not be given back: ${message} It ends by itself within ${timing.ttlMs} ms.`,
        ),
      );
      return 'unknown';
    }
  }

  async #renew(): Promise<void> {
    const { redis, key, value, timing, readClocks } = this.#options;
    this.#judgeTime();
    if (this.#term.kind !== 'held') return;
    const sentAt = readClocks();
    let answer: RenewAnswer;
    try {
      answer = await askToRenew(redis, { key, value, ttlMs: timing.ttlMs }, timing.callTimeoutMs);
    } catch (error) {
      this.#afterFailure(sentAt, error);
      return;
    }
    this.#failedAt = null;
    this.#become(afterRenewal(this.#term, answer, sentAt, readClocks(), timing));
    this.#watchDeadline();
    this.#planRenewal();
  }

  #afterFailure(sentAt: ClockReading, error: unknown): void {
    if (error instanceof OperatingError) renewConnection(this.#options.redis);
    const first = this.#failedAt === null;
    this.#failedAt = sentAt;
    this.#judgeTime();
    if (this.#term.kind !== 'held') return;
    if (first) {
      const { message } = describeRedisError(error);
      this.#options.onTrouble(
        new OperatingError(
          'redis_unreachable',
          `The lease ${this.key} could not be renewed: ${message} It is trusted for another ` +
            `${Math.round(this.trustedForMs())} ms; renewing goes on until then.`,
        ),
      );
    }
    this.#planRenewal();
  }

  #judgeTime(): void {
    this.#become(afterTime(this.#term, this.#options.readClocks(), this.#options.timing));
  }

  /** The only place where the term changes. */
  #become(term: Term): void {
    const ended = this.#term.kind === 'held' && term.kind !== 'held';
    this.#term = term;
    if (!ended) return;
    clearTimeout(this.#renewal);
    clearTimeout(this.#deadline);
    if (term.kind === 'lost') this.#over.abort(lostError(this.key, term.reason));
  }

  #planRenewal(): void {
    const { readClocks, timing } = this.#options;
    const waitMs = renewInMs(this.#term, this.#failedAt, readClocks(), timing);
    if (waitMs === null) return;
    // Rounded up: a renewal that came early would make room for one try more.
    this.#renewal = setTimeout(() => void this.#renew(), Math.ceil(waitMs)).unref();
  }

  /** Wakes up when trust ends, by its own timer: a renewal that hangs cannot keep it from that. */
  #watchDeadline(): void {
    clearTimeout(this.#deadline);
    if (this.#term.kind !== 'held') return;
    this.#deadline = setTimeout(() => {
      this.#judgeTime();
      this.#watchDeadline();
    }, Math.ceil(this.trustedForMs())).unref();
  }
}

const lossWords: Record<LossReason, string> = {
  not_renewed: 'Redis did not confirm it in time',
  gone: 'its key is gone from Redis (a restart, a failover or a deletion)',
  foreign: 'another process has it now',
};

function lostError(key: string, reason: LossReason): OperatingError {
  return new OperatingError(
    'lease_lost',
    `The lease ${key} was lost: ${lossWords[reason]}. Nothing is written from now on; the work is taken up again by ` +
      'whoever acquires the lease next.',
  );
}
