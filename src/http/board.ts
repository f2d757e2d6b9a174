/**
 * Bull Board, the dashboard of the queues, under `/queues`.
 * Invariants kept: read-only unless the server has credentials; the page loads nothing from elsewhere.
 */
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';

/** A BullMQ queue, as Bull Board wants it. */
export type BoardQueue = ConstructorParameters<typeof BullMQAdapter>[0];

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
  const serverAdapter = new FastifyAdapter().setBasePath(basePath);
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: !writable })),
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
      });
      scope.addHook('onSend', (_request, _reply, payload, done) => {
        done(null, typeof payload === 'string' ? dropForeignLinks(payload) : payload);
      });
      await scope.register(serverAdapter.registerPlugin());
    },
    { prefix: basePath },
  );
}

/** Style sheets and fonts of other sites: the policy above would block them, and a browser would complain each time. */
function dropForeignLinks(page: string): string {
  if (!page.startsWith('<!DOCTYPE html>')) return page;
  return page.replaceAll(/<link\b[^>]*\bhref="https?:[^>]*>/g, '');
}
