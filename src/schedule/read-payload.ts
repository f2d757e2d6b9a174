/**
 * Reads what came out of a queue. Anyone with access to the queue's Redis can write a job: nothing is run that does not
 * have the shape of its kind, and nothing of what it holds instead is repeated.
 */
import { z } from 'zod';

/** In the payload of a job. Whether there is such a source is seen when it is run. */
export const sourceNameSchema = z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/, 'must be the name of a source');

export type PayloadReading<Payload> =
  | { readonly kind: 'readable'; readonly payload: Payload }
  | { readonly kind: 'refused'; readonly reason: string };

/** `reason` names every field at fault. @param what the kind of job, such as `a pass` */
export function readPayload<Payload>(
  schema: z.ZodType<Payload>,
  what: string,
  data: unknown,
): PayloadReading<Payload> {
  const result = schema.safeParse(data);
  if (result.success) return { kind: 'readable', payload: result.data };
  const problems = result.error.issues.map((issue) => {
    const unknown = issue.code === 'unrecognized_keys';
    return `${issue.path.join('.') || 'payload'}: ${unknown ? `has fields that ${what} does not know` : issue.message}`;
  });
  return { kind: 'refused', reason: `its payload is not that of ${what} (${problems.join('; ')}).` };
}
