/**
 * One POST of a message to a receiver, and what came of it.
 * Invariants kept: it ends within `timeoutMs`, whatever the receiver does; redirects are not followed; of an answer only
 * the status, and of a short plain one its word, are looked at; nothing that could hold the address's secrets is passed on.
 * Does not try again.
 */
import { request as requestHttp, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { DeliveryTry } from '../domain/delivery-retry.ts';
import { checkHost, type Resolve } from './checked-lookup.ts';

export interface Post {
  readonly url: URL;
  readonly allowPrivate: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How a message gets out. */
export interface Way {
  readonly resolve: Resolve;
  /** For one try: resolving, connecting, sending and the answer's head. */
  readonly timeoutMs: number;
}

/** What is read of an answer that says no: enough for the word a chat says, `channel_not_found`. */
const wordBytesMax = 200;
const passingStatuses = new Set([408, 425, 429]);

/** Never rejects, but with the caller's own signal. */
export async function post(message: Post, way: Way, signal: AbortSignal): Promise<DeliveryTry> {
  const ends = AbortSignal.any([signal, AbortSignal.timeout(way.timeoutMs)]);
  try {
    return await Promise.race([send(message, way, ends), untilAborted(ends)]);
  } catch (error) {
    signal.throwIfAborted();
    const reason = ends.aborted ? `no answer within ${way.timeoutMs} ms` : connectionTrouble(error);
    return failed(reason, false);
  }
}

async function send(message: Post, way: Way, signal: AbortSignal): Promise<DeliveryTry> {
  const { url, allowPrivate, headers, body } = message;
  const host = await checkHost(url.hostname, allowPrivate, way.resolve);
  signal.throwIfAborted();
  if (host.kind === 'refused') return failed(`not sent: ${host.reason}`, true);
  const begin = url.protocol === 'https:' ? requestHttps : requestHttp;
  const request = begin(url, {
    method: 'POST',
    // A connection of its own: one that is kept open may lead to where the name pointed to before.
    agent: false,
    lookup: host.lookup,
    headers: {
      ...headers,
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'claim-reconciler',
      connection: 'close',
    },
    signal,
  });
  try {
    return await readAnswer(await answerOf(request, body));
  } finally {
    request.destroy();
  }
}

async function answerOf(request: ClientRequest, body: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    // Also after the answer: cutting off what is left of it is no trouble.
    request.on('error', reject);
    request.end(body);
  });
}

async function readAnswer(answer: IncomingMessage): Promise<DeliveryTry> {
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  if (status >= 300 && status < 400) {
    return failed(`HTTP status ${status} leads elsewhere, and that is not followed`, true);
  }
  const isLasting = status >= 400 && status < 500 && !passingStatuses.has(status);
  const word = await readWord(answer);
  const reason = `HTTP status ${status}${word === null ? '' : ` (${word})`}`;
  return failed(reason, isLasting, readWait(answer.headers['retry-after']));
}

/** The answer, if it is a single word, as chats give it; null for anything else. */
async function readWord(answer: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer) {
      const piece: Buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
      bytes += piece.length;
      if (bytes > wordBytesMax) return null;
      chunks.push(piece);
    }
  } catch {
    // The status says enough; a body that breaks off adds nothing to it.
    return null;
  }
  return /^[a-z]+(_[a-z]+)*$/.exec(Buffer.concat(chunks).toString('latin1').trim())?.[0] ?? null;
}

/** Seconds, or a date. */
function readWait(retryAfter: string | undefined): number | null {
  if (retryAfter === undefined) return null;
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1_000;
  const atMs = Date.parse(retryAfter);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - Date.now());
}

function failed(reason: string, isLasting: boolean, waitMs: number | null = null): DeliveryTry {
  return { kind: 'failed', reason, isLasting, waitMs };
}

/** The code only: messages of the client carry the address. */
function connectionTrouble(error: unknown): string {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  const code =
    first instanceof Error && 'code' in first && typeof first.code === 'string' ? first.code : null;
  return `the connection failed: ${code ?? 'for no known cause'}`;
}

async function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = (): void => reject(new Error('aborted', { cause: signal.reason }));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
