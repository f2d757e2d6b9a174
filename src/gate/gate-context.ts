/**
 * What every step of a claim works with, and the claim that is under way.
 * Does not decide anything: the story is in `claim.ts`.
 */
import type pg from 'pg';
import type { AttemptCheck, ClaimCheck } from '../domain/claim-input.ts';
import type { ClaimWindow, WindowRule } from '../domain/claim-window.ts';
import type { Distributor } from '../domain/distributor.ts';
import type { ColumnValue } from '../domain/open-claim.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import type { ClaimTable } from '../postgres/claim-table.ts';
import type { MarkerRedis, MarkerTake } from '../redis/open-claims.ts';
import type { AfterWork } from './after-work.ts';
import type { OpenEligibility } from './eligibility.ts';

export interface GateContext {
  readonly pool: pg.Pool;
  readonly table: ClaimTable;
  readonly redis: MarkerRedis;
  readonly distributor: Distributor;
  readonly indexKey: string;
  readonly check: ClaimCheck;
  readonly checkAttempt: AttemptCheck;
  readonly window: WindowRule;
  /** Null: everything is open. */
  readonly eligibility: OpenEligibility | null;
  readonly redisTimeoutMs: number;
  readonly distributorTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly whenRedisIsDown: 'refuse' | 'postgres';
  readonly afterWork: AfterWork;
  readonly onTrouble: (error: OperatingError) => void;
}

/** A claim whose input was checked. */
export interface Wanted {
  readonly attempt: string;
  readonly columns: Readonly<Record<string, ColumnValue>>;
  readonly window: ClaimWindow;
  readonly marker: MarkerTake;
  /** Unix milliseconds: after this moment the distributor must not be asked for it. */
  readonly notAfterMs: number;
}

/** A claim that may be written. */
export interface Admitted extends Wanted {
  /** When its marker was known to be taken, by the monotonic clock; null when Redis did not say so. */
  readonly takenAtMs: number | null;
}

/** How much time the own marker has left at most: with more, somebody set it again. */
export function leftMs({ marker, takenAtMs }: Admitted): number {
  if (takenAtMs === null) return marker.ttlMs;
  return Math.max(0, Math.ceil(marker.ttlMs - (performance.now() - takenAtMs)));
}

/** The error for people, whatever it is: what was handed out stays handed out, even after an error of our own. */
export function troubleOf(error: unknown): OperatingError {
  try {
    return asOperatingError(error);
  } catch {
    return new OperatingError('not_ready', `An error in the program itself: ${String(error)}.`, {
      cause: error,
    });
  }
}

/** Tells of something that went wrong behind an answer, with all that is needed to find it. */
export function tell(
  gate: GateContext,
  what: string,
  { attempt, marker }: Wanted,
  claimId: string | null,
  error: unknown,
): void {
  const { code, message } = troubleOf(error);
  const claim = claimId === null ? 'no claim was written' : `claim ${claimId}`;
  gate.onTrouble(
    new OperatingError(
      code,
      `${what}: marker ${marker.markerKey}, attempt ${attempt}, ${claim}. ${message}`,
      {
        cause: error,
      },
    ),
  );
}
