/**
 * Reads claims in full together with their markers and judges each: for the suspicious few, before and after repairs.
 * Invariant kept (5): a failed read throws; it never becomes a verdict that leads to a repair.
 */
import { assess, type Observation } from '../domain/assess.ts';
import { deletedClaim, type ClaimReading } from '../domain/claim.ts';
import type { MarkerReading } from '../domain/marker.ts';
import type { OpenClaim } from '../domain/open-claim.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { Verdict } from '../domain/verdict.ts';
import { readClaims } from '../postgres/claims.ts';
import type { OpenDiscrepancy } from '../postgres/discrepancy.ts';
import { readClaimsByAttempt } from '../postgres/write-claim.ts';
import { observeMarkers } from '../redis/observe-markers.ts';
import type { SourceContext } from './source-context.ts';

/** What was read of one claim, or of a marker without one, and what it means. */
export interface Look extends Observation {
  readonly verdict: Verdict;
  /** Database time of the reading, Unix milliseconds. */
  readonly atMs: number;
}

/** What a discrepancy is about. */
type Subject = Pick<OpenDiscrepancy, 'claimId' | 'evidence'>;

export interface JudgedClaim extends Look {
  readonly claimId: string;
}

/** One judgement per id, in order. A claim whose row is gone is consistent: there is nothing to hold a marker to. */
export async function observeClaims(context: SourceContext, ids: readonly string[]): Promise<JudgedClaim[]> {
  const claims = await readClaims(context.pool, context.sql, ids);
  const readings = ids.map((id): ClaimReading => claims.get(id) ?? deletedClaim);
  const markers = await readMarkers(
    context,
    readings.map((claim) => (claim.kind === 'no_row' ? null : claim.markerKey)),
  );
  const atMs = context.nowMs();
  return ids.map((claimId, at) => {
    const claim = readings[at] ?? deletedClaim;
    const marker = markers[at] ?? { kind: 'absent' };
    return { claimId, claim, marker, atMs, verdict: assess({ claim, marker }, context.source.rules, atMs) };
  });
}

/**
 * One judgement per entry of the open-claims index, in order. Once its row is there an entry is consistent: the row is
 * judged in its own turn. The marker is read first, so that a row written in between is not missed.
 */
export async function observeOpenClaims(
  context: SourceContext,
  entries: readonly OpenClaim[],
): Promise<Look[]> {
  if (entries.length === 0) return [];
  const markers = await readMarkers(
    context,
    entries.map(({ markerKey }) => markerKey),
  );
  const attempts = entries.map(({ attempt }) => attempt);
  const rows = await readClaimsByAttempt(context.pool, context.sql, attempts);
  const atMs = context.nowMs();
  return entries.map((open, at) => {
    const row = rows.get(open.attempt) ?? deletedClaim;
    const claim = rowOf(open, row);
    const marker = markers[at] ?? { kind: 'absent' };
    const verdict =
      claim.kind === 'no_row' ? assess({ claim, marker }, context.source.rules, atMs) : 'consistent';
    return { claim, marker, atMs, verdict };
  });
}

/** What the row of its attempt says of an open claim. One that is for another thing is not its row. */
export function rowOf(open: OpenClaim, row: ClaimReading): ClaimReading {
  if (row.kind === 'no_row') return { kind: 'no_row', open };
  const isElsewhere = row.markerKey !== null && row.markerKey !== open.markerKey;
  return isElsewhere ? { kind: 'no_row', open, elsewhereId: row.id } : row;
}

/** One look per discrepancy, in order: at its claim, or at the marker of an open claim that has none. */
export async function observeSubjects(context: SourceContext, subjects: readonly Subject[]): Promise<Look[]> {
  const ids = subjects.flatMap(({ claimId }) => claimId ?? []);
  const opens = subjects.flatMap((subject) => openClaimOf(subject) ?? []);
  const claims = (await observeClaims(context, ids))[Symbol.iterator]();
  const markers = (await observeOpenClaims(context, opens))[Symbol.iterator]();
  return subjects.map((subject) => {
    const look = (subject.claimId === null ? markers : claims).next().value;
    if (look === undefined) throw new Error('a discrepancy about neither a claim nor an open claim');
    return look;
  });
}

function openClaimOf({ claimId, evidence }: Subject): OpenClaim | null {
  return claimId === null && evidence.claim.kind === 'no_row' ? evidence.claim.open : null;
}

/** Throws when one cannot be read; null is a key that nobody knows. */
async function readMarkers(
  context: SourceContext,
  keys: readonly (string | null)[],
): Promise<MarkerReading[]> {
  const asked = keys.filter((key) => key !== null);
  const { markers, form, limits } = context;
  const answers = (await observeMarkers(markers, asked, limits.callTimeoutMs, form))[Symbol.iterator]();
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
