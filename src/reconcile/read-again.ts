/**
 * Reads claims again that were read before: by id, or by attempt where there was no row.
 * Does not look at markers: see `observe-claims.ts`.
 */
import { deletedClaim, type ClaimReading } from '../domain/claim.ts';
import { readClaims } from '../postgres/claims.ts';
import { readClaimsByAttempt } from '../postgres/write-claim.ts';
import { rowOf } from './observe-claims.ts';
import type { SourceContext } from './source-context.ts';

/** As they are now, in order. What had no row and still has none is `no_row`. */
export async function readAgain(
  { pool, sql }: SourceContext,
  before: readonly ClaimReading[],
): Promise<ClaimReading[]> {
  const ids = before.flatMap((claim) => (claim.kind === 'no_row' ? [] : [claim.id]));
  const byId = ids.length === 0 ? new Map<string, ClaimReading>() : await readClaims(pool, sql, ids);
  const attempts = before.flatMap((claim) => attemptOf(claim) ?? []);
  const byAttempt =
    attempts.length === 0 ? new Map<string, ClaimReading>() : await readClaimsByAttempt(pool, sql, attempts);
  return before.map((claim) => {
    if (claim.kind !== 'no_row') return byId.get(claim.id) ?? deletedClaim;
    if (claim.open === null) return deletedClaim;
    return rowOf(claim.open, byAttempt.get(claim.open.attempt) ?? deletedClaim);
  });
}

function attemptOf(claim: ClaimReading): string | null {
  return claim.kind === 'no_row' ? (claim.open?.attempt ?? null) : null;
}
