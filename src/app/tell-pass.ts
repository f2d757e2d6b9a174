/**
 * Tells what came of a pass or a recheck: to the log, the metrics and the alerts.
 */
import { OperatingError } from '../domain/operating-error.ts';
import type { Metrics } from '../http/metrics.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import type { PassReport } from '../reconcile/pass-report.ts';
import type { RunView } from '../schedule/queue-worker.ts';
import type { AlertTeller } from './alert-teller.ts';
import type { Sentences } from './log-sentences.ts';

/** Who is told. */
export interface PassTellers {
  readonly sentences: Sentences;
  readonly metrics: Metrics;
  readonly teller: AlertTeller;
}

/**
 * The pass's report, or `{ skipped }` when another holds the source's lease or it was called off before it began. Throws
 * for a pass that failed.
 */
export async function tellPass(
  source: string,
  { sentences, metrics, teller }: PassTellers,
  view: RunView,
  signal: AbortSignal,
  run: () => Promise<PassReport>,
): Promise<object> {
  try {
    const report = await run();
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
