/**
 * One request to a distributor over HTTP, and what came back: the JSON of a reply, or why there is none.
 * Invariants kept: redirects are not followed; no more than `bodyBytesMax` of a body are read; nothing that the HTTP
 * client says is passed on, since it may quote a header. Does not try again and does not know what a body means.
 */

export type Exchange =
  | { readonly kind: 'replied'; readonly status: number; readonly body: unknown }
  | {
      readonly kind: 'failed';
      readonly reason: string;
      /** No answer came, and one may if it is asked again. */
      readonly isPassing: boolean;
      /** How long the distributor wants to be left alone, in milliseconds. */
      readonly waitMs: number;
    };

/** An answer is a few words. Whatever is longer is something else. */
const bodyBytesMax = 64 * 1024;

/** Other statuses say nothing of the attempt: 202 that it may be carried out yet, 401 or 500 that something is wrong. */
const answeringStatuses = new Set([200, 201, 404, 409, 422]);
/** Of a proxy, or of a distributor that is overloaded. */
const passingStatuses = new Set([429, 502, 503, 504]);

/** Trouble on the way to the distributor or back; not what it would take a person to put right, such as certificates. */
const passingCodes =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|UND_ERR_SOCKET|UND_ERR_CONNECT_TIMEOUT)$/;

/** Rejects only when the signal aborts. */
export async function exchange(url: URL, request: RequestInit, signal: AbortSignal): Promise<Exchange> {
  try {
    const response = await fetch(url, { ...request, redirect: 'manual', signal });
    return answeringStatuses.has(response.status) ? await readBody(response) : await readStatus(response);
  } catch (error) {
    signal.throwIfAborted();
    const code = codeOf(error);
    return failed(`the connection failed: ${code ?? 'for no known cause'}`, passingCodes.test(code ?? ''));
  }
}

async function readStatus(response: Response): Promise<Exchange> {
  const { status, headers } = response;
  // Not read, so that its connection is closed; that may fail only because it is closed already.
  await response.body?.cancel().catch(() => undefined);
  if (status >= 300 && status < 400) {
    return failed(`HTTP status ${status} leads elsewhere, and that is not followed`, false);
  }
  const waitS = /^\d{1,6}$/.exec(headers.get('retry-after') ?? '')?.[0] ?? '0';
  return failed(`HTTP status ${status} is no answer`, passingStatuses.has(status), Number(waitS) * 1_000);
}

async function readBody({ status, body }: Response): Promise<Exchange> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) return failed(`the body of HTTP status ${status} is over 64 kB`, false);
    chunks.push(chunk);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
    return { kind: 'replied', status, body: JSON.parse(text) };
  } catch {
    return failed(`the body of HTTP status ${status} is no JSON`, false);
  }
}

function failed(reason: string, isPassing: boolean, waitMs = 0): Exchange {
  return { kind: 'failed', reason, isPassing, waitMs };
}

/** The client's own error only says that it failed; its cause has the code. */
function codeOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}
