/**
 * What a job of the delivery of alerts carries: the number of a row in the outbox, never what is to be told.
 */
import { z } from 'zod';
import { readPayload, type PayloadReading } from './read-payload.ts';

export const deliveryPayloadSchema = z.strictObject({
  /** Of the row in `reconciler.alert_delivery`. */
  delivery: z.string().regex(/^\d{1,18}$/, 'must be the number of a delivery'),
});

export type DeliveryPayload = z.infer<typeof deliveryPayloadSchema>;

/** Reads what came out of the queue. */
export function readDeliveryPayload(data: unknown): PayloadReading<DeliveryPayload> {
  return readPayload(deliveryPayloadSchema, 'a delivery', data);
}
