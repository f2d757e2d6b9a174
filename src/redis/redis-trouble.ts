/**
 * What goes wrong with Redis, as a sentence for people.
 * Invariant kept: nothing is kept of the library's error but type, code and message: it carries all arguments, the
 * password among them.
 */
import { ReplyError } from 'ioredis';
import { OperatingError } from '../domain/operating-error.ts';
import { describeTlsTrouble } from '../domain/tls-trouble.ts';

/** What a Cluster refuses is sent on for a while; then the client says this. */
const sentOn = /^Too many Cluster redirections\. Last error: (?:ReplyError: )?(.*)$/;

/** Client errors that would mean nothing to people. */
const plainWords = [
  ["Stream isn't writeable", 'not connected'],
  ['Reached the max retries per request limit', 'the connection broke before the answer came'],
  ['Connection is closed', 'the connection is closed'],
  ['Socket timeout', 'no answer on an open connection'],
  ["Cluster isn't ready", 'not connected'],
  ['Failed to refresh slots cache', 'no server of the Cluster tells its slots'],
] as const;

/** One that is a sentence already stays what it is. */
export function describeRedisError(error: unknown): OperatingError {
  if (error instanceof OperatingError) return error;
  const cause = error instanceof Error ? error : new Error(String(error));
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  const untrusted = describeTlsTrouble(code, 'cacert');
  if (untrusted !== null) {
    const message = `Redis was not connected to over TLS: ${untrusted}.`;
    return new OperatingError('configuration', message);
  }
  const refusal = sentOn.exec(cause.message)?.[1];
  if (refusal !== undefined) {
    return new OperatingError('redis_unreachable', `Redis refused, however often it was asked: ${refusal}.`);
  }
  const known = plainWords.find(([words]) => cause.message.includes(words))?.[1];
  const message = known ?? (cause.message === '' ? code : cause.message);
  return new OperatingError(
    'redis_unreachable',
    cause instanceof ReplyError ? `Redis refused: ${message}.` : `Redis did not answer: ${message}.`,
  );
}
