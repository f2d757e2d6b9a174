/**
 * One rebuild of a cached value: under a lease that one process at a time has, or without Redis when that is away.
 * Invariants kept: it ends in time, whatever `rebuild` does; a result that may be older than another is not stored, nor
 * given to anybody; every failure holds off the next try.
 */
import type { Redis } from 'ioredis';
import type { LeaseTiming } from '../domain/lease-trust.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { CachedText, CachedValues, RebuildTicket } from './cached-value.ts';
import { withDeadline } from './connect.ts';
import { acquireLease, type Lease } from './lease.ts';

/** Returns the value, which must be JSON. Must stop when `signal` aborts; whatever it brings later is dropped. */
export type Rebuild = (signal: AbortSignal) => Promise<unknown>;

export type RebuildOutcome =
  | { readonly kind: 'rebuilt'; readonly value: CachedText }
  | { readonly kind: 'failed'; readonly error: OperatingError }
  /** Another process is at it. */
  | { readonly kind: 'held' }
  /** Another was quicker, the value was invalidated, or the lease is lost: what is there now is not known. */
  | { readonly kind: 'look_again' }
  /** No lease can be had: Redis is away, or refuses. */
  | { readonly kind: 'no_lease'; readonly error: OperatingError };

export interface RebuildParts {
  readonly redis: Redis;
  readonly leasePrefix: string;
  readonly leaseTiming: LeaseTiming;
  readonly values: CachedValues;
  readonly freshMs: number;
  readonly staleMs: number;
  readonly jitter: number;
  readonly rebuildMs: number;
  /** Aborts when nothing is rebuilt any more. */
  readonly closing: AbortSignal;
  readonly onTrouble: (error: OperatingError) => void;
  /** Called when `rebuild` is about to be called. */
  readonly onBegun: () => void;
  /** Given what goes on after the outcome is known, and never rejects. */
  readonly onRest: (rest: Promise<unknown>) => void;
}

/** Never rejects. */
export async function rebuildUnderLease(
  parts: RebuildParts,
  key: string,
  rebuild: Rebuild,
): Promise<RebuildOutcome> {
  const { redis, leasePrefix, leaseTiming: timing, onTrouble } = parts;
  const outcome = await acquireLease({ redis, key: `${leasePrefix}${key}`, timing, onTrouble });
  if (outcome.kind === 'held') return { kind: 'held' };
  if (outcome.kind !== 'acquired') {
    return { kind: 'no_lease', error: new OperatingError('redis_unreachable', outcome.reason) };
  }
  try {
    return await underLease(parts, key, rebuild, outcome.lease);
  } finally {
    parts.onRest(outcome.lease.release());
  }
}

async function underLease(
  parts: RebuildParts,
  key: string,
  rebuild: Rebuild,
  lease: Lease,
): Promise<RebuildOutcome> {
  const { values, closing, onTrouble } = parts;
  let ticket: RebuildTicket | null;
  try {
    ticket = await values.begin(key);
  } catch (error) {
    return { kind: 'no_lease', error: asOperatingError(error) };
  }
  if (ticket === null) return { kind: 'look_again' };
  let value: CachedText;
  try {
    value = await callRebuild(parts, key, rebuild, lease.signal);
    lease.guard();
  } catch (error) {
    if (lease.trustedForMs() === 0) {
      onTrouble(asOperatingError(error));
      return { kind: 'look_again' };
    }
    if (!closing.aborted) await holdOff(parts, key, ticket);
    return { kind: 'failed', error: asOperatingError(error) };
  }
  try {
    return (await values.store(key, ticket, value)) ? { kind: 'rebuilt', value } : { kind: 'look_again' };
  } catch (error) {
    onTrouble(asOperatingError(error));
    return { kind: 'rebuilt', value };
  }
}

async function holdOff(
  { values, onTrouble }: RebuildParts,
  key: string,
  ticket: RebuildTicket,
): Promise<void> {
  try {
    await values.fail(key, ticket);
  } catch (error) {
    onTrouble(asOperatingError(error));
  }
}

/** Without a lease, and stored nowhere. Never rejects. */
export async function rebuildAlone(
  parts: RebuildParts,
  key: string,
  rebuild: Rebuild,
): Promise<RebuildOutcome> {
  try {
    return { kind: 'rebuilt', value: await callRebuild(parts, key, rebuild) };
  } catch (error) {
    return { kind: 'failed', error: asOperatingError(error) };
  }
}

/** Throws OperatingError that says why there is no value. */
async function callRebuild(
  parts: RebuildParts,
  key: string,
  rebuild: Rebuild,
  leaseSignal?: AbortSignal,
): Promise<CachedText> {
  const { rebuildMs, closing, onBegun } = parts;
  const stop = new AbortController();
  const signals = leaseSignal === undefined ? [closing] : [closing, leaseSignal];
  const onAbort = ({ target }: Event): void => {
    if (target instanceof AbortSignal) stop.abort(target.reason);
  };
  for (const signal of signals) signal.addEventListener('abort', onAbort, { once: true });
  onBegun();
  try {
    signals.find(({ aborted }) => aborted)?.throwIfAborted();
    const work = (async () => rebuild(stop.signal))();
    const text = asJson(await withDeadline(work, rebuildMs, `rebuilding the value of ${key}`, stop.signal));
    return { text, ...drawTimes(parts) };
  } catch (error) {
    throw leaseSignal?.aborted === true ? leaseSignal.reason : failure(key, error);
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', onAbort);
    stop.abort(new OperatingError('aborted', `Rebuilding the value of ${key} is over.`));
  }
}

function asJson(value: unknown): string {
  const text: unknown = JSON.stringify(value);
  if (typeof text !== 'string') throw new TypeError('the rebuild must return a JSON value');
  return text;
}

function drawTimes({ freshMs, staleMs, jitter }: RebuildParts): Omit<CachedText, 'text'> {
  const freshForMs = Math.max(1, Math.floor(freshMs * (1 - jitter * Math.random())));
  return { freshForMs, usableForMs: freshForMs + staleMs };
}

function failure(key: string, error: unknown): OperatingError {
  if (error instanceof OperatingError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new OperatingError('not_ready', `The value of ${key} could not be rebuilt: ${reason}`, {
    cause: error,
  });
}

function asOperatingError(error: unknown): OperatingError {
  if (error instanceof OperatingError) return error;
  return new OperatingError('not_ready', error instanceof Error ? error.message : String(error), {
    cause: error,
  });
}
