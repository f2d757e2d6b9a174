/**
 * Keeps trying for the lease to schedule, and holds it for as long as it can.
 * Invariants kept: at most one term at a time; a term is handed out only with its fencing token and while its lease is
 * trusted; the lease is given back after the work under it has ended.
 * Does not schedule: see `scheduler.ts`.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { defaultLeaseTiming, type ClockReading, type LeaseTiming } from '../domain/lease-trust.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import { beginTerm } from '../postgres/lease-term.ts';
import { withDeadline } from '../redis/connect.ts';
import { LeaseContender, type Lease } from '../redis/lease.ts';
import type { ScheduleEvent } from './schedule-event.ts';

export interface Term {
  readonly lease: Lease;
  readonly fencingToken: string;
}

export interface TermKeeperOptions {
  /** A strict connection to the Redis that holds leases. */
  readonly leases: Redis;
  readonly pool: pg.Pool;
  readonly leaseKey: string;
  /** Who this is, for people: host and process id. */
  readonly holder: string;
  readonly timing?: LeaseTiming;
  readonly readClocks?: () => ClockReading;
  readonly onEvent: (event: ScheduleEvent) => void;
  /** Called when a term has begun. */
  readonly onTerm: () => void;
  /** Resolves when the work under the current term has ended; called before its lease is given back. */
  readonly workEnded: () => Promise<void>;
}

/** Between attempts while another holds it: at most this, so that a dead holder is followed soon. */
const retryMaxMs = 3_000;
const retryMinMs = 200;
const beginTermTimeoutMs = 10_000;

export class TermKeeper {
  readonly #options: TermKeeperOptions;
  readonly #timing: LeaseTiming;
  readonly #contender: LeaseContender;
  readonly #closing = new AbortController();
  #term: Term | null = null;
  #giveUp: ((reason: string) => void) | null = null;
  #told = '';
  readonly #loop: Promise<void>;

  constructor(options: TermKeeperOptions) {
    this.#options = options;
    this.#timing = options.timing ?? defaultLeaseTiming;
    this.#contender = new LeaseContender({
      redis: options.leases,
      key: options.leaseKey,
      timing: this.#timing,
      ...(options.readClocks === undefined ? {} : { readClocks: options.readClocks }),
      onTrouble: ({ message }) => this.#tellOnce({ kind: 'lease_unavailable', reason: message }),
    });
    this.#loop = this.#contend();
  }

  /** The current term; null when this process holds none that can be trusted. */
  current(): Term | null {
    return this.#term !== null && this.#term.lease.trustedForMs() > 0 ? this.#term : null;
  }

  /** Gives the term up for others to take: this process cannot do the work. Tries again after a TTL. */
  stepDown(reason: string): void {
    this.#giveUp?.(reason);
  }

  /** Ends the term, once the work under it has ended, and stops trying. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#loop;
  }

  async #contend(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const waitMs = await this.#attempt().catch((error: unknown) => {
        if (!signal.aborted) this.#tellOnce({ kind: 'lease_unavailable', reason: messageOf(error) });
        return retryMaxMs;
      });
      // Spread, so that processes that were stopped by the same fault do not all come back at one moment.
      const spreadMs = waitMs * (0.75 + Math.random() / 2);
      await wait(spreadMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** One attempt, with the whole term if there is one. Returns how long to wait before the next. */
  async #attempt(): Promise<number> {
    const outcome = await this.#contender.acquire(this.#closing.signal);
    switch (outcome.kind) {
      case 'acquired':
        return this.#hold(outcome.lease);
      case 'held':
        this.#told = '';
        return Math.min(Math.max(outcome.expiresInMs, retryMinMs), retryMaxMs);
      case 'stuck':
        this.#tellOnce({ kind: 'lease_stuck', reason: outcome.reason });
        return retryMaxMs;
      case 'unavailable':
        this.#tellOnce({ kind: 'lease_unavailable', reason: outcome.reason });
        return retryMaxMs / 2;
    }
  }

  async #hold(lease: Lease): Promise<number> {
    const { leaseKey, onEvent, onTerm, workEnded } = this.#options;
    try {
      const fencingToken = await this.#beginTerm(lease);
      this.#told = '';
      const over = this.#untilOver(lease);
      this.#term = { lease, fencingToken };
      onEvent({ kind: 'term_began', lease: leaseKey, fencingToken });
      onTerm();
      const { reason, pauseMs } = await over;
      this.#term = null;
      await workEnded();
      onEvent({ kind: 'term_ended', lease: leaseKey, reason });
      return pauseMs;
    } finally {
      this.#term = null;
      await lease.release();
    }
  }

  async #beginTerm(lease: Lease): Promise<string> {
    const { pool, leaseKey, holder } = this.#options;
    try {
      const work = beginTerm(pool, { lease: leaseKey, holder });
      const fencingToken = await withDeadline(work, beginTermTimeoutMs, 'taking a fencing token');
      // The token may be newer than another holder's, if this process was stopped meanwhile: then it is not used.
      lease.guard();
      return fencingToken;
    } catch (error) {
      throw asOperatingError(error);
    }
  }

  async #untilOver(lease: Lease): Promise<{ reason: string; pauseMs: number }> {
    const heard = new AbortController();
    return new Promise((resolve) => {
      const end = (reason: string, pauseMs: number): void => {
        heard.abort();
        this.#giveUp = null;
        resolve({ reason, pauseMs });
      };
      this.#giveUp = (reason) => end(reason, this.#timing.ttlMs);
      onAbort(lease.signal, heard.signal, (reason) => end(messageOf(reason), retryMinMs));
      onAbort(this.#closing.signal, heard.signal, () => end('it is shutting down.', 0));
    });
  }

  /** The same trouble is told once until a term begins or another holder is seen. */
  #tellOnce(event: Extract<ScheduleEvent, { readonly reason: string }>): void {
    if (event.reason === this.#told) return;
    this.#told = event.reason;
    this.#options.onEvent(event);
  }
}

/** Calls `tell` when `signal` aborts, or now if it has; no longer once `until` has. */
function onAbort(signal: AbortSignal, until: AbortSignal, tell: (reason: unknown) => void): void {
  if (signal.aborted) tell(signal.reason);
  else signal.addEventListener('abort', () => tell(signal.reason), { once: true, signal: until });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
