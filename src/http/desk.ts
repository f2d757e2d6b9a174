/**
 * What people look up and ask for on the pages, as functions that the server is given. The pages know no store.
 */
import type { Activity } from '../postgres/activity.ts';
import type { ExplainTarget } from '../reconcile/explain-claim.ts';
import type { Told } from '../reconcile/explain-words.ts';
import type { ByHandPayload } from '../schedule/by-hand-payload.ts';
import type { ByHandJob } from '../schedule/by-hand-queue.ts';
import type { Enqueued } from '../schedule/enqueue-in-time.ts';

/** All throw OperatingError when a store does not answer; then nothing was changed, or the error says otherwise. */
export interface Desk {
  /**
   * Everything that is known of a claim or marker; null when there is no such thing. Throws `not_found` for a source that
   * is not configured, `not_ready` when too many ask at a time.
   * @param ask whether the distributor may be asked
   */
  explain(source: string, target: ExplainTarget, ask: boolean): Promise<Told | null>;
  /** What a discrepancy is about; null when there is none of this id. */
  findSubject(discrepancyId: string): Promise<{ source: string; target: ExplainTarget } | null>;
  /** What passes did, over the last day. */
  activity(): Promise<Activity>;
  acknowledge(alertId: string, by: string): Promise<'acknowledged' | 'not_open' | 'not_found'>;
  /** Lets repairs go on without limits for so long. False when the brake was not tripped. */
  resume(source: string, liftMs: number, by: string): Promise<boolean>;
  /** Asks for a pass now; skipped while one waits or runs. */
  askForPass(source: string, by: string): Promise<Enqueued>;
  /** Asks for a repair, or to take one back; the id of the job. */
  askByHand(payload: ByHandPayload): Promise<string>;
  /** Null when there is no such job (any more). */
  readByHand(jobId: string): Promise<ByHandJob | null>;
}
