/**
 * Takes a marker and lists the claim in the open-claims index; releases the one, leaves the other, reads what is listed.
 * Invariants kept: (3) a marker that is not the caller's is never touched, and one that was set again with the same
 * value is not the caller's; (4) nothing is written without an expiry; no marker is ever taken that is not listed.
 *
 * A take carries no deadline: one that arrives after its caller gave up leaves a rowless marker, listed with the time of
 * its arrival, which a later look at the index settles. A release does carry one, by the server's clock: late, it
 * might hit a marker that was set again. Nothing here decides what a marker with the caller's own value means.
 *
 * On a cluster marker and index lie on different servers. The claim is listed first, the marker taken second, and not
 * after a deadline: what a crash between the two leaves is an entry without a marker, which is harmless.
 */
import { ReplyError } from 'ioredis';
import type { MarkerReading } from '../domain/marker.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { withDeadline } from './connect.ts';
import { describeRedisError } from './redis-trouble.ts';
import { decodeReading, observeMarkers } from './observe-markers.ts';
import { loadScript, runScript, type MarkerRedis } from './script.ts';
import { readServerTime } from './server-time.ts';

export type { MarkerRedis } from './script.ts';

const takeMarkerScript = loadScript(new URL('./take-marker.lua', import.meta.url));
const listOpenClaimScript = loadScript(new URL('./list-open-claim.lua', import.meta.url));
const reissueMarkerScript = loadScript(new URL('./reissue-marker.lua', import.meta.url));
const releaseMarkerScript = loadScript(new URL('./release-marker.lua', import.meta.url));
const readOpenClaimsScript = loadScript(new URL('./read-open-claims.lua', import.meta.url));

/** The index outlives the last marker that it lists by 30 days, if no other claim comes. */
const indexKeptMs = 30 * 24 * 60 * 60 * 1000;
/** So many entries leave the index at one time: what other clients feel is bounded. */
const entriesPerStep = 500;

export interface MarkerTake {
  readonly indexKey: string;
  /** The entry of the index: `encodeOpenClaim`. */
  readonly member: string;
  readonly markerKey: string;
  readonly markerValue: string;
  /** How long the marker is to live, in milliseconds: at least 1. */
  readonly ttlMs: number;
}

interface Held {
  readonly kind: 'held';
  /** `present` or `undecodable`. May have the caller's own value: what that means is not known here. */
  readonly holder: MarkerReading;
}

export type TakeAnswer = { readonly kind: 'taken' } | Held;

/**
 * Takes the marker if it is free. A loser has cost one round trip and has written nothing.
 * Each call to Redis may take `callTimeoutMs`: one call, but three for the winner on a cluster.
 * Throws OperatingError when Redis refuses or does not answer in time; then the marker may or may not be there.
 */
export async function takeMarker(
  redis: MarkerRedis,
  take: MarkerTake,
  callTimeoutMs: number,
): Promise<TakeAnswer> {
  const ttlMs = Math.floor(take.ttlMs);
  if (!(ttlMs >= 1 && Number.isFinite(ttlMs))) throw new RangeError(`no marker can live ${take.ttlMs} ms`);
  if (redis.isCluster) return takeOnCluster(redis, { ...take, ttlMs }, callTimeoutMs);
  const { indexKey, member, markerKey, markerValue } = take;
  const reply = await call(`taking the marker ${markerKey}`, callTimeoutMs, async () =>
    runScript(
      redis,
      takeMarkerScript,
      [markerKey, indexKey],
      [markerValue, ttlMs, member, ttlMs + indexKeptMs],
    ),
  );
  return answerFrom(decodeReading(reply)) ?? { kind: 'taken' };
}

async function takeOnCluster(
  redis: MarkerRedis,
  take: MarkerTake,
  callTimeoutMs: number,
): Promise<TakeAnswer> {
  const { indexKey, member, markerKey, markerValue, ttlMs } = take;
  const what = `taking the marker ${markerKey}`;
  const [before, nowMs] = await Promise.all([
    readHolder(redis, markerKey, callTimeoutMs),
    call(what, callTimeoutMs, async () => readServerTime(redis, markerKey, callTimeoutMs)),
  ]);
  if (before !== null) return before;
  await call(`listing ${markerKey} in ${indexKey}`, callTimeoutMs, async () =>
    runScript(redis, listOpenClaimScript, [indexKey], [member, ttlMs + indexKeptMs]),
  );
  // One that came when its entry was forgotten already would not be found by anybody.
  const notAfterMs = Math.floor(nowMs + 3 * callTimeoutMs);
  const reply = await call(what, callTimeoutMs, async () =>
    runScript(redis, reissueMarkerScript, [markerKey], [notAfterMs, markerValue, ttlMs]),
  );
  if (reply === 1) return { kind: 'taken' };
  const after = await readHolder(redis, markerKey, callTimeoutMs);
  if (after === null)
    throw new OperatingError('timed_out', `Gave up ${what}: another had it, or it took too long.`);
  // With its own value the marker may be this take's: the client sends again after a broken connection.
  const isOwn = after.holder.kind === 'present' && after.holder.value === markerValue;
  if (!isOwn) await leaveIndex(redis, indexKey, [member], callTimeoutMs);
  return after;
}

