/**
 * What a job of the canary carries: the slot it was enqueued for, by which a round is known again. Never what is to be broken.
 */
import { z } from 'zod';
import { readPayload, type PayloadReading } from './read-payload.ts';

export const canaryPayloadSchema = z.strictObject({ slot: z.iso.datetime() });

export type CanaryPayload = z.infer<typeof canaryPayloadSchema>;

/** Reads what came out of the queue. */
export function readCanaryPayload(data: unknown): PayloadReading<CanaryPayload> {
  return readPayload(canaryPayloadSchema, 'a round of the canary', data);
}
