/**
 * Reads claims in full together with their markers and judges each: for the suspicious few, before and after repairs.
 * Invariant kept (5): a failed read throws; it never becomes a verdict that leads to a repair.
 */
import { assess, type Observation } from '../domain/assess.ts';
import type { ClaimReading } from '../domain/claim.ts';
import type { MarkerReading } from '../domain/marker.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { Verdict } from '../domain/verdict.ts';
import { readClaims } from '../postgres/claims.ts';
import { observeMarkers } from '../redis/observe-markers.ts';
import type { SourceContext } from './source-context.ts';

export interface JudgedClaim extends Observation {
  readonly claimId: string;
  readonly verdict: Verdict;
  /** Database time of the reading, Unix milliseconds. */
  readonly atMs: number;
}

/** One judgement per id, in order. A claim whose row is gone is consistent: there is nothing to hold a marker to. */
export async function observeClaims(context: SourceContext, ids: readonly string[]): Promise<JudgedClaim[]> {
  const claims = await readClaims(context.pool, context.sql, ids);
  const readings = ids.map((id): ClaimReading => claims.get(id) ?? { kind: 'no_row' });
  const markers = await observeMarkersOf(context, readings);
  const atMs = context.nowMs();
  return ids.map((claimId, at) => {
    const claim = readings[at] ?? { kind: 'no_row' };
    const marker = markers[at] ?? { kind: 'absent' };
    return { claimId, claim, marker, atMs, verdict: assess({ claim, marker }, context.source.rules, atMs) };
  });
}

async function observeMarkersOf(
  context: SourceContext,
  claims: readonly ClaimReading[],
): Promise<MarkerReading[]> {
  const keys = claims.map((claim) => (claim.kind === 'no_row' ? null : claim.markerKey));
  const asked = keys.filter((key) => key !== null);
  const answers = (await observeMarkers(context.markers, asked, context.limits.callTimeoutMs))[
    Symbol.iterator
  ]();
  return keys.map((key): MarkerReading => {
    if (key === null) return { kind: 'absent' };
    const marker: MarkerReading = answers.next().value ?? { kind: 'unread', reason: 'no reading' };
    if (marker.kind === 'unread') {
      throw new OperatingError(
        'redis_unreachable',
        `A marker could not be read (${marker.reason}). Nothing of this batch counts as judged, nothing was repaired.`,
      );
    }
    return marker;
  });
}
