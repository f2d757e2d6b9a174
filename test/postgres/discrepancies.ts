/**
 * Discrepancies and repairs as the tests record them: one plain example of each, and how to put many in.
 */
import type pg from 'pg';
import type { MarkerReading } from '../../src/domain/marker.ts';
import type { RepairAction } from '../../src/domain/repair-action.ts';
import type { BrakeLimits } from '../../src/domain/source.ts';
import type { Admission } from '../../src/postgres/brake.ts';
import { recordDiscrepancies, type Evidence, type FoundDiscrepancy } from '../../src/postgres/discrepancy.ts';
import { beginPass } from '../../src/postgres/pass.ts';
import type { IntendedRepair } from '../../src/postgres/repair-journal.ts';

export const source = 'gifts';
export const limits: BrakeLimits = { repairsPerPlan: 10, repairsPerHour: 20, share: 0.5, shareSample: 100 };

export function evidenceOf(marker: MarkerReading = { kind: 'absent' }): Evidence {
  return { claim: { kind: 'no_row', open: null }, marker, atMs: 1_780_000_000_000 };
}

export function foundOf(claimId: string, changes: Partial<FoundDiscrepancy> = {}): FoundDiscrepancy {
  const verdict = 'missing_marker';
  return {
    claimId,
    markerKey: `gift:${claimId}`,
    changeXid: '1001',
    verdict,
    evidence: evidenceOf(),
    ...changes,
  };
}

export async function startPass(pool: pg.Pool, fencingToken = '1'): Promise<string> {
  return (await beginPass(pool, { source, askedBy: 'test', mode: 'repair', fencingToken })).passId;
}

/** Records missing markers for these claims under a pass of their own. */
export async function recordFound(pool: pg.Pool, ...claimIds: string[]): Promise<string> {
  const passId = await startPass(pool);
  await recordDiscrepancies(
    pool,
    source,
    passId,
    claimIds.map((id) => foundOf(id)),
  );
  return passId;
}

/** A re-issue for the discrepancy with this id, which the tests number from 1 on. */
export function repairOf(discrepancyId: string, changes: Partial<IntendedRepair> = {}): IntendedRepair {
  const key = `gift:${discrepancyId}`;
  const action: RepairAction = { kind: 'reissue_marker', key, value: 'a1', expiresInMs: 1_000 };
  return { discrepancyId, action, before: evidenceOf(), undoOf: null, ...changes };
}

export function admissionOf(planned: number, changes: Partial<Admission> = {}): Admission {
  return { source, limits, planned, judged: 0, bad: 0, force: false, by: 'test', ...changes };
}
