/**
 * What all jobs have in common. Each file beside this one is one job, with the same parts in the same order: name,
 * payload schema, `run(payload, deps, report, signal)`. The queue and the command line call the same `run`.
 * Jobs carry keys, not decisions: running one twice, or on two machines at once, is harmless.
 */
import type { ReconcilerDeps } from '../src/reconcile/under-term.ts';

export type JobDeps = ReconcilerDeps;

/** Where a job tells its story while it runs. */
export interface JobReporter {
  log(line: string): void;
  progress(state: object): void;
}

/** For a job that nobody watches. */
export const silentReporter: JobReporter = { log: () => undefined, progress: () => undefined };
