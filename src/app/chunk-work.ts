/**
 * The worker of a daemon that judges chunks of large windows, its own passes' and those of other replicas.
 * Invariant kept: a chunk that fails here is left to others, and told of, once a pass while the reason is the same.
 */
import { run as judgeChunk } from '../../jobs/judge-chunk.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import { startChunkWorker } from '../schedule/chunk-queue.ts';
import type { QueueOptions } from '../schedule/open-queue.ts';
import type { QueueWorker } from '../schedule/queue-worker.ts';
import type { Sentences } from './log-sentences.ts';
import type { OpenDeps } from './open-deps.ts';

export interface ChunkWork extends QueueOptions {
  readonly deps: OpenDeps;
  readonly sentences: Sentences;
}

export function startChunkWork({ deps, sentences, ...queue }: ChunkWork): QueueWorker {
  let told = '';
  return startChunkWorker({
    ...queue,
    // One keeps both stores busy: it reads a page while it compares another.
    concurrency: 1,
    run: async (payload, view, signal) => {
      try {
        return await judgeChunk(payload, deps, view, signal);
      } catch (error) {
        const trouble = asOperatingError(error);
        const where = `chunks of pass ${payload.passId} over ${payload.source}`;
        // What fails one chunk fails those after it, within a moment.
        const now = `${where}: ${trouble.message}`;
        if (now !== told) sentences.trouble(where, trouble);
        told = now;
        throw trouble;
      }
    },
  });
}
