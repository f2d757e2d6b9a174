/**
 * Tells the configured receivers of alerts: from the outbox in Postgres into the queue, and from the queue to the receiver.
 * Invariants kept: passes have no part in it, and wait for none of it; what the queue's Redis forgets is enqueued again.
 * Without receivers there is no queue, and nothing is done.
 */
import type pg from 'pg';
import { run as deliver, type DeliveryDeps, type DeliveryResult } from '../../jobs/deliver-alert.ts';
import { severitiesFrom, type Receiver } from '../domain/alert-message.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { planDeliveries, readDueDeliveries } from '../postgres/alert-delivery.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import { openReceiver } from '../receiver/open-receiver.ts';
import {
  openDeliveryQueue,
  startDeliveryWorker,
  triesPerReceiver,
  type DeliveryQueue,
} from '../schedule/delivery-queue.ts';
import type { DeliveryPayload } from '../schedule/delivery-payload.ts';
import type { QueueOptions } from '../schedule/open-queue.ts';
import type { QueueWorker, RunView } from '../schedule/queue-worker.ts';
import type { Sentences } from './log-sentences.ts';

export interface AlertDeliveryOptions extends QueueOptions {
  readonly receivers: readonly Receiver[];
  readonly runbook: string;
  readonly pool: pg.Pool;
  readonly sentences: Pick<Sentences, 'alertTold' | 'alertNotTold' | 'alertGivenUp'>;
}

export interface AlertDelivery {
  /** For the dashboard. */
  readonly queues: readonly DeliveryQueue['queue'][];
  /**
   * Writes down who the receivers are, and what is to be told. Before any work begins: an alert that opens and ends at once
   * is then told to a new receiver, too. Throws when Postgres does not answer.
   */
  plan(): Promise<void>;
  /** Begins to take jobs. */
  start(): void;
  /** Enqueues what is due. To be called again and again; throws when a store does not answer. */
  enqueueDue(): Promise<void>;
  /** Ends within about `deadlineMs`; a try under way is broken off, and made again later. Never throws. */
  close(deadlineMs: number): Promise<void>;
}

/** What ended before is not told: a program that did not run for a week has other things to tell. */
const firstLookBackMs = 7 * 24 * 60 * 60_000;
/** Far longer than a transaction of ours takes from noting that an alert ended to its commit. */
const overlapMs = 10 * 60_000;

export function openAlertDelivery(options: AlertDeliveryOptions): AlertDelivery {
  const { receivers, pool } = options;
  if (receivers.length === 0) {
    return {
      queues: [],
      plan: async () => undefined,
      start: () => undefined,
      enqueueDue: async () => undefined,
      close: async () => undefined,
    };
  }
  const queue = openDeliveryQueue(options);
  const wanted = receivers.map(({ name, severity }) => ({ name, severities: severitiesFrom(severity) }));
  let worker: QueueWorker | null = null;
  let lookedAtMs = performance.now() - firstLookBackMs;
  const plan = async (): Promise<void> => {
    const nowMs = performance.now();
    await planDeliveries(pool, wanted, nowMs - lookedAtMs + overlapMs);
    lookedAtMs = nowMs;
  };
  return {
    queues: [queue.queue],
    plan,
    start: () => {
      worker = startWorker(options);
    },
    enqueueDue: async () => {
      await plan();
      const names = wanted.map(({ name }) => name);
      const turns = new Map<string, number>();
      for (const due of await readDueDeliveries(pool, names, triesPerReceiver)) {
        const turn = turns.get(due.receiver) ?? 0;
        turns.set(due.receiver, turn + 1);
        await queue.enqueueDelivery(due, turn);
      }
    },
    close: async (deadlineMs) => {
      await worker?.close(deadlineMs);
      await queue.close(deadlineMs);
    },
  };
}

function startWorker(options: AlertDeliveryOptions): QueueWorker {
  const { receivers, pool, runbook, sentences } = options;
  const deps: DeliveryDeps = {
    pool,
    runbook,
    receivers: new Map(receivers.map((receiver) => [receiver.name, openReceiver(receiver)])),
  };
  return startDeliveryWorker({
    ...options,
    concurrency: receivers.length * triesPerReceiver,
    run: (payload, view, signal) => runTry(payload, deps, sentences, view, signal),
  });
}

/** Throws for a try that failed, so that the dashboard shows it as one. */
async function runTry(
  payload: DeliveryPayload,
  deps: DeliveryDeps,
  sentences: AlertDeliveryOptions['sentences'],
  view: RunView,
  signal: AbortSignal,
): Promise<DeliveryResult> {
  const result = await deliver(payload, deps, view, signal).catch((error: unknown) => {
    throw asOperatingError(error);
  });
  if (result.outcome === 'nothing_to_do') return result;
  const { told } = result;
  if (result.outcome === 'delivered') {
    sentences.alertTold(told);
    return result;
  }
  if (result.outcome === 'gave_up') sentences.alertGivenUp(told, result.error);
  else sentences.alertNotTold(told, result.error, result.nextInMs);
  throw new OperatingError('undelivered', `${told.receiver} did not take it: ${result.error}`);
}
