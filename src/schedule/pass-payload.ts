/**
 * What a pass job carries: keys, never decisions, so that running one twice is harmless.
 * Invariant kept: nothing is run that does not have this shape. Anyone with access to the queue's Redis can write a job.
 */
import { z } from 'zod';

const schema = z.strictObject({
  /** The name of a configured source. */
  source: z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/, 'must be the name of a source'),
  /** The slot it was enqueued for; null when a person asked for it. */
  slot: z.iso.datetime().nullable(),
});

export type PassPayload = z.infer<typeof schema>;

export type PayloadReading =
  | { readonly kind: 'readable'; readonly payload: PassPayload }
  | { readonly kind: 'refused'; readonly reason: string };

/** Reads what came out of the queue. `reason` names every field at fault and repeats none of its content. */
export function readPassPayload(data: unknown): PayloadReading {
  const result = schema.safeParse(data);
  if (result.success) return { kind: 'readable', payload: result.data };
  const problems = result.error.issues.map((issue) => {
    const unknown = issue.code === 'unrecognized_keys';
    return `${issue.path.join('.') || 'payload'}: ${unknown ? 'has fields that a pass does not know' : issue.message}`;
  });
  return { kind: 'refused', reason: `its payload is not that of a pass (${problems.join('; ')}).` };
}
