/**
 * A TCP address that leads to one server now and to another later, as a virtual address does at a failover.
 * Invariant kept: what leads elsewhere is cut, so that nobody goes on talking to the old one.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface Switch {
  readonly port: number;
  /** From now on to this port of the loopback address; null: to nobody. Cuts what is open. */
  lead(port: number | null): void;
  close(): Promise<void>;
}

export async function startSwitch(first: number): Promise<Switch> {
  let target: number | null = first;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    return socket;
  };
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const server = createServer((client) => {
    keep(client);
    if (target === null) {
      client.resetAndDestroy();
      return;
    }
    const upstream = keep(connect(target, '127.0.0.1'));
    client.pipe(upstream).pipe(client);
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the switch got no port');
  return {
    port: address.port,
    lead: (port) => {
      target = port;
      cut();
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}
