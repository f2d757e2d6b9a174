/**
 * What became of an attempt, by its row.
 * Invariant kept: what cannot be understood is `unknown`; a Postgres that does not answer is an error, never "not found".
 */
import type { ClaimReading } from '../domain/claim.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import { readClaimsByAttempt } from '../postgres/write-claim.ts';
import type { AttemptState } from './claim-answer.ts';
import type { GateContext } from './gate-context.ts';

/** Throws OperatingError when Postgres does not answer, and `bad_claim` for what cannot be an attempt. */
export async function lookUpAttempt(gate: GateContext, given: string): Promise<AttemptState> {
  const problems: string[] = [];
  const attempt = gate.checkAttempt(given, problems);
  if (problems.length > 0)
    throw new OperatingError('bad_claim', `No attempt was looked up: ${problems.join('; ')}.`);
  return stateOf(await read(gate, attempt));
}

async function read({ pool, table }: GateContext, attempt: string): Promise<ClaimReading | undefined> {
  try {
    return (await readClaimsByAttempt(pool, table.sql, [attempt])).get(attempt);
  } catch (error) {
    throw asOperatingError(error);
  }
}

function stateOf(reading: ClaimReading | undefined): AttemptState {
  if (reading === undefined || reading.kind === 'no_row') return { kind: 'not_found' };
  const claimId = reading.id;
  if (reading.kind === 'unreadable') return { kind: 'unknown', claimId, reason: reading.reason };
  switch (reading.status) {
    case 'granted':
      return { kind: 'granted', claimId };
    case 'released':
      return { kind: 'refused', claimId };
    case 'pending':
      return { kind: 'unknown', claimId, reason: 'it is under way, or waits for the reconciler' };
  }
}
