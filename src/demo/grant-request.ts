/**
 * Reads a request to the demo's distributor, as strictly as the protocol of docs/distributor.md is meant: whatever path,
 * headers and body do not agree about is `wrong`, and nothing is handed out for it.
 */
import type { IncomingMessage } from 'node:http';

export interface GrantRequest {
  readonly attempt: string;
  readonly markerKey: string;
  readonly claim: unknown;
  /** Unix milliseconds. */
  readonly notAfterMs: number;
}

export type DistributorRequest =
  | ({ readonly kind: 'grant' } & GrantRequest)
  | { readonly kind: 'lookup'; readonly attempt: string }
  | { readonly kind: 'wrong'; readonly why: string };

/** Rejects when the connection breaks. */
export async function readGrantRequest(request: IncomingMessage): Promise<DistributorRequest> {
  const { method, headers } = request;
  const attempt = attemptIn(request.url ?? '');
  if (attempt === null) return wrong('the path is not /grants/ and an attempt');
  if (method === 'GET') return { kind: 'lookup', attempt };
  if (method !== 'PUT') return wrong(`${method} is neither GET nor PUT`);
  const { attempt: named, marker, claim, notAfter } = await readJson(request);
  if (named !== attempt) return wrong('path and body name different attempts');
  const key = headers['idempotency-key'];
  if (key !== undefined && key !== attempt) return wrong('path and Idempotency-Key name different attempts');
  if (typeof notAfter !== 'string' || Number.isNaN(Date.parse(notAfter))) return wrong('notAfter is no time');
  if (headers['grant-not-after'] !== notAfter) return wrong('body and Grant-Not-After name different times');
  if (typeof marker !== 'string') return wrong('marker is missing');
  return { kind: 'grant', attempt, markerKey: marker, claim, notAfterMs: Date.parse(notAfter) };
}

function attemptIn(url: string): string | null {
  const segment = /^\/grants\/([^/?]+)$/.exec(url)?.[1];
  try {
    return segment === undefined ? null : decodeURIComponent(segment);
  } catch {
    return null;
  }
}

async function readJson(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
    return typeof body === 'object' && body !== null ? { ...body } : {};
  } catch {
    return {};
  }
}

function wrong(why: string): DistributorRequest {
  return { kind: 'wrong', why };
}
