/**
 * Enqueues the pass of a claimed slot, trying again while it is still worth it. Enqueuing is safe to repeat: the job's
 * id is derived from the slot.
 * Does not claim the slot.
 */
import { setTimeout as wait } from 'node:timers/promises';

export interface PassRequest {
  readonly source: string;
  readonly slot: Date;
}

/** skipped: the pass before it has not ended, and this one is not needed. */
export type Enqueued = 'enqueued' | 'skipped';

/** Throws when the queue did not take it, or did not say so in time. */
export type Enqueue = (pass: PassRequest) => Promise<Enqueued>;

const retryFirstMs = 250;
const retryMaxMs = 5_000;
/** However long the interval, a slot is not tried for longer: a holder that cannot enqueue makes way. */
const patienceMaxMs = 30_000;

/** Throws the last error once `patienceMs` are over, so that a late slot never runs into the next one. */
export async function enqueueInTime(
  enqueue: Enqueue,
  pass: PassRequest,
  patienceMs: number,
  signal: AbortSignal,
): Promise<Enqueued> {
  const untilMs = performance.now() + Math.min(patienceMs, patienceMaxMs);
  for (let waitMs = retryFirstMs; ; waitMs = Math.min(waitMs * 2, retryMaxMs)) {
    try {
      return await enqueue(pass);
    } catch (error) {
      if (signal.aborted || performance.now() + waitMs > untilMs) throw error;
      await wait(waitMs, undefined, { signal }).catch(() => {});
    }
  }
}
