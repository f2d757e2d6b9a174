/**
 * A message as a webhook gets it: JSON with all that is known, signed.
 * Invariant kept: what is signed is the exact body and the time at which it is sent, so that neither can be changed and an
 * old message cannot be sent again later. How to check it: docs/alerts.md.
 */
import { createHmac } from 'node:crypto';
import type { AlertMessage } from '../domain/alert-message.ts';

export interface Written {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Long enough for any person; claims' ids in it were cut before. */
const summaryCharactersMax = 4_000;

/** @param nowMs Unix milliseconds, for the signature */
export function writeWebhook(message: AlertMessage, secret: string | null, nowMs: number): Written {
  const characters = Array.from(message.summary);
  const summary = characters.slice(0, summaryCharactersMax).join('');
  const body = JSON.stringify({ ...message, summary });
  const headers = { 'idempotency-key': message.id };
  if (secret === null) return { body, headers };
  const timestamp = String(Math.floor(nowMs / 1_000));
  const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
  return {
    body,
    headers: {
      ...headers,
      'x-claim-reconciler-timestamp': timestamp,
      'x-claim-reconciler-signature': `v1=${signature}`,
    },
  };
}
