/**
 * Connections to Redis, of two kinds. A strict one (leases, markers, repairs) fails at once: it queues nothing while
 * offline and resends nothing, since a `SET NX` sent twice answers "taken" to its own holder. A patient one (queues)
 * waits for the server and sends again.
 * Invariants kept: no call and no close waits for ever; no password gets into an error. Does not read the environment.
 */
import { Redis, type Cluster, type RedisOptions } from 'ioredis';
import { OperatingError } from '../domain/operating-error.ts';
import { addressOf, hintOf, readServerAddress } from './address.ts';
import { describeRedisError } from './redis-trouble.ts';

export interface StrictOptions {
  /** Shown by `CLIENT LIST`; letters, digits, `-`, `_`, `.` and `:` only. */
  readonly connectionName?: string;
  /** The longest a connection attempt may take, in milliseconds; 2,000 unless given. */
  readonly connectTimeoutMs?: number;
  /** How long a sent command may stay unanswered before the socket counts as dead; 5,000 unless given. */
  readonly socketTimeoutMs?: number;
  /** Told about trouble on the connection: once per kind of trouble, until the connection is ready again. */
  readonly onError: (error: OperatingError) => void;
}

/** The waits between connection attempts double from the first to the last; half of each is random. */
const reconnectFirstMs = 100;
const reconnectMaxMs = 2_000;

const lastAttemptMs = 200;

/** Errors after which the server must be looked for again: it was demoted, or is not up yet. */
const movedAway = ['READONLY', 'LOADING', 'MASTERDOWN'];

/**
 * A client that connects in the background and goes on trying. Commands fail at once while it is not connected; what
 * was sent on a connection that broke fails too, and may or may not have been carried out.
 * Throws OperatingError `configuration` for a URL that cannot be read.
 */
export function connectStrict(url: string, options: StrictOptions): Redis {
  const address = readServerAddress(url);
  const redis = new Redis(address.url, {
    ...address.options,
    ...strictSettings(options),
    enableOfflineQueue: false,
    retryStrategy: reconnectDelayMs,
    reconnectOnError: hasMovedAway,
  });
  redis.on('error', oncePerStreak(redis, options.onError));
  return redis;
}

/** What makes a connection strict, of a server by itself or of one of a Cluster. */
export function strictSettings(
  options: StrictOptions,
): Omit<RedisOptions, 'replyMapping'> & { readonly replyMapping: 'legacy' } {
  return {
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    connectTimeout: options.connectTimeoutMs ?? 2_000,
    socketTimeout: options.socketTimeoutMs ?? 5_000,
    disconnectTimeout: 100,
    replyMapping: 'legacy',
    ...(options.connectionName === undefined ? {} : { connectionName: options.connectionName }),
  };
}

/**
 * A client for a queue library: it waits for the server for as long as it takes and sends again. The library copies it
 * for its blocking calls; the copies are remembered, so that `cut` can close them by force when the library's own close
 * hangs. Whoever uses it bounds each call with `withDeadline`.
 * Throws OperatingError `configuration` for a URL that cannot be read.
 */
export function connectPatient(url: string, options: Pick<StrictOptions, 'onError'>): PatientRedis {
  const address = readServerAddress(url);
  const redis = new PatientRedis(address.url, {
    ...address.options,
    maxRetriesPerRequest: null,
    connectTimeout: 5_000,
    // Far above the ten seconds for which the library lets a call block.
    socketTimeout: 30_000,
    disconnectTimeout: 500,
    retryStrategy: reconnectDelayMs,
    reconnectOnError: hasMovedAway,
    replyMapping: 'legacy',
  });
  redis.on('error', oncePerStreak(redis, options.onError));
  return redis;
}

export class PatientRedis extends Redis {
  readonly #copies = new Set<Redis>();

  override duplicate(override?: Partial<RedisOptions>): Redis {
    const copy = super.duplicate(override);
    // For good: a copy that has ended may be opened again.
    this.#copies.add(copy);
    return copy;
  }

