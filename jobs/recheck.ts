/**
 * Job: a look at what is due in one source, and its repair, without reading what changed since the checkpoint.
 */
import type { z } from 'zod';
import type { PassReport } from '../src/reconcile/pass-report.ts';
import { recheckPayloadSchema } from '../src/schedule/recheck-queue.ts';
import type { JobDeps, JobReporter } from './job.ts';
import { run as runPass } from './pass.ts';

export const name = 'recheck';

export const payloadSchema = recheckPayloadSchema;

export type Payload = z.infer<typeof payloadSchema>;

/** Throws what a pass throws. Its report says of claims that are judged again only what came of them. */
export async function run(
  { source }: Payload,
  deps: JobDeps,
  report: JobReporter,
  signal: AbortSignal,
): Promise<PassReport> {
  const payload = { source, by: 'recheck', force: false, waits: false, onlyDue: true };
  return runPass(payload, deps, report, signal);
}
