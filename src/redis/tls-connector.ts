/**
 * How a client of Redis opens a socket with TLS. Such a socket can report two errors: the certificate that is not trusted, and
 * then the server's alert because the handshake was broken off. The client's own connector listens for the first only, and the
 * second ends the process (https://github.com/redis/ioredis/pull/962).
 * Invariant kept: no error of a socket is without a listener, however many there are.
 */
import { isIP } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { AbstractConnector, type RedisOptions } from 'ioredis';

export class TlsConnector extends AbstractConnector {
  readonly #options: RedisOptions;

  /** @param options the client's own RedisOptions; its type says less */
  constructor(options: unknown) {
    const own = options as RedisOptions;
    super(own.disconnectTimeout ?? 0);
    this.#options = own;
  }

  /** Throws Error when `disconnect` was called before the socket was opened. */
  override async connect(): Promise<TLSSocket> {
    this.connecting = true;
    await Promise.resolve();
    if (!this.connecting) throw new Error('Connection is closed.');
    const socket = openTlsSocket(this.#options);
    socket.once('error', (error) => {
      this.firstError = error;
    });
    this.stream = socket;
    return socket;
  }
}

/** Begins a handshake with the host and port of these options. */
export function openTlsSocket({ host, port, family, tls }: RedisOptions): TLSSocket {
  // Servers behind one address are told apart by the name that is asked for; an address is no such name.
  const asked = host === undefined || isIP(host) !== 0 ? tls : { servername: host, ...tls };
  const target = { host, port, family, ...asked } as ConnectionOptions;
  const socket = connect(target);
  socket.on('error', () => undefined);
  return socket;
}
