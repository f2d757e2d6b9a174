/**
 * The queue of the delivery of alerts: a job is one try to tell one receiver of one alert.
 * Invariants kept: few tries at a time for each receiver, so that one that hangs takes no turn from another; nothing builds
 * up. Keeps no state that matters: what is due stands in the outbox, and is enqueued again until it is not.
 */
import { readDeliveryPayload, type DeliveryPayload } from './delivery-payload.ts';
import type { Enqueued } from './enqueue-in-time.ts';
import { idOf, openQueue, type OpenQueue, type QueueOptions } from './open-queue.ts';
import { startQueueWorker, type QueueWorker, type WorkerOptions } from './queue-worker.ts';

const queueName = 'alert-delivery';

/** Tries for one receiver at a time, over all processes. */
export const triesPerReceiver = 2;

/** A try that is due. */
export interface DeliveryRequest {
  readonly id: string;
  readonly receiver: string;
  readonly alertId: string;
  readonly kind: string;
  readonly source: string;
  readonly transition: 'opened' | 'resolved';
  /** Tries before this one. */
  readonly attempts: number;
}

export interface DeliveryQueue extends Pick<OpenQueue, 'queue' | 'close'> {
  /**
   * @param turn which of the receiver's tries at a time it is, from 0; skipped while that is taken
   * @throws OperatingError `redis_unreachable` or `timed_out`; then the job may have been added. Repeating is safe.
   */
  enqueueDelivery(request: DeliveryRequest, turn: number): Promise<Enqueued>;
}

export function openDeliveryQueue(options: QueueOptions): DeliveryQueue {
  const { queue, add, close } = openQueue(queueName, options);
  return {
    queue,
    close,
    enqueueDelivery: async ({ id, receiver, alertId, kind, source, transition, attempts }, turn) => {
      const payload: DeliveryPayload = { delivery: id };
      const what = transition === 'opened' ? `${kind} of ${source}` : `${kind} of ${source} is over`;
      // Never the id of an earlier job: one that failed before it began its try would be in the way for good.
      const jobId = `alert-${alertId}-${transition}-${receiver}-try-${attempts + 1}-${idOf(new Date())}`;
      return add({ title: `tell ${receiver}: ${what}`, payload, jobId, onlyOne: `${receiver}/${turn}` });
    },
  };
}

/** @param options `concurrency` should be `triesPerReceiver` for each receiver */
export function startDeliveryWorker(options: WorkerOptions<DeliveryPayload>): QueueWorker {
  return startQueueWorker(
    {
      queueName,
      read: readDeliveryPayload,
      nameOf: ({ delivery }) => `delivery ${delivery}`,
      isRunAgain: true,
    },
    options,
  );
}
