/**
 * How a client of Redis finds the primary through Sentinels: it asks one after the other, then opens a socket to the server
 * that is named, over TLS or not; anew with every attempt to connect, so that a failover is followed.
 * Invariants kept: a server that is no primary is not stayed with; no error of a socket is without a listener; what
 * `disconnect` calls off leaves nothing open.
 *
 * The client's own connector is not used: over TLS an untrusted certificate of a Sentinel or server would end the process (see
 * `tls-connector.ts`), and its errors do not tell a Sentinel that is away from one that knows no such primary.
 * The Sentinel that answered is listened to: a primary that is replaced while it still works, by hand say, is left at once,
 * and not when it is demoted, some ten seconds later. Where that Sentinel goes away, it is left when it is demoted, which
 * breaks its connections.
 */
import { createConnection, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { AbstractConnector, Redis, type RedisOptions } from 'ioredis';
import { OperatingError } from '../domain/operating-error.ts';
import { formatHosts, type RedisHost } from '../domain/redis-url.ts';
import { describeRedisError } from './redis-trouble.ts';
import { openTlsSocket, TlsConnector } from './tls-connector.ts';

type Tell = (event: string, error: Error) => void;

export class SentinelConnector extends AbstractConnector {
  readonly #options: RedisOptions;
  readonly #sentinels: readonly RedisHost[];
  /** Which Sentinel is asked first: the one that answered last, or the next when what it said was wrong. */
  #first = 0;
  /** The one that is asked, and then listened to. */
  #sentinel: Redis | null = null;
  #primary: RedisHost | null = null;
  #tell: Tell = () => undefined;

  /** @param options the client's own RedisOptions; its type says less */
  constructor(options: unknown) {
    const own = options as RedisOptions;
    super(own.disconnectTimeout ?? 0);
    this.#options = own;
    this.#sentinels = sentinelsOf(own);
  }

  /** Called with what the server says of itself, before it is used. */
  override check({ role }: { readonly role?: string }): boolean {
    if (role === undefined || role === 'master') return true;
    this.#first += 1;
    const place = this.#primary === null ? 'The server' : formatHosts([this.#primary]);
    const what = `${place} is named as the primary of ${this.#name}, and says that it is a ${role}.`;
    this.#tell('error', new OperatingError('redis_unreachable', what));
    return false;
  }

  override disconnect(): void {
    super.disconnect();
    this.#leaveSentinel();
  }

  /** Throws Error when `disconnect` was called before the socket was opened. */
  override async connect(tell: Tell): Promise<Socket | TLSSocket> {
    this.connecting = true;
    this.#tell = tell;
    const found = await this.#findPrimary();
    if (!this.connecting) throw new Error('Connection is closed.');
    this.stream = this.#open(found);
    return this.stream;
  }

  get #name(): string {
    return this.#options.name ?? '';
  }

  #leaveSentinel(): void {
    this.#sentinel?.disconnect();
    this.#sentinel = null;
  }

  /** A socket that is closed already makes the client wait and try again; an error thrown here would end it for good. */
  #open(found: RedisHost | OperatingError): Socket | TLSSocket {
    if (found instanceof OperatingError) {
      this.firstError = found;
      return new Socket().destroy();
    }
    this.#primary = found;
    const { tls, family = 0 } = this.#options;
    const target = { ...found, family };
    const socket = tls === undefined ? createConnection(target) : openTlsSocket({ ...target, tls });
    socket.once('error', (error: Error) => {
      this.firstError = error;
    });
    const sentinel = this.#sentinel;
    socket.once('close', () => sentinel?.disconnect());
    sentinel?.on('message', (_channel, text) => {
      if (text.startsWith(`${this.#name} `)) socket.destroy();
    });
    return socket;
  }

  async #findPrimary(): Promise<RedisHost | OperatingError> {
    const answers: string[] = [];
    let code: OperatingError['code'] = 'redis_unreachable';
    for (let tries = 0; tries < this.#sentinels.length && this.connecting; tries += 1) {
      const sentinel = this.#sentinels[this.#first % this.#sentinels.length];
      if (sentinel === undefined) break;
      try {
        const primary = await this.#ask(sentinel);
        if (primary !== null) return primary;
        answers.push(`${formatHosts([sentinel])} knows no primary of that name`);
      } catch (error) {
        const trouble = describeRedisError(error);
        code = trouble.code;
        answers.push(`${formatHosts([sentinel])}: ${trouble.message}`);
      }
      this.#first += 1;
    }
    return new OperatingError(code, `No Sentinel names the primary of ${this.#name}. ${answers.join(' ')}`);
  }

  /** Null when this Sentinel knows of none. Listens first: what changes after the answer is heard. */
  async #ask({ host, port }: RedisHost): Promise<RedisHost | null> {
    this.#leaveSentinel();
    const sentinel = openSentinel(host, port, this.#options);
    let first: unknown;
    sentinel.on('error', (error) => (first ??= error));
    this.#sentinel = sentinel;
    try {
      await sentinel.connect();
      await sentinel.subscribe('+switch-master');
      const answer: unknown = await sentinel.call('SENTINEL', 'get-master-addr-by-name', this.#name);
      if (Array.isArray(answer)) return { host: String(answer[0]), port: Number(answer[1]) };
    } catch (error) {
      this.#leaveSentinel();
      throw first ?? error;
    }
    this.#leaveSentinel();
    return null;
  }
}

/** Not connected yet; tries once. Speaks RESP3, in which one connection can both listen and ask. */
function openSentinel(host: string, port: number, options: RedisOptions): Redis {
  const { sentinelUsername, sentinelPassword, sentinelTLS, connectTimeout = 5_000, family = 0 } = options;
  return new Redis({
    host,
    port,
    family,
    ...(sentinelUsername === undefined ? {} : { username: sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { password: sentinelPassword }),
    ...(sentinelTLS === undefined ? {} : { tls: sentinelTLS, Connector: TlsConnector }),
    protocol: 3,
    connectTimeout,
    commandTimeout: connectTimeout,
    disconnectTimeout: 100,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    replyMapping: 'legacy',
    lazyConnect: true,
    retryStrategy: () => null,
  });
}

/** The client has null where there are none; its type does not say so. */
export function sentinelsOf({ sentinels }: RedisOptions): RedisHost[] {
  return (sentinels ?? []).map(({ host = '', port = 0 }) => ({ host, port }));
}
