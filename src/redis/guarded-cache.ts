/**
 * A cache for look-ups that many ask for at once (does the activity exist, is it open): one rebuild at a time for a key,
 * whoever and however many ask, and nobody waits for long.
 * Invariants kept: under a lease only one process rebuilds a key; an older rebuild never overwrites a newer one, nor what
 * invalidated it; every reader gets an answer in bounded time; nothing is written without an expiry.
 *
 * The methods: a lease and a number per rebuild, after the leases of memcache at Facebook (Nishtala et al., NSDI 2013,
 * section 3.2.1: against stale sets and thundering herds); stale values while one rebuilds and after one failed, after
 * `stale-while-revalidate` and `stale-if-error` of RFC 5861.
 *
 * What it does NOT guarantee: one rebuild at a time whatever happens. While Redis is away each process rebuilds by itself,
 * at most one per key at a time, and keeps the result for itself. A lease can be lost while its holder does not know, and a
 * rebuild that does not heed its signal goes on beside its successor; its result is dropped. And after `invalidate` other
 * processes may give out their own copies for another `localMs`, or for longer while Redis is away.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { OperatingError } from '../domain/operating-error.ts';
import { CachedValues, type CacheReading } from './cached-value.ts';
import { withDefaults, type GuardedCacheOptions } from './guarded-cache-options.ts';
import { LocalCopies } from './local-copies.ts';
import { ProcessRebuilds } from './process-rebuilds.ts';
import type { Rebuild, RebuildOutcome } from './rebuild-value.ts';

export type { GuardedCacheOptions } from './guarded-cache-options.ts';

/** Between two looks of a process that waits for another's rebuild: doubled from the first to the last. */
const lookFirstMs = 20;
const lookMaxMs = 200;

type Found =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'nothing'; readonly error: OperatingError };

/** All readers of one process that ask for one key at one time. */
interface Flight {
  readonly found: Promise<Found>;
  waiting: number;
  /** Redis said that there is no value: what is kept here is over, or was invalidated elsewhere. */
  isGone: boolean;
}

export class GuardedCache {
  readonly #options: Required<GuardedCacheOptions>;
  readonly #values: CachedValues;
  readonly #copies: LocalCopies;
  readonly #rebuilds: ProcessRebuilds;
  readonly #flights = new Map<string, Flight>();

  /** Throws OperatingError `configuration` for options that cannot work. */
  constructor(given: GuardedCacheOptions) {
    const options = withDefaults(given);
    this.#options = options;
    const { redis, namespace, leaseTiming, rebuildMs, backoffMs, backoffMaxMs } = options;
    const times = { callTimeoutMs: leaseTiming.callTimeoutMs, rebuildMs, backoffMs, backoffMaxMs };
    this.#values = new CachedValues({ redis, prefix: `${namespace}:cache:`, ...times });
    this.#copies = new LocalCopies(options.localMs, options.localCopiesMax);
    this.#rebuilds = new ProcessRebuilds(options, this.#values, this.#copies);
  }

  /**
   * The value of `key`: this process's copy, Redis's, a stale one while it is rebuilt in the background, or a new one.
   * What `rebuild` brings is given to other readers too, so it must depend on `key` alone; it must return JSON and stop
   * when its signal aborts. Every reader gets an object of its own, made from the JSON.
   *
   * The reader whose `rebuild` is called waits for it, the others wait for `waitMs`: so nobody waits for longer than
   * `waitMs`, `rebuildMs` and a call to Redis together.
   * Throws OperatingError when there is no value, not even a stale one: `timed_out` after the wait, `not_ready` when
   * rebuilding failed (what `rebuild` threw is the `cause`) or is held off, `aborted` when the cache was closed. An
   * OperatingError that `rebuild` threw is passed on.
   */
  async get<T>(key: string, rebuild: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const copy = this.#copies.get(key);
    const isCurrent = copy !== null && performance.now() < copy.currentUntilMs;
    const text = isCurrent ? copy.text : await this.#ask(key, rebuild);
    return JSON.parse(text) as T;
  }

  /**
   * Forgets a value: the next reader rebuilds it, and rebuilds that began before are not stored. Call it after the change
   * is committed. Other processes may give out copies of their own for another `localMs`.
   * Throws OperatingError when Redis refuses or does not answer: call again, or the value is given out until it is over.
   */
  async invalidate(key: string): Promise<void> {
    this.#forget(key);
    try {
      await this.#values.invalidate(key);
    } finally {
      // Readers may have come meanwhile and found the old value.
      this.#forget(key);
    }
  }

