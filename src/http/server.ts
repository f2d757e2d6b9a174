/**
 * The HTTP side: overview, Bull Board, reports, metrics and probes on one port.
 * Invariants kept: it never serves off loopback without credentials; no request hangs on a dead store; closing never
 * waits for a client.
 * Does not read stores itself: it is given functions that do.
 */
import helmet from '@fastify/helmet';
import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { OperatingError } from '../domain/operating-error.ts';
import type { Overview } from '../postgres/overview.ts';
import { assertServable, guardAccess, type Credentials, type HttpLog } from './access.ts';
import { registerActions } from './actions.ts';
import { registerBoard, type BoardQueue } from './board.ts';
import type { Desk } from './desk.ts';
import type { Metrics } from './metrics.ts';
import { registerPages } from './pages.ts';
import { registerReports, reportsPath, type TakeReport } from './reports.ts';
import { shareReading } from './shared-reading.ts';

export interface Readiness {
  readonly ready: boolean;
  /** Sentences; shown to anybody who can reach the port. */
  readonly reasons: readonly string[];
}

export interface HttpOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** None is for loopback only; then nothing can be changed over HTTP. */
  readonly credentials: readonly Credentials[];
  /** Nothing can be changed on the pages and the board, whoever asks; reports of applications are taken. */
  readonly readOnly: boolean;
  readonly queues: readonly BoardQueue[];
  overview(): Promise<Overview>;
  readonly desk: Desk;
  /** Where the run-book is. */
  readonly runbook: string;
  readiness(): Promise<Readiness>;
  readonly takeReport: TakeReport;
  readonly metrics: Pick<Metrics, 'scrape'>;
  readonly log: HttpLog;
}

export interface HttpServer {
  readonly url: string;
  /** Answers what is under way for at most `closeGraceMs`, then hangs up. Safe to call twice. */
  close(): Promise<void>;
}

/** Longer than any healthy answer, shorter than the patience of browsers, probes and Prometheus (10 s). */
const answerWithinMs = 8_000;
/** Probes give up after a second by default. */
const readinessWithinMs = 900;
const closeGraceMs = 500;

const contentSecurityPolicy = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
};

/**
 * Starts to listen. Throws `configuration` for an address or credentials that must not be served, `not_ready` when the
 * address cannot be listened on; nothing is left open then.
 */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  assertServable(options.host, options.credentials);
  const app = await buildHttp(options);
  // By name two sockets would be opened, for IPv4 and IPv6, and only one of them closed with its connections.
  const host = options.host === 'localhost' ? '127.0.0.1' : options.host;
  try {
    await app.listen({ host, port: options.port });
  } catch (error) {
    await app.close();
    throw describeListenError(error, options);
  }
  return { url: urlOf(app, options.host), close: () => closeWithin(app, closeGraceMs) };
}

/** The whole server, not listening yet. */
export async function buildHttp(options: HttpOptions): Promise<FastifyInstance> {
  const app = fastify({
    handlerTimeout: answerWithinMs,
    requestTimeout: answerWithinMs,
    bodyLimit: 256 * 1024,
    forceCloseConnections: 'idle',
  });
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const statusCode = error.statusCode ?? (error instanceof OperatingError ? 503 : 500);
    if (statusCode >= 500)
      request.log.warn({ error: error.name }, `${request.method} failed: ${error.message}`);
    return reply.code(statusCode).send({ error: error.message });
  });
  await app.register(helmet, {
    contentSecurityPolicy,
    // Whether there is TLS is known to the proxy in front, if there is one.
    strictTransportSecurity: false,
    xFrameOptions: { action: 'deny' },
    // Under `no-referrer` a browser calls the origin of our own forms "null"; over plain HTTP it says nothing else of them.
    referrerPolicy: { policy: 'same-origin' },
  });
  addProbes(app, options);
  await app.register(async (scope) => {
    addAudit(scope, options.log);
    await guardAccess(scope, options);
    addFreshness(scope);
    registerPages(scope, { ...options, writable: isWritable(options) });
    await registerActions(scope, options.desk);
    addMetrics(scope, options);
    await registerReports(scope, options.takeReport);
    await registerBoard(scope, options.queues, { writable: isWritable(options) });
  });
  return app;
}

function isWritable({ credentials, readOnly }: HttpOptions): boolean {
  return credentials.length > 0 && !readOnly;
}

/** State is of the moment: nobody keeps it, unless a route says otherwise. */
function addFreshness(app: FastifyInstance): void {
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
    done();
  });
}

/** `/livez` says that the event loop turns; `/readyz` that work can be done. Both without credentials. */
function addProbes(app: FastifyInstance, options: HttpOptions): void {
  const readReadiness = shareReading(() => options.readiness(), {
    freshMs: 0,
    deadlineMs: readinessWithinMs,
    what: 'whether the stores answer',
  });
  app.get('/livez', () => ({ alive: true }));
  // Browsers ask for it beside whatever names none, such as a refusal.
  app.get('/favicon.ico', (_request, reply) => reply.code(204).send());
  app.get('/readyz', async (_request, reply) => {
    const readiness = await readReadiness().catch((error: unknown): Readiness => ({
      ready: false,
      reasons: [messageOf(error)],
    }));
    return reply.code(readiness.ready ? 200 : 503).send(readiness);
  });
}

/**
 * Says in the log what was changed over HTTP and what failed. The board answers its own errors, so it is done here. Reports
 * change nothing by themselves, have their own record, and may come by the thousand.
 */
function addAudit(app: FastifyInstance, log: HttpLog): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { method, url, ip: from, person: by } = request;
    const fields = { method, url, by, from, status: reply.statusCode };
    const isWrite = method !== 'GET' && method !== 'HEAD' && request.routeOptions.url !== reportsPath;
    const changed = isWrite && reply.statusCode < 400;
    if (changed) log.info(fields, 'changed over HTTP');
    if (reply.statusCode >= 500) log.warn(fields, 'an HTTP request failed');
    done();
  });
}

function addMetrics(app: FastifyInstance, { metrics }: HttpOptions): void {
  app.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await metrics.scrape();
    return reply.type(contentType).send(body);
  });
}

/** Hangs up on everybody who is still connected after the grace; a client cannot hold up the end of the process. */
async function closeWithin(app: FastifyInstance, graceMs: number): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), graceMs);
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
  }
}

function urlOf(app: FastifyInstance, host: string): string {
  const address = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function describeListenError(error: unknown, { host, port }: HttpOptions): OperatingError {
  return new OperatingError(
    'not_ready',
    `The dashboard could not listen on ${host} port ${port}: ${messageOf(error)}. It was not started. Stop the other ` +
      'program that listens there, or change http.port.',
    { cause: error },
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
