/**
 * Job: takes back one repair, or all of a pass.
 */
import { z } from 'zod';
import { asOperatingError } from '../src/postgres/as-operating-error.ts';
import { beginPass } from '../src/postgres/pass.ts';
import { sourceOf } from '../src/postgres/repair-journal.ts';
import { closePass, noWindow } from '../src/reconcile/close-pass.ts';
import { finishInterrupted } from '../src/reconcile/finish-interrupted.ts';
import type { PassOutcome, PassReport } from '../src/reconcile/pass-report.ts';
import { preflight } from '../src/reconcile/preflight.ts';
import { countRepair, startTally } from '../src/reconcile/tally.ts';
import { underTerm } from '../src/reconcile/under-term.ts';
import { undoRepairs, type UndoneRepair } from '../src/reconcile/undo-repairs.ts';
import { undoTargetSchema } from '../src/schedule/by-hand-payload.ts';
import { OperatingError } from '../src/domain/operating-error.ts';
import type { JobDeps, JobReporter } from './job.ts';

export const name = 'undo';

export const payloadSchema = z.strictObject({
  which: undoTargetSchema,
  force: z.boolean(),
  by: z.string(),
});

export type Payload = z.infer<typeof payloadSchema>;

export interface UndoResult {
  readonly source: string;
  readonly undone: readonly UndoneRepair[];
}

const defaultPatienceMs = 10_000;

/**
 * Waits `patienceMs` for a pass over the source to end, 10,000 unless given.
 * Throws `not_found` for a number that the journal does not have, `braked`, and what `underTerm` throws.
 */
export async function run(
  { which, by, force, patienceMs = defaultPatienceMs }: Payload & { readonly patienceMs?: number },
  deps: JobDeps,
  report: JobReporter,
  signal: AbortSignal,
): Promise<UndoResult> {
  const source = await sourceOf(deps.pool, which);
  if (source === null) {
    const wanted = 'repairId' in which ? `repair ${which.repairId}` : `pass ${which.passId}`;
    throw new OperatingError('not_found', `The journal has no ${wanted}; nothing was undone.`);
  }
  return underTerm(deps, { source, patienceMs }, signal, async (context, term) => {
    const startedAtMs = performance.now();
    const { from } = await preflight(context, term);
    const start = { source, askedBy: by, mode: context.source.rules.mode, fencingToken: term.fencingToken };
    const { passId } = await beginPass(context.pool, start);
    const tally = startTally();
    const close = async (outcome: PassOutcome, reason: string): Promise<PassReport> =>
      closePass(context, { passId, startedAtMs, from, to: from, window: noWindow, tally, outcome, reason });
    let undone: UndoneRepair[];
    try {
      await finishInterrupted(context, term, signal);
      undone = await undoRepairs(context, term, { which, by, force, passId }, signal);
    } catch (error) {
      const trouble = asOperatingError(error);
      await close(trouble.code === 'braked' ? 'braked' : 'aborted', trouble.message);
      throw trouble;
    }
    for (const { kind, outcome } of undone) {
      countRepair(tally, kind, outcome === 'undone' ? 'applied' : 'superseded');
    }
    await close('completed', 'undo');
    report.log(`Undone: ${tally.repairs.applied}; not undone: ${tally.repairs.superseded}.`);
    return { source, undone };
  });
}
