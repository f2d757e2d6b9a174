/**
 * Looks at what an application reported: the claim of the attempt, by its marker or by itself, and the marker.
 * Invariant kept (5): a failed read throws. Records nothing: see `judge-reports.ts`.
 */
import { remainingMs } from '../domain/assess.ts';
import { markerKeyOf, type ReadableClaim } from '../domain/claim.ts';
import type { MarkerReading } from '../domain/marker.ts';
import { reportedClaim } from '../domain/reported-claim.ts';
import { matchTemplate } from '../domain/template.ts';
import { isBad } from '../domain/verdict.ts';
import { findClaimsOnMarker } from '../postgres/claims.ts';
import type { UnjudgedReport } from '../postgres/report.ts';
import { observeClaims, observeOpenClaims, type Look } from './observe-claims.ts';
import type { SourceContext } from './source-context.ts';

export type Reported = Omit<UnjudgedReport, 'id'>;

/** What was seen. Without a row its open claim is what the report tells of it. */
export interface Sight extends Look {
  /** What is not plain from claim and marker; null where all is. */
  readonly remark: string | null;
}

/** Rows of one marker that are looked at; more would mean that the key is not what it seems. */
const claimsPerMarkerMax = 100;
const absent = { kind: 'absent' } as const;

export async function lookAtReported(context: SourceContext, reported: Reported): Promise<Sight> {
  const { pool, sql, source } = context;
  const { markerKey: key, attempt } = reported;
  const keyValues = matchTemplate(source.marker.key, key) ?? new Map<string, string>();
  const ids = await findClaimsOnMarker(pool, sql, { key, keyValues }, claimsPerMarkerMax);
  const onMarker = await observeClaims(context, ids);
  const own = onMarker.find(({ claim }) => claim.kind === 'readable' && claim.attempt === attempt);
  if (own !== undefined) return { ...own, remark: null };
  const [open] = await observeOpenClaims(context, [reportedClaim(source, reported, absent, context.nowMs())]);
  if (open === undefined) throw new Error('an open claim was not looked at');
  const rowId = open.claim.kind === 'no_row' ? open.claim.elsewhereId : open.claim.id;
  if (rowId === undefined) return lookAtRowless(context, reported, open, onMarker);
  return lookAtOther(context, rowId, key);
}

/** The attempt has no row. Where values do not name it, the marker may be that of a live claim. */
function lookAtRowless(
  { source }: SourceContext,
  reported: Reported,
  { marker, atMs, verdict }: Look,
  onMarker: readonly Look[],
): Sight {
  const claim = { kind: 'no_row', open: reportedClaim(source, reported, marker, atMs) } as const;
  const live = onMarker.map((look) => liveClaimOf(look, marker)).find((found) => found !== null);
  if (!isBad(verdict) || live === undefined || source.rules.valueNamesAttempt) {
    return { claim, marker, atMs, verdict, remark: null };
  }
  const remark = `The attempt has no claim, and its marker may be that of claim ${live.id}, which is live; it stays.`;
  return { claim, marker, atMs, verdict: 'consistent', remark };
}

/** The claim, if it is live and the marker may be its own. */
function liveClaimOf({ claim, atMs }: Look, marker: MarkerReading): ReadableClaim | null {
  if (claim.kind !== 'readable' || claim.status === 'released') return null;
  const isExpected =
    claim.markerValue === null || (marker.kind === 'present' && marker.value === claim.markerValue);
  return isExpected && (claim.status === 'pending' || remainingMs(claim, atMs) > 0) ? claim : null;
}

/** A row that was not found by its marker: written just now, unreadable, or of another marker. */
async function lookAtOther(context: SourceContext, id: string, key: string): Promise<Sight> {
  const [seen] = await observeClaims(context, [id]);
  if (seen === undefined) throw new Error('a claim was not looked at');
  const ownKey = markerKeyOf(seen.claim);
  if (ownKey === null || ownKey === key) return { ...seen, remark: null };
  const remark = `The attempt is that of claim ${id}, whose marker is ${ownKey}; nothing was recorded. Check the key.`;
  return { ...seen, verdict: 'consistent', remark };
}
