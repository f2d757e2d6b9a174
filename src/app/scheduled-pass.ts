/**
 * A pass as the queue runs it: the job, and what it shares with other workers.
 * Invariant kept: running it twice, or on two machines, is harmless; whoever comes second does nothing.
 */
import { run as runPass } from '../../jobs/pass.ts';
import type { OfferChunks } from '../reconcile/window-request.ts';
import type { ChunkQueue } from '../schedule/chunk-queue.ts';
import type { PassPayload } from '../schedule/pass-payload.ts';
import type { RunView } from '../schedule/queue-worker.ts';
import type { OpenDeps } from './open-deps.ts';
import type { Rechecks } from './rechecks.ts';
import { tellPass, type PassTellers } from './tell-pass.ts';

export interface ScheduledPassDeps extends PassTellers {
  readonly deps: OpenDeps;
  readonly chunks: Pick<ChunkQueue, 'offer'>;
  readonly rechecks: Pick<Rechecks, 'arrange'>;
}

/** As `tellPass`. */
export async function runScheduledPass(
  { source, slot, by: person }: PassPayload,
  { deps, chunks, rechecks, ...tellers }: ScheduledPassDeps,
  view: RunView,
  signal: AbortSignal,
): Promise<object> {
  const by = slot === null ? (person ?? 'a person, by the queue') : 'schedule';
  const offerChunks: OfferChunks = (cut) => {
    const jobs = cut.map(({ passId, number }) => ({ source, passId, number }));
    chunks.offer(jobs, view.asWhole());
  };
  const payload = { source, by, force: false, waits: false };
  const done = await tellPass(source, tellers, view, signal, () =>
    runPass(payload, deps, { ...view, offerChunks }, signal),
  );
  if (!signal.aborted) await rechecks.arrange(source);
  return done;
}
