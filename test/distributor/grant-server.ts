/**
 * A server that is asked like a distributor and does what a test says, however wrong; it keeps what it was asked.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll } from 'vitest';

export interface Asked {
  readonly method: string;
  /** As it came, not decoded. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Act = (response: ServerResponse, asked: Asked) => void;

export interface GrantServer {
  readonly url: () => string;
  /** What is done with the requests to come, one after the other; the last one stays. */
  readonly will: (...acts: readonly Act[]) => void;
  /** Resets connections as soon as headers have come, for so many requests. */
  readonly resetUnread: (requests: number) => void;
  readonly asked: () => readonly Asked[];
}

/** A reply with a body: text as it is, anything else as JSON. */
export function reply(status: number, body: unknown, headers: Record<string, string> = {}): Act {
  return (response) => {
    response.writeHead(status, headers);
    response.end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body));
  };
}

export function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

/** To be called once at the top of a test file. */
export function useGrantServer(): GrantServer {
  let acts: readonly Act[] = [];
  let unread = 0;
  let asked: Asked[] = [];
  const server = createServer((request, response) => {
    if (unread > 0) {
      unread -= 1;
      reset(response);
      return;
    }
    void answer(request, response);
  });
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
    const { method = '', url: path = '', headers } = request;
    const came = { method, path, headers, body };
    const act = acts[Math.min(asked.length, acts.length - 1)];
    asked.push(came);
    act?.(response, came);
  }
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    [acts, unread, asked] = [[], 0, []];
  });
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: () => {
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('the server has no port');
      return `http://127.0.0.1:${address.port}/grants`;
    },
    will: (...planned) => {
      acts = planned;
    },
    resetUnread: (requests) => {
      unread = requests;
    },
    asked: () => asked,
  };
}
