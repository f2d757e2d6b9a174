/**
 * Job: judging one chunk of a large window, for the pass that cut it.
 */
import type { z } from 'zod';
import { judgeChunk, type ChunkReport } from '../src/reconcile/judge-chunk.ts';
import { openSource } from '../src/reconcile/source-context.ts';
import { findSource } from '../src/reconcile/under-term.ts';
import { chunkPayloadSchema } from '../src/schedule/chunk-payload.ts';
import type { JobDeps, JobReporter } from './job.ts';

export const name = 'judge-chunk';

export const payloadSchema = chunkPayloadSchema;

export type Payload = z.infer<typeof payloadSchema>;

/** Throws what `openSource` and `judgeChunk` throw; then others judge the chunk. */
export async function run(
  { source, passId, number }: Payload,
  deps: JobDeps,
  report: JobReporter,
  signal: AbortSignal,
): Promise<ChunkReport> {
  const context = await openSource(deps, findSource(deps.sources, source), deps.limits);
  const done = await judgeChunk(context, { passId, number }, signal, (why) => report.log(why));
  report.log(story(done));
  return done;
}

function story({ outcome, checked, found }: ChunkReport): string {
  switch (outcome) {
    case 'judged':
      return `Judged ${checked} claims, of which ${found} are bad.`;
    case 'passed_by':
      return 'Nothing to do: it is judged, somebody is at it, or its pass has ended.';
    case 'taken_over':
      return 'Somebody else has taken it over; it is judged there.';
    case 'stopped':
      return `Told to stop after ${checked} claims; others judge it.`;
    case 'braked':
      return `Far too many claims are bad: the brake was tripped after ${checked} claims. See the pass.`;
  }
}
