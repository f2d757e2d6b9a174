/**
 * A gate: what an application claims through, over stores that are open already.
 * Invariants kept: a claim is answered within the time-outs given, and closing ends; the application's own callbacks
 * cannot change an answer.
 * Does not open or close stores: see `entry/gate.ts`.
 */
import { OperatingError } from '../domain/operating-error.ts';
import { withDeadline } from '../redis/connect.ts';
import type { AttemptState, ClaimAnswer, ClaimRequest } from './claim-answer.ts';
import { claim } from './claim.ts';
import type { GateOptions, GateParts } from './gate-options.ts';
import { lookUpAttempt } from './look-up-attempt.ts';
import { openContext } from './open-context.ts';

export type { AttemptState, ClaimAnswer, ClaimRequest } from './claim-answer.ts';
export type { GateOptions, GateParts } from './gate-options.ts';

/** Claims by answer since the gate was opened; `failed` are those that were rejected. */
export type ClaimCounts = Readonly<Record<ClaimAnswer['kind'] | 'failed', number>>;

export interface Gate {
  /**
   * Tries to claim, and answers when it is settled or cannot be for now. A loser costs one round trip to Redis; a winner two
   * statements and one call to the distributor. Takes as long as its time-outs allow at most: Redis's, twice that of a
   * statement, the distributor's.
   *
   * Guarantees: of all claims on one marker at most one at a time is granted, by the table's unique index; the distributor is
   * asked under one key, and not after the claim's time; a marker is never without an expiry. After `unknown`, and after a
   * crash at any step, the reconciler settles the claim.
   *
   * Rejects with an OperatingError when nothing was handed out and nothing will be: `bad_claim` (all that is wrong, nothing
   * was touched, or Postgres refused the values), `redis_unreachable`, `postgres_unreachable`, `timed_out`, `not_ready`,
   * `configuration` (the table is no longer what it was).
   *
   * The method: a marker by `SET NX PX` (the pattern of a lock with an owner's token that Redis documents for `SET`), the
   * claim written before the call whose outcome may get lost, and an idempotency key for that call.
   */
  claim(request: ClaimRequest): Promise<ClaimAnswer>;
  /**
   * What became of an attempt, by its row. Changes nothing. Rejects with an OperatingError: `bad_claim` for what cannot be an
   * attempt, `postgres_unreachable` and the like when there is no answer.
   */
  lookup(attempt: string): Promise<AttemptState>;
  counts(): ClaimCounts;
  /**
   * Takes no more claims, and waits for those under way and what follows their answers, `closeTimeoutMs` at most. What is left
   * then is told and settled by the reconciler. Never rejects.
   */
  close(): Promise<void>;
}

/** Throws OperatingError `configuration` for options that do not fit the source. */
export function createGate(parts: GateParts, options: GateOptions): Gate {
  const context = openContext(parts, options);
  const { afterWork, closeTimeoutMs, eligibility, onTrouble } = context;
  const counts = { granted: 0, already_claimed: 0, refused: 0, unknown: 0, failed: 0 };
  let isClosed = false;
  const counted = async (request: ClaimRequest): Promise<ClaimAnswer> => {
    try {
      const answer = await claim(context, request);
      counts[answer.kind] += 1;
      return answer;
    } catch (error) {
      counts.failed += 1;
      throw error;
    }
  };
  return {
    async claim(request) {
      if (isClosed) throw new OperatingError('not_ready', 'The gate is closed: nothing was touched.');
      return afterWork.count(async () => counted(request));
    },
    lookup: async (attempt) => lookUpAttempt(context, attempt),
    counts: () => ({ ...counts }),
    async close() {
      isClosed = true;
      try {
        await withDeadline(afterWork.idle(), closeTimeoutMs, 'closing the gate');
      } catch (error) {
        const left = `${afterWork.size} claims or their last steps were under way; the reconciler settles them`;
        onTrouble(new OperatingError('timed_out', `The gate was closed while ${left}.`, { cause: error }));
      }
      await eligibility?.close();
    },
  };
}
