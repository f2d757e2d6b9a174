/**
 * The time by a server's own clock, for changes that must not arrive late.
 * Invariant kept: on a cluster it is the clock of the server that holds the key; the others' may be off.
 */
import { withDeadline } from './connect.ts';
import { loadScript, runScript, type MarkerRedis } from './script.ts';

const serverTimeScript = loadScript(new URL('./server-time.lua', import.meta.url));

/** Unix milliseconds with fractions. Rejects when the server refuses or does not answer in time. */
export async function readServerTime(
  redis: MarkerRedis,
  key: string,
  callTimeoutMs: number,
): Promise<number> {
  return withDeadline(askServerTime(redis, key), callTimeoutMs, 'asking for the time');
}

/** The same for callers with a deadline of their own. */
export async function askServerTime(redis: MarkerRedis, key: string): Promise<number> {
  const asked: Promise<unknown> = redis.isCluster
    ? runScript(redis, serverTimeScript, [key], [])
    : redis.time();
  const reply = await asked;
  if (!Array.isArray(reply)) throw new TypeError('TIME must answer with a list');
  const [seconds = 0, microseconds = 0] = reply.map(Number);
  return seconds * 1000 + microseconds / 1000;
}
