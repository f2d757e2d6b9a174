/**
 * Job: one try to tell one receiver of one alert.
 * What is told, how often it was tried and when it is tried next stands in the outbox (`src/postgres/alert-delivery.ts`);
 * a job whose try is not due, or is another's, does nothing.
 */
import type pg from 'pg';
import type { z } from 'zod';
import { runbookLink, type AlertMessage } from '../src/domain/alert-message.ts';
import { nextTry, type DeliveryTry } from '../src/domain/delivery-retry.ts';
import { beginTry, noteDelivered, noteFailed, type BegunTry } from '../src/postgres/alert-delivery.ts';
import { tryTimeoutMs, type Send } from '../src/receiver/open-receiver.ts';
import { deliveryPayloadSchema } from '../src/schedule/delivery-payload.ts';
import type { JobReporter } from './job.ts';

export const name = 'deliver-alert';

export const payloadSchema = deliveryPayloadSchema;

export type Payload = z.infer<typeof payloadSchema>;

export interface DeliveryDeps {
  readonly pool: pg.Pool;
  /** By name, those that this process is configured with. */
  readonly receivers: ReadonlyMap<string, Send>;
  /** Where the run-book is. */
  readonly runbook: string;
}

export type DeliveryResult =
  | { readonly outcome: 'nothing_to_do' }
  | { readonly outcome: 'delivered'; readonly told: ToldOf }
  | { readonly outcome: 'failed'; readonly told: ToldOf; readonly error: string; readonly nextInMs: number }
  | { readonly outcome: 'gave_up'; readonly told: ToldOf; readonly error: string };

export interface ToldOf extends Pick<AlertMessage, 'alertId' | 'transition' | 'kind' | 'source' | 'summary'> {
  readonly receiver: string;
  readonly attempts: number;
}

/** A try without a word for so long was broken off: longer than any takes, with what is noted before and after. */
const brokenOffMs = 6 * tryTimeoutMs;

/** Throws what Postgres throws, and the signal's reason; the try is then made again later. */
export async function run(
  { delivery }: Payload,
  deps: DeliveryDeps,
  report: JobReporter,
  signal: AbortSignal,
): Promise<DeliveryResult> {
  const begun = await beginTry(deps.pool, delivery, brokenOffMs);
  if (begun === null) {
    report.log('Nothing to do: it was delivered or given up, or another try is under way.');
    return { outcome: 'nothing_to_do' };
  }
  const { receiver, attempts, message } = begun;
  report.log(
    `Telling ${receiver}, try ${attempts}: ${message.severity} alert ${message.alertId}, ${message.transition}.`,
  );
  report.log(message.summary);
  const result = await conclude(delivery, begun, await send(begun, deps, signal), deps);
  report.log(describe(result, receiver));
  return result;
}

async function send(begun: BegunTry, deps: DeliveryDeps, signal: AbortSignal): Promise<DeliveryTry> {
  const { receiver, message } = begun;
  const sendTo = deps.receivers.get(receiver);
  if (sendTo !== undefined) {
    return sendTo({ ...message, runbook: runbookLink(deps.runbook, message.kind) }, signal);
  }
  // Another process may know it: while a deployment goes on, for instance.
  return { kind: 'failed', reason: 'this process knows no such receiver', isLasting: false, waitMs: null };
}

async function conclude(
  id: string,
  { receiver, attempts, refusals: before, triedForMs, message }: BegunTry,
  tried: DeliveryTry,
  { pool }: DeliveryDeps,
): Promise<DeliveryResult> {
  const { alertId, transition, kind, source, summary } = message;
  const told = { receiver, attempts, alertId, transition, kind, source, summary };
  if (tried.kind === 'delivered') {
    await noteDelivered(pool, id);
    return { outcome: 'delivered', told };
  }
  const { reason: error, isLasting, waitMs } = tried;
  const refusals = isLasting ? before + 1 : 0;
  const next = nextTry({ attempts, refusals, triedForMs }, waitMs, Math.random());
  const delayMs = next.kind === 'again' ? next.delayMs : null;
  await noteFailed(pool, id, { attempts, refusals, error, delayMs });
  return delayMs === null
    ? { outcome: 'gave_up', told, error }
    : { outcome: 'failed', told, error, nextInMs: delayMs };
}

function describe(result: DeliveryResult, receiver: string): string {
  switch (result.outcome) {
    case 'delivered':
      return `${receiver} took it.`;
    case 'failed':
      return `${receiver} did not take it: ${result.error}. Next try in ${Math.ceil(result.nextInMs / 1000)} s.`;
    case 'gave_up':
      return `${receiver} did not take it: ${result.error}. It was given up after ${result.told.attempts} tries.`;
    case 'nothing_to_do':
      return 'Nothing to do.';
  }
}
