/**
 * The application: an HTTP service through which users claim gifts. In a project of your own the import is
 * `claim-reconciler/gate`.
 */
import { fastify, type FastifyInstance } from 'fastify';
import type { Gate } from '../../src/entry/gate.ts';

const claimSchema = {
  body: { type: 'object', required: ['uid'], properties: { uid: { type: 'integer' } } },
  params: {
    type: 'object',
    properties: { activity: { type: 'integer' }, gift: { type: 'integer' } },
  },
};

interface ClaimRoute {
  Params: { readonly activity: number; readonly gift: number };
  Body: { readonly uid: number };
}

const claimWindowMs = 180 * 86_400_000;

export function createService(gate: Gate): FastifyInstance {
  const app = fastify();
  app.setErrorHandler<Error & { readonly code?: string; readonly statusCode?: number }>(
    async ({ code, message, statusCode }, _request, reply) => {
      const isTheirs = code === 'bad_claim' || statusCode === 400;
      // Nothing was handed out: they may try again.
      return reply
        .code(isTheirs ? 400 : 503)
        .send({ state: 'failed', reason: isTheirs ? message : 'try again later' });
    },
  );
  app.post<ClaimRoute>(
    '/activities/:activity/gifts/:gift/claims',
    { schema: claimSchema },
    async (request, reply) => {
      const { activity, gift } = request.params;
      const answer = await gate.claim({
        columns: { activity_id: activity, gift_id: gift, uid: request.body.uid },
        ttlMs: claimWindowMs,
      });
      switch (answer.kind) {
        case 'granted':
          return reply.code(201).send({ state: 'granted' });
        case 'already_claimed':
          return reply.code(409).send({ state: 'already_claimed' });
        case 'refused':
          return reply.code(422).send({ state: 'refused', reason: answer.reason });
        case 'unknown':
          // It is not lost, and must not be tried again under another attempt: the user asks here what became of it.
          return reply.code(202).header('location', `/claims/${answer.attempt}`).send({ state: 'unknown' });
      }
    },
  );
  app.get<{ Params: { attempt: string } }>('/claims/:attempt', async ({ params }, reply) => {
    const { kind } = await gate.lookup(params.attempt);
    return reply.code(kind === 'not_found' ? 404 : 200).send({ state: kind });
  });
  return app;
}
