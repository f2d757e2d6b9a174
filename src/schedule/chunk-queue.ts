/**
 * The queue of chunks of large windows: parts of the job of their pass, taken by any worker.
 * Keeps no state that matters: a chunk whose job is lost is judged by the pass itself.
 */
import { withDeadline } from '../redis/connect.ts';
import { readChunkPayload, type ChunkPayload } from './chunk-payload.ts';
import { openQueue, type OpenQueue, type QueueOptions } from './open-queue.ts';
import { startQueueWorker, type QueueWorker, type WholeJob, type WorkerOptions } from './queue-worker.ts';

export const chunkQueueName = 'chunks';

export interface ChunkQueue extends Pick<OpenQueue, 'queue' | 'close'> {
  /** Adds chunks as parts of the job of their pass. Does not wait; trouble is told as an event. */
  offer(chunks: readonly ChunkPayload[], whole: WholeJob): void;
}

const offerTimeoutMs = 5_000;

export function openChunkQueue(options: QueueOptions): ChunkQueue {
  const { queue, close } = openQueue(chunkQueueName, options);
  return {
    queue,
    close,
    offer: (chunks, whole) => {
      const jobs = chunks.map((chunk) => ({
        name: nameOf(chunk),
        data: chunk,
        opts: {
          jobId: `${chunk.source}-${chunk.passId}-${chunk.number}`,
          parent: whole,
          // The pass goes by what is judged, not by what became of a job.
          ignoreDependencyOnFailure: true,
        },
      }));
      withDeadline(queue.addBulk(jobs), offerTimeoutMs, 'offering chunks to other workers').catch(
        (error: unknown) => {
          const reason = error instanceof Error ? error.message : String(error);
          options.onEvent({ kind: 'queue_trouble', reason: `chunks were not offered: ${reason}` });
        },
      );
    },
  };
}

export function startChunkWorker(options: WorkerOptions<ChunkPayload>): QueueWorker {
  return startQueueWorker(
    { queueName: chunkQueueName, read: readChunkPayload, nameOf, isRunAgain: true },
    options,
  );
}

function nameOf({ source, passId, number }: ChunkPayload): string {
  return `chunk ${number} of pass ${passId} over ${source}`;
}
