/**
 * The three things that are asked of the Redis key behind a lease, each one script sent in full and bounded in time.
 * In full, not by SHA-1: the second round trip after NOSCRIPT could still write when the call was given up long ago.
 * Invariant kept: each call ends within its deadline; what it throws says nothing about whether it took effect.
 */
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import type { AcquireAnswer, RenewAnswer } from '../domain/lease-term.ts';
import { withDeadline } from './connect.ts';

const acquireScript = readFileSync(new URL('./acquire-lease.lua', import.meta.url), 'utf8');
const renewScript = readFileSync(new URL('./renew-lease.lua', import.meta.url), 'utf8');
const releaseScript = readFileSync(new URL('./release-lease.lua', import.meta.url), 'utf8');

/** released: the key was ours and is gone. not_owner: it had expired, or is another's. unknown: no answer. */
export type Release = 'released' | 'not_owner' | 'unknown';

/** One attempt, as part of a term; see `acquire-lease.lua`. */
export async function askForLease(
  redis: Redis,
  request: { key: string; term: string; attempt: number; ttlMs: number },
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<AcquireAnswer> {
  const { key, term, attempt, ttlMs } = request;
  const work = redis.eval(acquireScript, 1, key, term, attempt, ttlMs);
  const reply = await withDeadline(work, deadlineMs, `acquiring the lease ${key}`, signal);
  if (!Array.isArray(reply)) throw new TypeError('the acquire script must answer with a list');
  if (reply[0] === 1) return { kind: 'taken' };
  const expiresInMs = Number(reply[1]);
  return { kind: 'held', expiresInMs: expiresInMs === -1 ? null : Math.max(0, expiresInMs) };
}

/** The value that an attempt leaves in the key. */
export function leaseValue(term: string, attempt: number): string {
  return `${term}.${attempt}`;
}

export async function askToRenew(
  redis: Redis,
  request: { key: string; value: string; ttlMs: number },
  deadlineMs: number,
): Promise<RenewAnswer> {
  const { key, value, ttlMs } = request;
  const work = redis.eval(renewScript, 1, key, value, ttlMs);
  const reply = await withDeadline(work, deadlineMs, `renewing the lease ${key}`);
  if (reply === 1) return 'renewed';
  return reply === 0 ? 'gone' : 'foreign';
}

export async function askToRelease(
  redis: Redis,
  request: { key: string; value: string },
  deadlineMs: number,
): Promise<Exclude<Release, 'unknown'>> {
  const { key, value } = request;
  const work = redis.eval(releaseScript, 1, key, value);
  const reply = await withDeadline(work, deadlineMs, `giving back the lease ${key}`);
  return reply === 1 ? 'released' : 'not_owner';
}
