/**
 * Reads markers one by one, each atomically with its expiry: for the suspicious few, never for the many.
 * Invariant kept: a read that fails is `unread`, never `absent`.
 */
import type { MarkerReading } from '../domain/marker.ts';
import { withDeadline } from './connect.ts';
import { describeRedisError } from './redis-trouble.ts';
import { stringMarkers, type MarkerForm } from './marker-form.ts';
import { runScript, type MarkerRedis } from './script.ts';

/** Every byte counts: a byte order mark that was dropped would make the guard of each change refuse. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** However many are asked for, so many are on their way at a time: what other clients feel is bounded. */
const markersPerStep = 500;

/** Readings in the order of `keys`. Never throws for a store that fails: the reading says `unread` and why. */
export async function observeMarkers(
  redis: MarkerRedis,
  keys: readonly string[],
  callTimeoutMs: number,
  form: MarkerForm = stringMarkers,
): Promise<MarkerReading[]> {
  const readings: MarkerReading[] = [];
  for (let at = 0; at < keys.length; at += markersPerStep) {
    const step = keys.slice(at, at + markersPerStep);
    readings.push(...(await Promise.all(step.map((key) => observeMarker(redis, key, callTimeoutMs, form)))));
  }
  return readings;
}

async function observeMarker(
  redis: MarkerRedis,
  key: string,
  callTimeoutMs: number,
  form: MarkerForm,
): Promise<MarkerReading> {
  try {
    const call = runScript(redis, form.observe, [key], form.last);
    return decodeReading(await withDeadline(call, callTimeoutMs, 'reading a marker'), form);
  } catch (error) {
    return { kind: 'unread', reason: describeRedisError(error).message };
  }
}

/** What a script says of a marker: see `observe-marker.lua` and `observe-hash.lua`. */
export function decodeReading(reply: unknown, form: MarkerForm = stringMarkers): MarkerReading {
  if (!Array.isArray(reply) || !Buffer.isBuffer(reply[0])) {
    return { kind: 'unread', reason: 'the reply was not understood' };
  }
  const [type, value, expiry]: unknown[] = reply;
  if (String(type) === 'none') return { kind: 'absent' };
  if (!Buffer.isBuffer(value) || typeof expiry !== 'number') {
    const reason =
      String(type) === form.type
        ? `the ${form.type} has no field ${form.last.join()}`
        : `the key holds a ${String(type)}, not a ${form.type}`;
    return { kind: 'undecodable', reason };
  }
  try {
    return { kind: 'present', value: utf8.decode(value), expiresInMs: expiry < 0 ? null : expiry };
  } catch {
    return { kind: 'undecodable', reason: 'the value is not UTF-8 text' };
  }
}
