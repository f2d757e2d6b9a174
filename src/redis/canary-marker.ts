/**
 * The markers of the canary: set right, broken on purpose, cleared away.
 * Does not ask whose a key is: it is given keys of our own, each of one attempt alone.
 */
import type { CanaryFault } from '../domain/canary.ts';
import { withDeadline } from './connect.ts';
import type { MarkerRedis } from './script.ts';

/** Far off whatever tolerance there is. */
const wrongExpiryFactor = 3;

/** Sets it as its claim should have it. This and the others reject when the server refuses or does not answer in time. */
export async function setMarker(
  redis: MarkerRedis,
  { key, value, windowMs }: { readonly key: string; readonly value: string; readonly windowMs: number },
  callTimeoutMs: number,
): Promise<void> {
  await inTime(redis.set(key, value, 'PX', windowMs), callTimeoutMs);
}

/** Repeating is safe. One that vanished meanwhile is wrong as well: it is missing. */
export async function breakMarker(
  redis: MarkerRedis,
  { key, windowMs }: { readonly key: string; readonly windowMs: number },
  fault: CanaryFault,
  callTimeoutMs: number,
): Promise<void> {
  switch (fault) {
    case 'missing_marker':
      await inTime(redis.del(key), callTimeoutMs);
      break;
    case 'immortal_marker':
      await inTime(redis.persist(key), callTimeoutMs);
      break;
    case 'wrong_expiry':
      await inTime(redis.pexpire(key, windowMs * wrongExpiryFactor), callTimeoutMs);
      break;
    case 'orphan_marker':
      // The fault is in the row: it is released, and the marker stays.
      break;
  }
}

export async function hasMarker(redis: MarkerRedis, key: string, callTimeoutMs: number): Promise<boolean> {
  return (await inTime(redis.exists(key), callTimeoutMs)) === 1;
}

/** Deletes what old rounds left: one by one, since on a cluster they lie on different servers. */
export async function clearMarkers(
  redis: MarkerRedis,
  keys: readonly string[],
  callTimeoutMs: number,
): Promise<void> {
  for (const key of keys) await inTime(redis.del(key), callTimeoutMs);
}

async function inTime<T>(work: Promise<T>, callTimeoutMs: number): Promise<T> {
  return withDeadline(work, callTimeoutMs, 'asking for a marker of the canary');
}