async function readHolder(
  redis: MarkerRedis,
  markerKey: string,
  callTimeoutMs: number,
): Promise<Held | null> {
  const [reading] = await observeMarkers(redis, [markerKey], callTimeoutMs);
  return answerFrom(reading ?? { kind: 'unread', reason: 'no reading' });
}

/** Null where nobody holds it. */
function answerFrom(reading: MarkerReading): Held | null {
  if (reading.kind === 'unread') throw new OperatingError('redis_unreachable', reading.reason);
  return reading.kind === 'absent' ? null : { kind: 'held', holder: reading };
}

/**
 * Deletes the marker if it has this value and ends no later than `leftMs` from now (somebody set it again otherwise),
 * then leaves the index, whichever it was. Where values do not name the attempt, count `leftMs` from when the take was
 * answered: with more, a later marker of the same value may be taken for this one.
 * Throws OperatingError when Redis refuses or does not answer in time: the claim may still be listed then, so that the
 * marker is found.
 */
export async function releaseMarker(
  redis: MarkerRedis,
  marker: MarkerTake & { readonly leftMs: number },
  callTimeoutMs: number,
): Promise<'deleted' | 'not_ours'> {
  const { indexKey, member, markerKey, markerValue, leftMs } = marker;
  const keys = redis.isCluster ? [markerKey] : [markerKey, indexKey];
  const reply = await call(`releasing the marker ${markerKey}`, callTimeoutMs, async () => {
    const nowMs = await readServerTime(redis, markerKey, callTimeoutMs);
    const [notAfterMs, endsAtMs] = [Math.floor(nowMs + callTimeoutMs), Math.ceil(nowMs) + Math.ceil(leftMs)];
    return runScript(redis, releaseMarkerScript, keys, [notAfterMs, markerValue, endsAtMs, member]);
  });
  if (reply !== 1 && reply !== 0) {
    throw new OperatingError(
      'timed_out',
      `Releasing the marker ${markerKey} came too late and was refused. Nothing was changed: the claim is still listed ` +
        `in ${indexKey}, and is settled from there.`,
    );
  }
  if (redis.isCluster) await leaveIndex(redis, indexKey, [member], callTimeoutMs);
  return reply === 1 ? 'deleted' : 'not_ours';
}

/** Takes entries out of the index. Throws OperatingError when Redis refuses or does not answer in time. */
export async function leaveIndex(
  redis: MarkerRedis,
  indexKey: string,
  members: readonly string[],
  callTimeoutMs: number,
): Promise<void> {
  for (let at = 0; at < members.length; at += entriesPerStep) {
    const step = members.slice(at, at + entriesPerStep);
    await call(`leaving ${indexKey}`, callTimeoutMs, async () => redis.zrem(indexKey, ...step));
  }
}

/**
 * Entries that are at least `ageMs` old by Redis's clock, oldest first, `skip` of them passed over.
 * Throws OperatingError when Redis refuses or does not answer in time.
 */
export async function readOpenClaims(
  redis: MarkerRedis,
  range: { indexKey: string; ageMs: number; skip: number; rowsMax: number },
  callTimeoutMs: number,
): Promise<{ member: string; ageMs: number }[]> {
  const { indexKey, ageMs, skip, rowsMax } = range;
  return call(
    `reading ${indexKey}`,
    callTimeoutMs,
    async () => {
      const reply = await runScript(redis, readOpenClaimsScript, [indexKey], [ageMs, skip, rowsMax]);
      const [nowMs, found]: unknown[] = Array.isArray(reply) ? reply : [];
      if (typeof nowMs !== 'number' || !Array.isArray(found))
        throw new TypeError('the reply was not understood');
      const entries: { member: string; ageMs: number }[] = [];
      for (let at = 0; at < found.length; at += 2) {
        entries.push({ member: String(found[at]), ageMs: nowMs - Number(found[at + 1]) });
      }
      return entries;
    },
    '',
  );
}

/** One exchange with Redis, bounded in time; what goes wrong with it is told in words. */
async function call<T>(
  what: string,
  callTimeoutMs: number,
  ask: () => Promise<T>,
  afterwards = 'Whether anything was changed is not known.',
): Promise<T> {
  try {
    return await withDeadline(ask(), callTimeoutMs, what);
  } catch (error) {
    const { code, message } = describeRedisError(error);
    const trouble = error instanceof OperatingError ? message : `While ${what}: ${message}`;
    const outcome = error instanceof ReplyError ? 'Nothing was changed.' : afterwards;
    // Without its cause: the library's error carries all arguments, and with them all that the application gave.
    throw new OperatingError(code, `${trouble} ${outcome}`.trim());
  }
}
