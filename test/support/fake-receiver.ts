/**
 * A receiver of alerts: an HTTP server that keeps what it was sent, and answers as it is told to.
 */
import { createServer, type ServerResponse } from 'node:http';
import { once } from 'node:events';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** What a receiver does with a request that it has read. */
export type Answer = (response: ServerResponse, request: Received) => void;

export interface FakeReceiver {
  readonly port: number;
  readonly url: string;
  /** All that it was sent so far, also what it did not take. */
  readonly received: readonly Received[];
  /** What it has taken (answered with 200), from JSON. */
  taken(): Readonly<Record<string, unknown>>[];
  answerWith(answer: Answer): void;
  /** Stops listening and cuts what is open; `open` listens again, on the same port. */
  close(): Promise<void>;
  open(): Promise<void>;
}

export const takes: Answer = (response) => void response.writeHead(200).end('ok');
export const hangs: Answer = () => undefined;

export function answers(status: number, headers: Record<string, string> = {}, body = ''): Answer {
  return (response) => void response.writeHead(status, headers).end(body);
}

export async function startFakeReceiver(): Promise<FakeReceiver> {
  const received: Received[] = [];
  const taken: Received[] = [];
  let answer = takes;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      const all = { method, path, headers, body: Buffer.concat(chunks).toString('utf8') };
      received.push(all);
      response.once('finish', () => {
        if (response.statusCode === 200) taken.push(all);
      });
      answer(response, all);
    });
  });
  const open = async (port: number): Promise<number> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The receiver got no port');
    return address.port;
  };
  const port = await open(0);
  return {
    port,
    url: `http://127.0.0.1:${port}/hook`,
    received,
    taken: () => taken.map(({ body }) => JSON.parse(body)),
    answerWith: (given) => {
      answer = given;
    },
    open: async () => void (await open(port)),
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
