/**
 * The rebuilds of one process: one at a time for a key, whether under a lease or, while Redis is away, without.
 * Invariant kept: who comes while one goes on gets what comes of it, and no second one is begun; what it brings is kept
 * as a local copy.
 */
import { setMaxListeners } from 'node:events';
import { OperatingError } from '../domain/operating-error.ts';
import type { CachedValues } from './cached-value.ts';
import type { GuardedCacheOptions } from './guarded-cache-options.ts';
import { BoundedMap, type LocalCopies } from './local-copies.ts';
import {
  rebuildAlone,
  rebuildUnderLease,
  type Rebuild,
  type RebuildOutcome,
  type RebuildParts,
} from './rebuild-value.ts';

type Way = typeof rebuildUnderLease;

interface Failures {
  readonly count: number;
  readonly retryAtMs: number;
}

export class ProcessRebuilds {
  readonly #options: Required<GuardedCacheOptions>;
  readonly #parts: Omit<RebuildParts, 'onBegun'>;
  readonly #copies: LocalCopies;
  readonly #running = new Map<string, Promise<RebuildOutcome>>();
  readonly #begun = new Set<string>();
  /** What goes on after an outcome is known. */
  readonly #rest = new Set<Promise<unknown>>();
  /** Holds off rebuilds while Redis, which does that for all processes, is away. */
  readonly #failures: BoundedMap<Failures>;
  readonly #closing = new AbortController();

  constructor(options: Required<GuardedCacheOptions>, values: CachedValues, copies: LocalCopies) {
    this.#options = options;
    this.#copies = copies;
    this.#failures = new BoundedMap(options.localCopiesMax);
    // One listener a rebuild: that there are many is no leak.
    setMaxListeners(0, this.#closing.signal);
    this.#parts = {
      ...options,
      leasePrefix: `${options.namespace}:cache-lease:`,
      values,
      closing: this.#closing.signal,
      onRest: (rest) => this.#finishLater(rest),
    };
  }

  /** Aborts when nothing is rebuilt any more. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** One that calls `rebuild` only if no other process does. Never rejects. */
  async underLease(key: string, rebuild: Rebuild): Promise<RebuildOutcome> {
    return this.#once(key, rebuild, rebuildUnderLease);
  }

  /** One that other processes do not know of. Never rejects. */
  async alone(key: string, rebuild: Rebuild): Promise<RebuildOutcome> {
    return this.#once(key, rebuild, rebuildAlone);
  }

  /** True while a `rebuild` of this process has been called and has not ended. */
  hasBegun(key: string): boolean {
    return this.#begun.has(key);
  }

  /** For how many milliseconds the last failure in this process holds off the next try; 0 when it does not. */
  heldOffForMs(key: string): number {
    return Math.max(0, Math.ceil((this.#failures.get(key)?.retryAtMs ?? 0) - performance.now()));
  }

  /** Calls off what goes on, and waits for its end. */
  async close(): Promise<void> {
    this.#closing.abort(new OperatingError('aborted', 'The guarded cache was closed.'));
    await Promise.all(this.#running.values());
    await Promise.all(this.#rest);
  }

  async #once(key: string, rebuild: Rebuild, way: Way): Promise<RebuildOutcome> {
    const running = this.#running.get(key) ?? this.#start(key, rebuild, way);
    this.#running.set(key, running);
    return running;
  }

  async #start(key: string, rebuild: Rebuild, way: Way): Promise<RebuildOutcome> {
    const stamp = this.#copies.stamp();
    const outcome = await way({ ...this.#parts, onBegun: () => this.#begun.add(key) }, key, rebuild);
    this.#running.delete(key);
    this.#begun.delete(key);
    if (outcome.kind === 'no_lease') this.#options.onTrouble(outcome.error);
    if (outcome.kind === 'rebuilt') {
      this.#failures.delete(key);
      this.#copies.keep(key, outcome.value, performance.now(), stamp);
    }
    if (outcome.kind === 'failed' && !this.closing.aborted) {
      this.#countFailure(key);
      this.#options.onTrouble(outcome.error);
    }
    return outcome;
  }

  #countFailure(key: string): void {
    const { backoffMs, backoffMaxMs } = this.#options;
    const count = (this.#failures.get(key)?.count ?? 0) + 1;
    const waitMs = Math.min(backoffMaxMs, backoffMs * 2 ** Math.min(count - 1, 20));
    this.#failures.set(key, { count, retryAtMs: performance.now() + waitMs });
  }

  #finishLater(rest: Promise<unknown>): void {
    const finished = rest.finally(() => this.#rest.delete(finished));
    this.#rest.add(finished);
  }
}
