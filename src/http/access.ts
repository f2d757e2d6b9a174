/**
 * Who may see and change what over HTTP.
 * Invariants kept: off loopback nothing is served without credentials; nothing is changed without credentials, nor on
 * behalf of a page of another origin; without credentials only requests that name this machine as host are answered, so
 * that a page elsewhere cannot read along by pointing its own name here (DNS rebinding).
 * Whoever changes something is known by name: `request.person`.
 * How often wrong ones may be tried: see `wrong-tries.ts`.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import basicAuth from '@fastify/basic-auth';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { OperatingError } from '../domain/operating-error.ts';
import { reportsPath } from './reports.ts';
import { WrongTries } from './wrong-tries.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** What of a log is needed here; pino's fits. */
export interface HttpLog {
  info(fields: object, sentence: string): void;
  warn(fields: object, sentence: string): void;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose credentials came with the request; null where none are configured, or before they were checked. */
    person: string | null;
  }
}

/** Throws `configuration` when this address must not be served with these credentials. */
export function assertServable(host: string, credentials: readonly Credentials[]): void {
  if (credentials.length === 0 && !isLoopback(host)) {
    throw new OperatingError(
      'configuration',
      `The dashboard would listen on ${host}, where others can reach it, without credentials. It was not started. ` +
        'Set http.credentials (username and password), or let it listen on 127.0.0.1.',
    );
  }
  const unusable = ({ username, password }: Credentials): boolean =>
    username === '' || username.includes(':') || password === '';
  if (credentials.some(unusable)) {
    throw new OperatingError(
      'configuration',
      'The credentials of the dashboard cannot be used: username and password must not be empty, and the username ' +
        'must not hold a colon. It was not started. Change http.credentials.',
    );
  }
}

/** True for names and addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return bare === 'localhost' || bare === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(bare);
}

export interface AccessOptions {
  readonly credentials: readonly Credentials[];
  /** Only reports of applications are taken. */
  readonly readOnly: boolean;
  readonly log: HttpLog;
}

/** Adds the checks to all routes of this scope; call it before any is registered. */
export async function guardAccess(
  scope: FastifyInstance,
  { credentials, readOnly, log }: AccessOptions,
): Promise<void> {
  scope.decorateRequest('person', null);
  scope.addHook('onRequest', (request, reply, done) => {
    const refusal = refuse(request, { hasCredentials: credentials.length > 0, readOnly });
    if (refusal === null) done();
    else void reply.code(403).send({ error: refusal });
  });
  if (credentials.length === 0) return;
  const matches = matcher(credentials);
  const tries = new WrongTries();
  scope.addHook('onRequest', (request, reply, done) => {
    // Who gives none is asked for them, as ever.
    const isTry = request.headers.authorization !== undefined;
    const waitMs = isTry ? tries.waitMs(request.ip, performance.now()) : 0;
    if (waitMs === 0) return done();
    const waitS = Math.ceil(waitMs / 1_000);
    const error = `Too many wrong credentials came from this address. Try again in ${waitS} s.`;
    void reply.code(429).header('retry-after', waitS).send({ error });
  });
  await scope.register(basicAuth, {
    authenticate: { realm: 'claim-reconciler' },
    validate(username, password, request, _reply, done) {
      if (matches({ username, password })) {
        request.person = username;
        return done();
      }
      const wasLast = tries.note(request.ip, performance.now());
      const more = wasLast ? '; none are looked at any more for a while' : '';
      log.warn({ from: request.ip }, `wrong credentials for the dashboard${more}`);
      done(new Error('The username or the password is wrong.'));
    },
  });
  scope.addHook('onRequest', scope.basicAuth);
}

/** Compares digests, which have one length, in constant time; both parts of all of them always. */
function matcher(expected: readonly Credentials[]): (given: Credentials) => boolean {
  const known = expected.map(({ username, password }) => [digest(username), digest(password)] as const);
  return (given) => {
    const username = digest(given.username);
    const password = digest(given.password);
    const same = known.map(([name, word]) => {
      const sameUsername = timingSafeEqual(username, name);
      const samePassword = timingSafeEqual(password, word);
      return sameUsername && samePassword;
    });
    return same.includes(true);
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

const readingMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Why a request is not answered, whatever its credentials; null when it may be. */
function refuse(
  request: FastifyRequest,
  { hasCredentials, readOnly }: { readonly hasCredentials: boolean; readonly readOnly: boolean },
): string | null {
  if (!hasCredentials && !isLoopback(request.hostname)) {
    return `Without credentials only requests to this machine by name or address are answered, not to "${request.hostname}".`;
  }
  if (readingMethods.has(request.method)) return null;
  if (!hasCredentials) {
    return 'Nothing can be changed here without credentials. Nothing was changed. Set http.credentials.';
  }
  if (readOnly && request.routeOptions.url !== reportsPath) {
    return 'The dashboard is read-only (http.readOnly). Nothing was changed; the command line can.';
  }
  return isSameOrigin(request)
    ? null
    : 'This request comes from a page of another origin. Nothing was changed.';
}

/**
 * Browsers send Sec-Fetch-Site (and a page cannot forge it); older ones at least Origin with every write. A client that
 * sends neither is no browser, so no page can have made it send this.
 */
function isSameOrigin({ headers, host }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin } = headers;
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}
