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
  claim(request: ClaimRequest): Promise<ClaimAnswer>;
  lookup(attempt: string): Promise<AttemptState>;
  counts(): ClaimCounts;
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
      const answering = counted(request);
      afterWork.watch(answering);
      return answering;
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
