/**
 * What a job about a chunk of a large window carries: which one. What it holds, and whether it is still to be judged, stands
 * in Postgres.
 */
import { z } from 'zod';
import { readPayload, sourceNameSchema, type PayloadReading } from './read-payload.ts';

export const chunkPayloadSchema = z.strictObject({
  source: sourceNameSchema,
  passId: z.string().regex(/^\d{1,18}$/, 'must be the id of a pass'),
  number: z.int().min(1).max(2_147_483_647),
});

export type ChunkPayload = z.infer<typeof chunkPayloadSchema>;

/** Reads what came out of the queue. */
export function readChunkPayload(data: unknown): PayloadReading<ChunkPayload> {
  return readPayload(chunkPayloadSchema, 'a chunk', data);
}
