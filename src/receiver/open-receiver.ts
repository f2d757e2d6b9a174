/**
 * From the configuration of a receiver to one that messages can be sent to.
 * Does not connect: a receiver that is away is no reason not to start.
 */
import type { AlertMessage, Receiver } from '../domain/alert-message.ts';
import type { DeliveryTry } from '../domain/delivery-retry.ts';
import { resolveByDns } from './checked-lookup.ts';
import { post, type Way } from './post.ts';
import { writeSlack } from './slack.ts';
import { writeWebhook } from './webhook.ts';

/** One try. Never rejects, but with the signal's reason. */
export type Send = (message: AlertMessage, signal: AbortSignal) => Promise<DeliveryTry>;

/** A receiver that takes longer is taken to be down: it should take the message and work on it later. */
export const tryTimeoutMs = 10_000;

const usualWay: Way = { resolve: resolveByDns, timeoutMs: tryTimeoutMs };

export function openReceiver(receiver: Receiver, way: Way = usualWay): Send {
  const { kind, secret, allowPrivate } = receiver;
  const url = new URL(receiver.url);
  return async (message, signal) => {
    const written = kind === 'slack' ? writeSlack(message) : writeWebhook(message, secret, Date.now());
    return post({ url, allowPrivate, ...written }, way, signal);
  };
}
