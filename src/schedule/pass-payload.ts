/**
 * What a pass job carries: keys, never decisions, so that running one twice is harmless.
 * Invariant kept: nothing is run that does not have this shape. Anyone with access to the queue's Redis can write a job.
 */
import { z } from 'zod';
import { readPayload, sourceNameSchema, type PayloadReading } from './read-payload.ts';

const schema = z.strictObject({
  /** The name of a configured source. */
  source: sourceNameSchema,
  /** The slot it was enqueued for; null when a person asked for it. */
  slot: z.iso.datetime().nullable(),
  /** The person who asked for it; none for a slot. */
  by: z.string().min(1).max(200).optional(),
});

export type PassPayload = z.infer<typeof schema>;

/** What people fill in, as JSON Schema. */
export function describePassRequest(): Record<string, unknown> {
  const asked = schema.omit({ by: true }).extend({ slot: z.null().describe('Null: it is of no slot.') });
  return z.toJSONSchema(asked, { io: 'input' });
}

/** Reads what came out of the queue. */
export function readPassPayload(data: unknown): PayloadReading<PassPayload> {
  return readPayload(schema, 'a pass', data);
}
