/**
 * The parts of a job, when its run is over: Redis refuses to complete a job that has unfinished ones.
 * Keeps no state: what a part was about stands elsewhere, and whoever runs it late finds nothing to do.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Job } from 'bullmq';
import { OperatingError } from '../domain/operating-error.ts';
import { withDeadline } from '../redis/connect.ts';

const lookEveryMs = 50;
const removeTimeoutMs = 2_000;

/**
 * Removes parts that nobody has begun, and waits for the others: they have nothing left to do, and end soon; one whose worker
 * was killed can be removed when it counts as stalled. Throws `timed_out` when that takes too long.
 * @param patienceMs how long it may take altogether, in milliseconds; asked again while it waits
 */
export async function endParts(job: Job, patienceMs: () => number): Promise<void> {
  const startedAtMs = performance.now();
  for (;;) {
    await removeWaitingParts(job);
    const { unprocessed = 0 } = await withDeadline(
      job.getDependenciesCount({ unprocessed: true }),
      removeTimeoutMs,
      'counting the parts of the job',
    );
    if (unprocessed === 0) return;
    if (performance.now() - startedAtMs > patienceMs()) {
      throw new OperatingError(
        'timed_out',
        `The run of this job has ended, but ${unprocessed} of its parts did not end in time; their workers may be dead.`,
      );
    }
    await wait(lookEveryMs);
  }
}

/** Removes parts that nobody has begun. Throws `timed_out` when Redis does not answer. */
export async function removeWaitingParts(job: Job): Promise<void> {
  await withDeadline(job.removeUnprocessedChildren(), removeTimeoutMs, 'removing parts of the job');
}
