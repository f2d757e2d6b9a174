/**
 * Looks for a marker in the open-claims index, for a person who asks about it.
 * Invariant kept: bounded; an index too long to be looked through is said to be that. Takes nothing out.
 */
import { decodeOpenClaim, type OpenClaim } from '../domain/open-claim.ts';
import { readOpenClaims } from '../redis/open-claims.ts';
import type { SourceContext } from './source-context.ts';

export interface IndexEntry {
  readonly open: OpenClaim;
  readonly ageMs: number;
}

export interface IndexSight {
  /** `partly`: the oldest entries were looked at, and there are more. */
  readonly kind: 'looked_through' | 'partly' | 'not_looked_at';
  readonly entries: readonly IndexEntry[];
}

const entriesPerLook = 500;
/** The index holds what is in flight or stuck; with more in it something else is the matter. */
const looksMax = 8;

/** The entries of one marker. Throws when Redis does not answer. */
export async function findInIndex(context: SourceContext, markerKey: string): Promise<IndexSight> {
  const { markers, limits, openClaimsKey: indexKey } = context;
  const entries: IndexEntry[] = [];
  for (let look = 0; look < looksMax; look += 1) {
    const range = { indexKey, ageMs: 0, skip: look * entriesPerLook, rowsMax: entriesPerLook };
    const found = await readOpenClaims(markers, range, limits.callTimeoutMs);
    for (const { member, ageMs } of found) {
      const open = decodeOpenClaim(member);
      if (open?.markerKey === markerKey) entries.push({ open, ageMs });
    }
    if (found.length < entriesPerLook) return { kind: 'looked_through', entries };
  }
  return { kind: 'partly', entries };
}