  /** Calls off what is being rebuilt and gives the leases back. Readers who wait get an error. Never throws. */
  async close(): Promise<void> {
    await this.#rebuilds.close();
    await Promise.all([...this.#flights.values()].map(async ({ found }) => found));
  }

  #forget(key: string): void {
    this.#copies.forget(key);
    this.#flights.delete(key);
  }

  async #ask(key: string, rebuild: Rebuild): Promise<string> {
    const { waitMs, rebuildMs, leaseTiming } = this.#options;
    const known = this.#flights.get(key);
    const flight = known ?? this.#takeOff(key, rebuild);
    flight.waiting += 1;
    let found = await within(flight.found, waitMs);
    if (found === null && known === undefined && this.#rebuilds.hasBegun(key)) {
      // It is this reader's own.
      found = await within(flight.found, rebuildMs + leaseTiming.callTimeoutMs);
    }
    flight.waiting -= 1;
    if (found?.kind === 'text') return found.text;
    const copy = flight.isGone ? null : this.#copies.get(key);
    if (copy !== null) return copy.text;
    throw found?.error ?? waitedInVain(key, waitMs);
  }

  #takeOff(key: string, rebuild: Rebuild): Flight {
    const fly = async (): Promise<Found> => {
      const found = await this.#fly(flight, key, rebuild);
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
      return found;
    };
    const flight: Flight = { found: Promise.resolve().then(fly), waiting: 0, isGone: false };
    this.#flights.set(key, flight);
    return flight;
  }

  /** Looks until there is something to tell, for as long as somebody waits for it. */
  async #fly(flight: Flight, key: string, rebuild: Rebuild): Promise<Found> {
    const { closing } = this.#rebuilds;
    for (let looks = 0; ; looks += 1) {
      const found = closing.aborted ? nothing(closing.reason) : await this.#look(flight, key, rebuild);
      if (found !== null) return found;
      await pause(Math.min(lookMaxMs, lookFirstMs * 2 ** looks) * (0.5 + Math.random() / 2));
      if (flight.waiting === 0) return nothing(waitedInVain(key, this.#options.waitMs));
    }
  }

  /** Null: look again. */
  async #look(flight: Flight, key: string, rebuild: Rebuild): Promise<Found | null> {
    const stamp = this.#copies.stamp();
    const sinceMs = performance.now();
    const reading = await this.#read(key);
    if (reading === null) return this.#lookWithoutRedis(flight, key, rebuild);
    const { value, heldOffForMs } = reading;
    if (value !== null) {
      this.#copies.keep(key, value, sinceMs, stamp);
      if (value.freshForMs === 0 && heldOffForMs === 0) void this.#rebuilds.underLease(key, rebuild);
      return { kind: 'text', text: value.text };
    }
    flight.isGone = true;
    if (heldOffForMs > 0) return nothing(heldOff(key, heldOffForMs));
    const outcome = await this.#rebuilds.underLease(key, rebuild);
    return outcome.kind === 'no_lease' ? this.#lookWithoutRedis(flight, key, rebuild) : foundBy(outcome);
  }

  async #lookWithoutRedis(flight: Flight, key: string, rebuild: Rebuild): Promise<Found | null> {
    flight.isGone = false;
    const heldOffForMs = this.#rebuilds.heldOffForMs(key);
    const copy = this.#copies.get(key);
    if (copy !== null) {
      const isStale = copy.freshUntilMs <= performance.now();
      if (isStale && heldOffForMs === 0) void this.#rebuilds.alone(key, rebuild);
      return { kind: 'text', text: copy.text };
    }
    if (heldOffForMs > 0) return nothing(heldOff(key, heldOffForMs));
    return foundBy(await this.#rebuilds.alone(key, rebuild));
  }

  /** Null when Redis does not tell. */
  async #read(key: string): Promise<CacheReading | null> {
    try {
      return await this.#values.read(key);
    } catch (error) {
      if (error instanceof OperatingError) this.#options.onTrouble(error);
      return null;
    }
  }
}

/** Null: look again. */
function foundBy(outcome: RebuildOutcome): Found | null {
  if (outcome.kind === 'rebuilt') return { kind: 'text', text: outcome.value.text };
  return outcome.kind === 'failed' ? nothing(outcome.error) : null;
}

function nothing(error: OperatingError): Found {
  return { kind: 'nothing', error };
}

/** Null when `timeoutMs` are over before. */
async function within<T>(work: Promise<T>, timeoutMs: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), timeoutMs);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}

function waitedInVain(key: string, waitMs: number): OperatingError {
  return new OperatingError(
    'timed_out',
    `The value of ${key} was not there after ${waitMs} ms: it is being rebuilt, or Redis is slow to answer. Nothing was ` +
      'changed: ask again.',
  );
}

function heldOff(key: string, heldOffForMs: number): OperatingError {
  return new OperatingError(
    'not_ready',
    `The value of ${key} could not be rebuilt before, and is not tried again for another ${heldOffForMs} ms. Nothing ` +
      'was changed; the process that tried has told why.',
  );
}
