/**
 * How much lies in an open-claims index, and since when: one short command, whatever its size.
 * Invariant kept: an index that cannot be read is an error, never an empty one.
 */
import { OperatingError } from '../domain/operating-error.ts';
import { withDeadline } from './connect.ts';
import { describeRedisError } from './redis-trouble.ts';
import { loadScript, runScript, type MarkerRedis } from './script.ts';

const measureOpenClaimsScript = loadScript(new URL('./measure-open-claims.lua', import.meta.url));

export interface OpenClaimsSize {
  readonly entries: number;
  /** Age of the oldest by Redis's clock, in milliseconds; null when there is none. */
  readonly oldestMs: number | null;
}

/** Throws OperatingError when Redis refuses or does not answer in time. */
export async function measureOpenClaims(
  redis: MarkerRedis,
  indexKey: string,
  callTimeoutMs: number,
): Promise<OpenClaimsSize> {
  const what = `measuring ${indexKey}`;
  try {
    const asked = runScript(redis, measureOpenClaimsScript, [indexKey], []);
    const reply = await withDeadline(asked, callTimeoutMs, what);
    const [nowMs, entries, oldest]: unknown[] = Array.isArray(reply) ? reply : [];
    if (typeof nowMs !== 'number' || typeof entries !== 'number') {
      throw new TypeError('the reply was not understood');
    }
    const oldestMs = oldest === null ? null : Math.max(0, nowMs - Number(oldest));
    return { entries, oldestMs };
  } catch (error) {
    if (error instanceof OperatingError) throw error;
    const { code, message } = describeRedisError(error);
    throw new OperatingError(code, `While ${what}: ${message}`, { cause: error });
  }
}
