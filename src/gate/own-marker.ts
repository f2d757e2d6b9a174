/**
 * What a claim does with the marker it took: gives it back, hands it to the claim it belongs to, sets it again.
 * Invariants kept: (3) only a marker with the claim's own value and no more time than was given to it is touched;
 * (4) nothing is written without an expiry. What fails is told, and left to the reconciler.
 */
import type { ReadableClaim } from '../domain/claim.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { readDatabaseTime } from '../postgres/horizon.ts';
import { changeMarkers, type ChangeResult } from '../redis/change-marker.ts';
import { leaveIndex, releaseMarker } from '../redis/open-claims.ts';
import { leftMs, tell, type Admitted, type GateContext } from './gate-context.ts';

/** Deletes the own marker and leaves the index. */
export async function release(gate: GateContext, admitted: Admitted, claimId: string | null): Promise<void> {
  if (!mayTellOwn(gate, admitted)) return;
  try {
    await releaseMarker(gate.redis, { ...admitted.marker, leftMs: leftMs(admitted) }, gate.redisTimeoutMs);
  } catch (error) {
    tell(gate, 'A marker could not be released; the reconciler deletes it', admitted, claimId, error);
  }
}

/** The same for a marker that may not even be there, without anybody waiting. */
export function releaseInPassing(gate: GateContext, admitted: Admitted): void {
  if (!mayTellOwn(gate, admitted)) return;
  const { afterWork, redis, redisTimeoutMs } = gate;
  const marker = { ...admitted.marker, leftMs: leftMs(admitted) };
  // That Redis is in trouble was told already; an entry of the index is left if the marker is.
  afterWork.start(async () => releaseMarker(redis, marker, redisTimeoutMs).catch(() => undefined));
}

/**
 * Whether the own marker can be told from all others. Where it is not known to be taken, and its value does not name the
 * attempt, one that is there may be another attempt's of the same driver: if it is this one's, it is listed, and found.
 */
function mayTellOwn({ table: { source } }: GateContext, { takenAtMs }: Admitted): boolean {
  return takenAtMs !== null || source.marker.value === null || source.rules.valueNamesAttempt;
}

/** Leaves the index after the answer; sets the marker first where it may be missing. */
export function leaveAfterwards(
  gate: GateContext,
  admitted: Admitted,
  claimId: string | null,
  { setsMarker = false } = {},
): void {
  const leave = async (): Promise<void> => {
    const { marker } = admitted;
    try {
      if (setsMarker) await setAgain(gate, admitted);
      await leaveIndex(gate.redis, marker.indexKey, [marker.member], gate.redisTimeoutMs);
    } catch (error) {
      tell(
        gate,
        'The marker or its entry in the open-claims index is left to the reconciler',
        admitted,
        claimId,
        error,
      );
    }
  };
  gate.afterWork.start(leave);
}

async function setAgain(gate: GateContext, { marker, window }: Admitted): Promise<void> {
  const expiresInMs = Math.floor(window.expiresAtMs - Date.now());
  if (expiresInMs < 1) return;
  const { markerKey: key, markerValue: value } = marker;
  const change = { kind: 'reissue_marker', key, value, expiresInMs } as const;
  expectMade(await changeMarkers(gate.redis, [change], gate.redisTimeoutMs));
}

/**
 * Hands the own marker to the live claim it stands in the way of: the marker of that claim was lost. Where that claim's
 * window is over there is nothing to hand over, and the marker is deleted.
 */
export async function handOver(gate: GateContext, admitted: Admitted, live: ReadableClaim): Promise<void> {
  const { redis, redisTimeoutMs, pool } = gate;
  const { markerKey: key, markerValue } = admitted.marker;
  try {
    const expiresInMs = Math.floor(live.expiresAtMs - (await readDatabaseTime(pool)));
    if (expiresInMs < 1) return await release(gate, admitted, live.id);
    const observed = { kind: 'present', value: markerValue, expiresInMs: leftMs(admitted) } as const;
    const value = live.markerValue ?? live.attempt;
    const change = { kind: 'replace_marker', key, observed, value, expiresInMs } as const;
    const results = await changeMarkers(redis, [change], redisTimeoutMs);
    expectMade(results);
    // One that was not changed may still be the own one, if this came too late: it stays listed, so that it is found.
    if (results.every(({ kind }) => kind === 'applied')) leaveAfterwards(gate, admitted, live.id);
  } catch (error) {
    tell(gate, 'A marker could not be handed to the live claim it belongs to', admitted, live.id, error);
  }
}

/** `superseded` is as good: another one has it right now. */
function expectMade(results: readonly ChangeResult[]): void {
  for (const result of results) {
    if (result.kind === 'failed' || result.kind === 'unknown') {
      throw new OperatingError('redis_unreachable', result.reason);
    }
  }
}
