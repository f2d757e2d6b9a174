/**
 * The end of a claim whose distributor has spoken: the row follows its word, then the marker.
 * Invariants kept: the answer to the application is what the distributor said, whatever the stores do; only a pending
 * claim is released; a row that the reconciler moved on is taken as it is, but for what was handed out.
 */
import { OperatingError } from '../domain/operating-error.ts';
import { findLiveClaim } from '../postgres/claim-table.ts';
import { readClaimsByAttempt, settleClaim } from '../postgres/write-claim.ts';
import type { Granted, Refused } from './claim-answer.ts';
import { tell, troubleOf, type Admitted, type GateContext } from './gate-context.ts';
import { leaveAfterwards, release } from './own-marker.ts';

export async function settleGranted(gate: GateContext, admitted: Admitted, id: string): Promise<Granted> {
  try {
    const settling = await moveToGranted(gate, id);
    if (settling === 'live_elsewhere') await tellDoubleGrant(gate, admitted, id);
    if (settling === 'moved_on' && (await isGone(gate, admitted))) {
      // By its entry of the index the reconciler finds out that it was granted, and writes it again.
      throw new OperatingError('not_found', 'Its row is gone: deleted, or lost by a server that took over.');
    }
    const setsMarker = settling === 'granted_again' || admitted.takenAtMs === null;
    leaveAfterwards(gate, admitted, id, { setsMarker: setsMarker && settling !== 'live_elsewhere' });
  } catch (error) {
    tell(gate, 'A granted claim could not be settled; the reconciler does it', admitted, id, error);
  }
  return { kind: 'granted', attempt: admitted.attempt, claimId: id };
}

async function moveToGranted(
  { pool, table }: GateContext,
  id: string,
): Promise<'settled' | 'granted_again' | 'live_elsewhere' | 'moved_on'> {
  const settling = await settleClaim(pool, table.sql, { id, from: ['pending'], to: 'granted' });
  if (settling !== 'moved_on') return settling;
  // The reconciler was faster: it granted it, or took no answer for a no and released it.
  const again = await settleClaim(pool, table.sql, { id, from: ['released'], to: 'granted' });
  return again === 'settled' ? 'granted_again' : again;
}

async function isGone({ pool, table }: GateContext, { attempt }: Admitted): Promise<boolean> {
  const reading = (await readClaimsByAttempt(pool, table.sql, [attempt])).get(attempt);
  return reading === undefined || reading.kind === 'no_row';
}

/** Its claim was released, its place taken, and now it turns out that it was handed out. */
async function tellDoubleGrant(gate: GateContext, admitted: Admitted, id: string): Promise<void> {
  const { attempt, marker } = admitted;
  let other = 'another, whose claim is gone';
  try {
    const live = await findLiveClaim(gate.pool, gate.table, admitted.columns);
    if (live !== null) other = `attempt ${live.attempt} (claim ${live.id}, ${live.status})`;
  } catch (error) {
    other = `another, whose claim could not be read: ${troubleOf(error).message}`;
  }
  gate.onTrouble(
    new OperatingError(
      'double_grant',
      `Handed out twice, or about to be: marker ${marker.markerKey} to attempt ${attempt} (claim ${id}), which had been ` +
        `released, and to ${other}. Take one of them back at the distributor.`,
    ),
  );
}

export async function settleRefused(
  gate: GateContext,
  admitted: Admitted,
  id: string,
  reason: string,
): Promise<Refused> {
  const { pool, table } = gate;
  try {
    const settling = await settleClaim(pool, table.sql, { id, from: ['pending'], to: 'released' });
    if (settling === 'settled' || (await isGone(gate, admitted))) await release(gate, admitted, id);
    else leaveAfterwards(gate, admitted, id);
  } catch (error) {
    tell(gate, 'A refused claim could not be settled; the reconciler does it', admitted, id, error);
  }
  return { kind: 'refused', reason, attempt: admitted.attempt, claimId: id };
}
