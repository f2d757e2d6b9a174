/**
 * Bull Board, the dashboard of the queues, under `/queues`.
 * Invariants kept: read-only unless the server has credentials; the page loads nothing from elsewhere; what people ask for is
 * in the name of who is signed in.
 */
import { randomUUID } from 'node:crypto';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import helmet from '@fastify/helmet';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** A queue and what people are told of it. */
export interface BoardQueue {
  /** A BullMQ queue, as Bull Board wants it. */
  readonly queue: ConstructorParameters<typeof BullMQAdapter>[0];
  readonly title: string;
  readonly description: string;
  /** How people ask for a job there; null where nobody should. */
  readonly requests: {
    /** JSON Schema of the data, without who asks. */
    readonly schema: Record<string, unknown>;
    /** Our own page of a job; null where there is none. */
    readonly pageOf: ((jobId: string) => string) | null;
  } | null;
}

/** Our own page of a job that a person asked for. */
export function byHandPath(jobId: string): string {
  return `/by-hand/${encodeURIComponent(jobId)}`;
}

const basePath = '/queues';
const sans = 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif';
const mono = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';
const fonts = { 'font-sans': sans, 'font-mono': mono };

/**
 * The board builds its style sheets while it runs, hence inline styles. Without a default `upgrade-insecure-requests`:
 * it would break the page wherever TLS ends before us or nowhere.
 */
const contentSecurityPolicy = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", 'data:'],
    fontSrc: ["'self'"],
    connectSrc: ["'self'"],
    baseUri: ["'self'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
};

export async function registerBoard(
  app: FastifyInstance,
  queues: readonly BoardQueue[],
  { writable }: { readonly writable: boolean },
): Promise<void> {
  const signed = new Set(queues.filter(({ requests }) => requests !== null).map(({ queue }) => queue.name));
  const serverAdapter = new FastifyAdapter().setBasePath(basePath);
  createBullBoard({
    queues: queues.map((queue) => adapt(queue, writable)),
    serverAdapter,
    options: {
      uiConfig: {
        boardTitle: 'claim-reconciler',
        miscLinks: [{ text: 'Overview', url: '/' }],
        hideDocsLink: true,
        // Without it the board asks Redis for all its clients at every poll.
        showWorkers: false,
        showMetrics: true,
        theme: { light: fonts, dark: fonts },
      },
    },
  });
  await app.register(
    async (scope) => {
      await scope.register(helmet, {
        contentSecurityPolicy,
        strictTransportSecurity: false,
        xFrameOptions: { action: 'deny' },
        referrerPolicy: { policy: 'same-origin' },
      });
      scope.addHook('onSend', (_request, _reply, payload, done) => {
        done(null, typeof payload === 'string' ? dropForeignLinks(payload) : payload);
      });
      scope.addHook('preHandler', (request, reply, done) => {
        if (!isOfQueue(request, signed)) return done();
        if (runsAgain(request)) return void reply.code(405).send({ error: askAnew });
        signJob(request);
        done();
      });
      await scope.register(serverAdapter.registerPlugin());
    },
    { prefix: basePath },
  );
}

function adapt({ queue, title, description, requests }: BoardQueue, writable: boolean): BullMQAdapter {
  const pageOf = requests?.pageOf ?? null;
  return new BullMQAdapter(queue, {
    readOnlyMode: !writable,
    // Only hides the button: see `runsAgain`.
    allowRetries: requests === null,
    displayName: title,
    description,
    ...(requests === null ? {} : { jobDataSchema: requests.schema }),
    ...(pageOf === null
      ? {}
      : { externalJobUrl: ({ id }) => ({ displayText: 'What came of it', href: pageOf(String(id)) }) }),
  });
}

/** Whether it is about one of these queues. */
function isOfQueue({ params }: FastifyRequest, names: ReadonlySet<string>): boolean {
  if (typeof params !== 'object' || params === null || !('queueName' in params)) return false;
  return names.has(String(params.queueName));
}

const askAnew =
  'A job that was asked for is not run again: it would be in the name of whoever asked for it then. Ask for it anew.';

function runsAgain({ routeOptions }: FastifyRequest): boolean {
  return /\/retry(\/:queueStatus)?$/.test(routeOptions.url ?? '');
}

/**
 * Who asks for a job is who is signed in, whatever the data say; and it has an id of its own, which no other has had, and no
 * other options than any such job. The board has no place for that: it passes on what it was sent, `data` and `options` when
 * a job is added, `jobData` when its data are changed.
 */
function signJob({ body, person, routeOptions }: FastifyRequest): void {
  if (typeof body !== 'object' || body === null) return;
  for (const data of ['data' in body ? body.data : null, 'jobData' in body ? body.jobData : null]) {
    if (typeof data === 'object' && data !== null && !Array.isArray(data))
      Object.assign(data, { by: person });
  }
  if (routeOptions.url?.endsWith('/add')) Object.assign(body, { options: { jobId: randomUUID() } });
}

/** Style sheets and fonts of other sites: the policy above would block them, and a browser would complain each time. */
function dropForeignLinks(page: string): string {
  if (!page.startsWith('<!DOCTYPE html>')) return page;
  return page.replaceAll(/<link\b[^>]*\bhref="https?:[^>]*>/g, '');
}
