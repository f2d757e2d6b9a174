/**
 * The distributor of the example: the warehouse that really sends the gifts, as a service of its own with the protocol of
 * docs/distributor.md. Its book stands for a table.
 * Invariant kept: an attempt is decided once, and everybody who asks gets that answer.
 */
import { fastify, type FastifyInstance } from 'fastify';

export interface Warehouse {
  readonly app: FastifyInstance;
  /** From now on it sends what it is asked to, and nobody hears of it. */
  readonly loseReplies: (isLosing: boolean) => void;
  /** How many gifts it has sent. */
  readonly sent: () => number;
}

export function createWarehouse(): Warehouse {
  const book = new Set<string>();
  let isLosing = false;
  const app = fastify();
  app.put<{ Params: { attempt: string } }>('/grants/:attempt', async ({ params }, reply) => {
    book.add(params.attempt);
    if (!isLosing) return { answer: 'granted' };
    reply.hijack();
    reply.raw.destroy();
    return reply;
  });
  app.get<{ Params: { attempt: string } }>('/grants/:attempt', async ({ params }) => ({
    answer: book.has(params.attempt) ? 'granted' : 'not_granted',
  }));
  return {
    app,
    loseReplies: (losing) => {
      isLosing = losing;
    },
    sent: () => book.size,
  };
}
