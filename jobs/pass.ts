/**
 * Job: one pass over one source.
 */
import { z } from 'zod';
import type { PassReport } from '../src/reconcile/pass-report.ts';
import { reconcilePass } from '../src/reconcile/reconcile-pass.ts';
import { rewindIfRead, type RewindTarget } from '../src/reconcile/rewind-source.ts';
import type { OfferChunks } from '../src/reconcile/window-request.ts';
import { underTerm } from '../src/reconcile/under-term.ts';
import type { JobDeps, JobReporter } from './job.ts';

export const name = 'pass';

export const payloadSchema = z.strictObject({
  source: z.string(),
  /** `schedule`, or the person who asked. */
  by: z.string(),
  force: z.boolean(),
  /** A one-off run waits for the lease, and for a horizon that is old enough. */
  waits: z.boolean(),
});

export type Payload = z.infer<typeof payloadSchema>;

/** What may be asked for besides. */
export interface PassAsked extends Payload {
  /** By a person at the command line: to read again from an earlier point. */
  readonly from?: RewindTarget;
  /** By a recheck: nothing new is read, only what is due is looked at. */
  readonly onlyDue?: boolean;
}

/** What the queue offers besides: other workers, for pieces of a large window. */
export interface PassReporter extends JobReporter {
  readonly offerChunks?: OfferChunks;
}

/** A one-off run waits so long for a scheduled pass to end. */
const patienceMs = 5_000;

/** Throws what `underTerm` and `reconcilePass` throw; a pass that began always gives a report. */
export async function run(
  payload: PassAsked,
  deps: JobDeps,
  report: PassReporter,
  signal: AbortSignal,
): Promise<PassReport> {
  const { source, by, force, waits, from, onlyDue = false } = payload;
  report.log(onlyDue ? `Recheck of ${source}.` : `Pass over ${source}, asked for by ${by}.`);
  const frame = { source, patienceMs: waits ? patienceMs : 0 };
  const done = await underTerm(deps, frame, signal, async (context, term) => {
    if (from !== undefined) await rewindIfRead(context, term, from);
    return reconcilePass(
      context,
      term,
      {
        by,
        force,
        onlyDue,
        onProgress: (progress) => report.progress(progress),
        onPause: (why) => report.log(why),
        ...(report.offerChunks === undefined ? {} : { offerChunks: report.offerChunks }),
        ...(waits
          ? {
              onWait: (waitMs: number) =>
                report.log(
                  `Waiting ${Math.ceil(waitMs / 1000)} s for the grace period of ${source} to pass.`,
                ),
            }
          : {}),
      },
      signal,
    );
  });
  for (const line of story(done)) report.log(line);
  return done;
}

/** The pass in a few sentences, for the job's log. */
function story(report: PassReport): string[] {
  const bad = Object.entries(report.verdicts).filter(
    ([verdict, count]) => verdict !== 'consistent' && count > 0,
  );
  const made = Object.entries(report.repairs).filter(([, count]) => count > 0);
  return [
    report.checked === 0
      ? 'No claim was judged.'
      : `Judged ${report.checked} claims: ${bad.length === 0 ? 'all consistent' : bad.map(([word, count]) => `${count} ${word}`).join(', ')}.`,
    ...(made.length > 0 ? [`Repairs: ${made.map(([word, count]) => `${count} ${word}`).join(', ')}.`] : []),
    ...(report.stalledBy === null ? [] : [`Reading stands still: ${report.stalledBy}.`]),
    `${report.outcome}${report.reason === null ? '' : `: ${report.reason}`}. ${report.open} discrepancies are open.`,
  ];
}
