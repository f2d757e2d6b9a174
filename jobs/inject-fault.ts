/**
 * Job: one round of the canary. It injects the next fault into a claim of our own; the passes have to find and repair it.
 */
import { z } from 'zod';
import type { CanaryRules } from '../src/domain/canary.ts';
import { clearOldRounds, injectFault, type CanaryStores } from '../src/reconcile/canary-round.ts';
import { canaryPayloadSchema } from '../src/schedule/canary-payload.ts';
import type { JobReporter } from './job.ts';

export const name = 'inject-fault';

export const payloadSchema = canaryPayloadSchema;

export type Payload = z.infer<typeof payloadSchema>;

export interface CanaryDeps extends CanaryStores {
  readonly rules: CanaryRules;
}

export interface Injected {
  /** Null: the slot had its round already. */
  readonly roundId: string | null;
  readonly fault: string | null;
}

/** Throws what the stores threw; running it again goes on where it stopped. */
export async function run(
  { slot }: Payload,
  deps: CanaryDeps,
  report: JobReporter,
  signal: AbortSignal,
): Promise<Injected> {
  signal.throwIfAborted();
  const round = await injectFault(deps, new Date(slot), deps.rules);
  report.log(
    round === null
      ? 'Nothing to do: the fault of this slot is in place.'
      : `Round ${round.roundId}: ${round.fault}. It must be found and repaired within ${deps.rules.withinMs / 1000} s.`,
  );
  const dropped = await clearOldRounds(deps);
  if (dropped > 0) report.log(`Cleared ${dropped} old rounds away.`);
  return { roundId: round?.roundId ?? null, fault: round?.fault ?? null };
}