  /** Cuts every connection, this one's and its copies', whatever is still under way on them. */
  cut(): void {
    for (const redis of [...this.#copies, this]) {
      redis.disconnect();
      if (redis.status !== 'reconnecting') continue;
      // Between two attempts that tells nobody of the end. A last attempt does, by failing or by being cut off.
      redis.connect().catch(() => {});
      setTimeout(() => redis.disconnect(), lastAttemptMs);
    }
  }
}

function hasMovedAway(error: Error): boolean {
  return movedAway.some((word) => error.message.includes(word));
}

/** Passes on the first of equal errors until the connection is ready again. */
function oncePerStreak(redis: Redis, tell: (error: OperatingError) => void): (error: unknown) => void {
  let told = '';
  redis.on('ready', () => {
    told = '';
  });
  return (error) => {
    const trouble = describeRedisError(error);
    if (trouble.message === told) return;
    told = trouble.message;
    tell(trouble);
  };
}

export function reconnectDelayMs(times: number): number {
  const delayMs = Math.min(reconnectFirstMs * 2 ** Math.min(times - 1, 10), reconnectMaxMs);
  return Math.ceil(delayMs * (0.5 + Math.random() / 2));
}

/**
 * Resolves once commands can be sent. Throws OperatingError: `redis_unreachable` after `deadlineMs`, `configuration` as soon
 * as the server shows a certificate that will not do.
 */
export async function untilReady(redis: Redis, deadlineMs: number): Promise<void> {
  if (redis.status === 'ready') return;
  let last = '';
  let onReady = (): void => undefined;
  let onError = (_error: Error): void => undefined;
  const ready = new Promise<void>((resolve, reject) => {
    onReady = resolve;
    onError = (error) => {
      const trouble = describeRedisError(error);
      last = ` ${trouble.message}${hintOf(redis, trouble.message)}`;
      if (trouble.code !== 'configuration') return;
      reject(new OperatingError(trouble.code, `${addressOf(redis)}: ${trouble.message}`));
    };
  });
  redis.on('error', onError);
  redis.once('ready', onReady);
  try {
    await withDeadline(ready, deadlineMs, `connecting to ${addressOf(redis)}`);
  } catch (error) {
    if (error instanceof OperatingError && error.code === 'configuration') throw error;
    throw new OperatingError(
      'redis_unreachable',
      `Redis at ${addressOf(redis)} could not be reached within ${deadlineMs} ms.${last} Check that it runs and that ` +
        'the URL is right.',
      { cause: error },
    );
  } finally {
    redis.off('error', onError);
    redis.off('ready', onReady);
  }
}

/**
 * Drops a connection on which an answer failed to come, and connects anew. What was written before is still sent. The
 * next call then goes out on a connection that works, and no late answer can be taken for another's.
 */
export function renewConnection(redis: Redis): void {
  if (redis.status === 'ready') redis.disconnect(true);
}

/** Closes a client within `deadlineMs`: in good order if the server answers, by force if not. Never throws. */
export async function endRedis(redis: Redis | Cluster, deadlineMs: number): Promise<void> {
  if (redis.status === 'end') return;
  const ended = new Promise<void>((resolve) => {
    redis.once('end', resolve);
  });
  if (redis.status === 'ready') await settled(withDeadline(redis.quit(), deadlineMs, 'closing'));
  // Between two attempts there is no socket whose end could be waited for: disconnecting drops the timer, and is done.
  const pausing = redis.status === 'reconnecting';
  redis.disconnect();
  if (pausing) return;
  await settled(withDeadline(ended, deadlineMs, 'closing'));
}

async function settled(work: Promise<unknown>): Promise<void> {
  await Promise.allSettled([work]);
}

/**
 * The result of `work`, or OperatingError `timed_out` after `deadlineMs`, or `aborted` when `signal` says so first. The
 * work itself goes on and its late result is dropped: whether it took effect is then unknown.
 * @param what the work in words, after "gave up": "renewing the lease …"
 */
export async function withDeadline<T>(
  work: Promise<T>,
  deadlineMs: number,
  what: string,
  signal?: AbortSignal,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const givenUp = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new OperatingError('timed_out', `Gave up ${what} after ${deadlineMs} ms without an answer.`));
    }, deadlineMs);
    onAbort = () => {
      reject(new OperatingError('aborted', `Stopped ${what}: it was called off.`, { cause: signal?.reason }));
    };
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, givenUp]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
  }
}
