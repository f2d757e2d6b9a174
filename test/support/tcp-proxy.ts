/**
 * A TCP proxy that breaks the network on purpose, between a client under test and a real server.
 * Invariant kept: what a connection delivers is a beginning of what was sent, in order and unchanged. Once something of
 * a direction was swallowed, that direction of that connection stays silent in every mode (a later answer would be
 * taken for the lost one's): it is like a cable that was pulled. `cut` ends it; new connections are not concerned.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';

/**
 * - `pass`: nothing is done.
 * - `swallow_replies`: the server gets requests, but the client never gets an answer, nor the end of the connection.
 * - `swallow_requests`: the server gets nothing from the client.
 * - `reset`: open connections are reset, and new ones at once.
 * - `latency`: everything arrives `latencyMs` late, in both directions.
 * - `slice`: everything arrives in pieces of `sliceBytes`.
 */
export type ProxyMode = 'pass' | 'swallow_replies' | 'swallow_requests' | 'reset' | 'latency' | 'slice';

export interface TcpProxy {
  readonly port: number;
  /** The target's url with the port of the proxy. */
  readonly url: string;
  /** From now on, for connections that are open and new ones; what is under way already is delivered as it was. */
  set(mode: ProxyMode, options?: { latencyMs?: number; sliceBytes?: number }): void;
  /** Resets every open connection; new ones are treated as the mode says. */
  cut(): void;
  /** Connections that clients have opened so far, and those open now. */
  count(): { total: number; open: number };
  /** Resets what is open and stops listening. Safe to call twice. */
  close(): Promise<void>;
}

interface Behaviour {
  readonly mode: ProxyMode;
  readonly latencyMs: number;
  readonly sliceBytes: number;
}

type Direction = 'request' | 'reply';

const start: Behaviour = { mode: 'pass', latencyMs: 50, sliceBytes: 1 };

/** Listens on a free port of the loopback address and forwards to host and port of `target`, a url. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port: targetPort } = new URL(target);
  let behaviour = start;
  let total = 0;
  const clients = new Set<Socket>();
  const upstreams = new Set<Socket>();
  const cut = (): void => {
    for (const socket of [...clients, ...upstreams]) socket.resetAndDestroy();
  };
  const server = createServer((client) => {
    total += 1;
    track(client, clients);
    if (behaviour.mode === 'reset') {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(Number(targetPort), hostname);
    track(upstream, upstreams);
    forward(client, upstream, 'request', () => behaviour);
    forward(upstream, client, 'reply', () => behaviour);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy got no port');
  const url = new URL(target);
  url.host = `127.0.0.1:${address.port}`;
  return {
    port: address.port,
    url: url.href,
    set: (mode, options = {}) => {
      behaviour = { ...start, ...options, mode };
      if (mode === 'reset') cut();
    },
    cut,
    count: () => ({ total, open: clients.size }),
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}

function track(socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket);
  socket.setNoDelay(true);
  socket.once('close', () => sockets.delete(socket));
  // Broken connections are the purpose; the other end learns of it by the close.
  socket.on('error', () => undefined);
}

/** One direction of one connection. Deliveries form a chain, so that late ones do not overtake each other. */
function forward(from: Socket, to: Socket, direction: Direction, behaviour: () => Behaviour): void {
  let chain = Promise.resolve();
  let isSilent = false;
  const swallows = (): boolean => (isSilent ||= isSwallowed(behaviour(), direction));
  const enqueue = (deliver: () => Promise<void> | void): void => {
    chain = chain.then(deliver);
  };
  from.on('data', (chunk) => {
    if (swallows()) return;
    const current = behaviour();
    const arrivedAt = performance.now();
    enqueue(async () => deliver(chunk, to, current, arrivedAt));
  });
  from.on('end', () => {
    if (!swallows()) enqueue(() => void to.end());
  });
  from.on('close', (hadError) => {
    if (!swallows()) enqueue(() => void (hadError ? to.resetAndDestroy() : to.destroySoon()));
  });
}

async function deliver(chunk: Buffer, to: Socket, behaviour: Behaviour, arrivedAt: number): Promise<void> {
  const { mode, latencyMs, sliceBytes } = behaviour;
  if (mode === 'latency') await pause(Math.max(0, arrivedAt + latencyMs - performance.now()));
  if (mode !== 'slice') {
    send(chunk, to);
    return;
  }
  for (let from = 0; from < chunk.length; from += sliceBytes) {
    send(chunk.subarray(from, from + sliceBytes), to);
    await turn();
  }
}

function send(chunk: Buffer, to: Socket): void {
  if (to.writable) to.write(chunk);
}

function isSwallowed({ mode }: Behaviour, direction: Direction): boolean {
  return direction === 'reply' ? mode === 'swallow_replies' : mode === 'swallow_requests';
}
