/**
 * A pass as the queue runs it: the job, its report to the log, the metrics and the alerts.
 * Invariant kept: running it twice, or on two machines, is harmless; whoever comes second does nothing.
 */
import { run as runPass } from '../../jobs/pass.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { Metrics } from '../http/metrics.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import type { OfferChunks } from '../reconcile/window-request.ts';
import type { ChunkQueue } from '../schedule/chunk-queue.ts';
import type { PassPayload } from '../schedule/pass-payload.ts';
import type { RunView } from '../schedule/queue-worker.ts';
import type { AlertTeller } from './alert-teller.ts';
import type { Sentences } from './log-sentences.ts';
import type { OpenDeps } from './open-deps.ts';

/** The pass itself needs the stores; the others are told what came of it. */
export interface ScheduledPassDeps {
  readonly deps: OpenDeps;
  readonly sentences: Sentences;
  readonly metrics: Metrics;
  readonly teller: AlertTeller;
  readonly chunks: Pick<ChunkQueue, 'offer'>;
}

/**
 * The pass's report, or `{ skipped }` when another holds the source's lease or it was called off before it began. Throws
 * for a pass that failed.
 */
export async function runScheduledPass(
  { source, slot, by: person }: PassPayload,
  { deps, sentences, metrics, teller, chunks }: ScheduledPassDeps,
  view: RunView,
  signal: AbortSignal,
): Promise<object> {
  const by = slot === null ? (person ?? 'a person, by the queue') : 'schedule';
  try {
    const offerChunks: OfferChunks = (cut) => {
      const jobs = cut.map(({ passId, number }) => ({ source, passId, number }));
      chunks.offer(jobs, view.asWhole());
    };
    const payload = { source, by, force: false, waits: false };
    const report = await runPass(payload, deps, { ...view, offerChunks }, signal);
    sentences.passEnded(report);
    metrics.passEnded(report);
    await tellAlerts(teller, source, sentences);
    if (report.outcome === 'aborted') throw new OperatingError('aborted', report.reason ?? 'aborted');
    return report;
  } catch (error) {
    const trouble = asOperatingError(error);
    // Called off before it began, by a shutdown, is no failure either: a later slot judges the same claims.
    if (trouble.code === 'lease_held' || (trouble.code === 'aborted' && signal.aborted)) {
      view.log(trouble.message);
      return { skipped: trouble.message };
    }
    if (trouble.code === 'aborted') throw trouble;
    metrics.passFailed(source, trouble.code === 'checkpoint_refused' ? 'refused' : 'failed');
    sentences.passFailed(source, trouble);
    throw trouble;
  }
}

/** That an alert could not be told does not make the pass a failed one: it is stored, and told after the next. */
async function tellAlerts(teller: AlertTeller, source: string, sentences: Sentences): Promise<void> {
  try {
    await teller.tell(source);
  } catch (error) {
    sentences.trouble('alerts', asOperatingError(error));
  }
}
