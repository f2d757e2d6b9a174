/**
 * One claim and one marker in memory, with a clock: what the Lua scripts in `redis/` do, in a few lines that can be
 * compared with them.
 * Does not judge: `assess` and `decide` are what it is there to try.
 */
import type { Observation } from '../../src/domain/assess.ts';
import type { ReadableClaim } from '../../src/domain/claim.ts';
import type { PresentMarker } from '../../src/domain/marker.ts';
import type { MarkerChange } from '../../src/domain/repair-action.ts';

/** `endsAtMs: null`: without an expiry. */
export interface StoredMarker {
  readonly value: string;
  readonly endsAtMs: number | null;
}

export interface World {
  readonly nowMs: number;
  readonly claim: ReadableClaim;
  readonly marker: StoredMarker | null;
}

/** The same world later: what has run out is gone. */
export function afterMs(world: World, passedMs: number): World {
  const nowMs = world.nowMs + passedMs;
  const { marker } = world;
  const isOver = marker !== null && marker.endsAtMs !== null && marker.endsAtMs <= nowMs;
  return { ...world, nowMs, marker: isOver ? null : marker };
}

export function observe({ claim, marker, nowMs }: World): Observation {
  if (marker === null) return { claim, marker: { kind: 'absent' } };
  const expiresInMs = marker.endsAtMs === null ? null : marker.endsAtMs - nowMs;
  return { claim, marker: { kind: 'present', value: marker.value, expiresInMs } };
}

/** The world after a script ran. A script that refuses changes nothing and returns the very same world. */
export function apply(world: World, action: MarkerChange): World {
  const { nowMs, marker } = world;
  if (action.kind === 'reissue_marker') {
    if (marker !== null) return world;
    return { ...world, marker: { value: action.value, endsAtMs: nowMs + action.expiresInMs } };
  }
  if (marker === null || !isStillThere(marker, action.observed, nowMs)) return world;
  switch (action.kind) {
    case 'delete_marker':
      return { ...world, marker: null };
    case 'set_expiry':
      return { ...world, marker: { ...marker, endsAtMs: nowMs + action.expiresInMs } };
    case 'replace_marker':
      return { ...world, marker: { value: action.value, endsAtMs: nowMs + action.expiresInMs } };
  }
}

/** The guard of the scripts: the same value, and no more time left than observed. No expiry is the longest. */
function isStillThere(marker: StoredMarker, observed: PresentMarker, nowMs: number): boolean {
  if (marker.value !== observed.value) return false;
  if (observed.expiresInMs === null) return true;
  return marker.endsAtMs !== null && marker.endsAtMs - nowMs <= observed.expiresInMs;
}
