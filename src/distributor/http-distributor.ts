/**
 * A distributor behind HTTP, by the protocol of docs/distributor.md: `PUT {url}/{attempt}` to hand out, `GET
 * {url}/{attempt}` to ask what became of it.
 * Invariants kept: only an explicit answer about the attempt that was asked for counts, all else is `unknown`; it is asked
 * again only where no answer came, under the same key, and never to grant after the grant's time.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Distributor, LookupAnswer } from '../domain/distributor.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { DistributorAddress } from '../domain/source.ts';
import { answerToGrant, answerWithin } from './ask.ts';
import { exchange, type Exchange } from './http-exchange.ts';
import { readAnswer } from './read-answer.ts';

export type HttpDistributorOptions = Omit<Extract<DistributorAddress, { readonly kind: 'http' }>, 'kind'>;

interface Question {
  readonly attempt: string;
  readonly request: RequestInit;
  /** Unix milliseconds; it is not sent later. */
  readonly notAfterMs: number;
}

/** The wait before the second try; it doubles with each further one, and half of it is random. */
const firstPauseMs = 100;

/** Longer keys would fill what servers allow for all headers together. They are in path and body all the same. */
const headerKeyCharsMax = 256;

/** Throws OperatingError `configuration` for an address that cannot be used. */
export function createHttpDistributor(options: HttpDistributorOptions): Distributor {
  const { base, headers } = readAddress(options);
  const ask = async (question: Question, signal: AbortSignal): Promise<LookupAnswer> =>
    answerWithin(async (stop) => untilAnswered(base, question, options, stop), options.timeoutMs, signal);
  return {
    grant: async ({ attempt, markerKey, claim, notAfterMs }, signal) => {
      const notAfter = new Date(notAfterMs).toISOString();
      const own = {
        'content-type': 'application/json',
        'grant-not-after': notAfter,
        ...(isHeaderValue(attempt) ? { 'idempotency-key': attempt } : {}),
      };
      const body = JSON.stringify({ attempt, marker: markerKey, claim, notAfter });
      const request = { method: 'PUT', headers: { ...headers, ...own }, body };
      return answerToGrant(await ask({ attempt, request, notAfterMs }, signal));
    },
    lookup: async (attempt, signal) => {
      // What a proxy remembers of an attempt may be over.
      const request = { method: 'GET', headers: { ...headers, 'cache-control': 'no-cache, no-store' } };
      return ask({ attempt, request, notAfterMs: Number.POSITIVE_INFINITY }, signal);
    },
  };
}

/** Asks until there is an answer, no use in asking again, or no time left. */
async function untilAnswered(
  base: URL,
  { attempt, request, notAfterMs }: Question,
  { timeoutMs, retries }: HttpDistributorOptions,
  stop: AbortSignal,
): Promise<LookupAnswer> {
  const url = urlOf(base, attempt);
  if (url === null) return unknown('the attempt cannot be part of a URL');
  const endsAtMs = performance.now() + timeoutMs;
  for (let tries = 1; ; tries += 1) {
    if (Date.now() > notAfterMs) return unknown('its time was over before it could be asked');
    const reply = await exchange(url, request, stop);
    if (reply.kind === 'replied') return answerIn(reply, attempt);
    const pauseMs = Math.max(reply.waitMs, firstPauseMs * 2 ** (tries - 1) * (0.5 + Math.random() / 2));
    const isLate = performance.now() + pauseMs >= endsAtMs || Date.now() + pauseMs > notAfterMs;
    if (!reply.isPassing || tries > retries || isLate) {
      return unknown(tries === 1 ? reply.reason : `${reply.reason} (asked ${tries} times)`);
    }
    await pause(pauseMs, undefined, { signal: stop });
  }
}

function answerIn({ status, body }: Extract<Exchange, { kind: 'replied' }>, attempt: string): LookupAnswer {
  const fields: Readonly<Record<string, unknown>> =
    typeof body === 'object' && body !== null ? { ...body } : {};
  if (fields['attempt'] !== undefined && fields['attempt'] !== attempt) {
    return unknown(`the body of HTTP status ${status} is about another attempt`);
  }
  const answer = readAnswer(fields['answer'], fields['reason']);
  return answer ?? unknown(`the body of HTTP status ${status} holds no answer`);
}

function unknown(reason: string): LookupAnswer {
  return { kind: 'unknown', reason };
}

/** Null for the few texts that cannot be a segment of a path: URLs take `.` and `..` for a way to another place. */
function urlOf(base: URL, attempt: string): URL | null {
  if (['', '.', '..'].includes(attempt) || /\p{Cs}/u.test(attempt)) return null;
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/+$/, '')}/${encodeURIComponent(attempt)}`;
  return url;
}

/** Whether it arrives as it was sent: blanks at the ends would be cut off, other characters read in many ways. */
function isHeaderValue(attempt: string): boolean {
  return attempt.length <= headerKeyCharsMax && /^[!-~]([ -~]*[!-~])?$/.test(attempt);
}

/** The client refuses a URL with credentials, and quotes header values that it does not like. */
function readAddress({ url, headers }: HttpDistributorOptions): {
  readonly base: URL;
  readonly headers: Readonly<Record<string, string>>;
} {
  const base = URL.canParse(url) ? new URL(url) : null;
  if (base === null || !/^https?:$/.test(base.protocol)) {
    throw new OperatingError('configuration', 'The URL of the distributor is no HTTP address.');
  }
  const { username, password } = base;
  base.username = '';
  base.password = '';
  base.hash = '';
  try {
    const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
    const all = new Headers({
      ...(username + password === '' ? {} : { authorization: `Basic ${credentials.toString('base64')}` }),
      accept: 'application/json',
      'user-agent': 'claim-reconciler',
    });
    for (const [name, value] of Object.entries(headers)) all.set(name, value);
    return { base, headers: Object.fromEntries(all) };
  } catch {
    throw new OperatingError(
      'configuration',
      'The headers of the distributor, or the credentials in its URL, hold what HTTP does not allow.',
    );
  }
}
