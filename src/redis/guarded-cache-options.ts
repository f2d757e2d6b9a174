/**
 * What a guarded cache can be told, and what it does untold.
 * Invariant kept: nothing waits, lives or grows without a bound; all that is wrong with the options is told at once.
 */
import type { Redis } from 'ioredis';
import { timingProblem, type LeaseTiming } from '../domain/lease-trust.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { BoundedMap } from './local-copies.ts';

export interface GuardedCacheOptions {
  /**
   * A strict connection (`connectStrict`) to a standalone Redis, best one of its own: a call for a lease that gets no
   * answer costs its connection.
   */
  readonly redis: Redis;
  /** What its keys begin with: `<namespace>:cache:<key>` and `<namespace>:cache-lease:<key>`. */
  readonly namespace: string;
  /** For how long a value is good as it is, in milliseconds, counted from when it was stored. */
  readonly freshMs: number;
  /** For how long after that it may still be given while it is rebuilt, in milliseconds; 0 for not at all. */
  readonly staleMs: number;
  /** The longest a reader waits while somebody else rebuilds, in milliseconds. */
  readonly waitMs: number;
  /**
   * The share of `freshMs` that is taken off at random, 0 to 1, so that values stored together do not go stale together;
   * 0.1 unless given.
   */
  readonly jitter?: number;
  /** How long a failed rebuild holds off the next one, in milliseconds; twice as long with each failure. 1,000 unless given. */
  readonly backoffMs?: number;
  /** The longest it holds off, in milliseconds; 60,000 unless given. */
  readonly backoffMaxMs?: number;
  /** For how long a process gives out its own copy without asking Redis, in milliseconds; 500 unless given, 0 for never. */
  readonly localMs?: number;
  /** How many values a process keeps copies of; 10,000 unless given. */
  readonly localCopiesMax?: number;
  /** The longest a rebuild may take, in milliseconds; then its signal aborts and it has failed. 10,000 unless given. */
  readonly rebuildMs?: number;
  /**
   * How long a rebuild is everybody's affair after the process that did it died; 5 s unless given. Its `callTimeoutMs`
   * bounds every call to Redis.
   */
  readonly leaseTiming?: LeaseTiming;
  /** Told about failed rebuilds and trouble with Redis, each at most once a minute. Must not throw. */
  readonly onTrouble: (error: OperatingError) => void;
}

const defaults = {
  jitter: 0.1,
  backoffMs: 1_000,
  backoffMaxMs: 60_000,
  localMs: 500,
  localCopiesMax: 10_000,
  rebuildMs: 10_000,
  leaseTiming: { ttlMs: 5_000, renewEveryMs: 1_500, callTimeoutMs: 1_000 },
};

/** Throws OperatingError `configuration` that names everything that is wrong. */
export function withDefaults(given: GuardedCacheOptions): Required<GuardedCacheOptions> {
  const options = { ...defaults, ...given };
  const isWhole = (least: number) => (value: number) => Number.isSafeInteger(value) && value >= least;
  const rules = [
    ['freshMs', isWhole(1), 'a whole number of milliseconds, at least 1'],
    ['staleMs', isWhole(0), 'a whole number of milliseconds'],
    ['waitMs', isWhole(1), 'a whole number of milliseconds, at least 1'],
    ['jitter', (value: number) => value >= 0 && value <= 1, 'a share from 0 to 1'],
    ['backoffMs', isWhole(1), 'a whole number of milliseconds, at least 1'],
    ['backoffMaxMs', isWhole(options.backoffMs), 'a whole number of milliseconds, at least backoffMs'],
    ['localMs', isWhole(0), 'a whole number of milliseconds'],
    ['localCopiesMax', isWhole(1), 'a whole number, at least 1'],
    ['rebuildMs', isWhole(1), 'a whole number of milliseconds, at least 1'],
  ] as const;
  const problems = rules
    .filter(([name, isGood]) => !isGood(options[name]))
    .map(([name, , what]) => `${name} must be ${what}, not ${options[name]}`);
  const timing = timingProblem(options.leaseTiming);
  if (timing !== null) problems.push(timing);
  if (problems.length === 0) return { ...options, onTrouble: eachOnceAMinute(options.onTrouble) };
  throw new OperatingError('configuration', `The guarded cache cannot work: ${problems.join('; ')}.`);
}

const quietMs = 60_000;
/** As many different troubles are remembered; with more, one may be told again sooner. */
const troublesMax = 100;

/** Passes on what has not been told in the same words for a minute: what fails fails for every key and reader. */
function eachOnceAMinute(tell: (error: OperatingError) => void): (error: OperatingError) => void {
  const toldAtMs = new BoundedMap<number>(troublesMax);
  return (error) => {
    const nowMs = performance.now();
    if (nowMs - (toldAtMs.get(error.message) ?? -Infinity) < quietMs) return;
    toldAtMs.set(error.message, nowMs);
    tell(error);
  };
}
