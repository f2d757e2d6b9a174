/**
 * Reads claims again that were read before: by id, or by attempt where there was no row.
 * Does not look at markers: see `observe-claims.ts`.
 */
import { deletedClaim, type ClaimReading } from '../domain/claim.ts';
import { readClaims } from '../postgres/claims.ts';
import { readClaimsByAttempt } from '../postgres/write-claim.ts';
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
    const now = claim.kind === 'no_row' ? byAttempt.get(attemptOf(claim) ?? '') : byId.get(claim.id);
    return now ?? deletedClaim;
  });
}

function attemptOf(claim: ClaimReading): string | null {
  return claim.kind === 'no_row' ? (claim.open?.attempt ?? null) : null;
}
