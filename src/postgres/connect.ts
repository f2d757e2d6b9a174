/**
 * Connections to Postgres. Every limit is set on the server's side too, so that a statement whose client gave up does
 * not go on running.
 * Invariant kept: nothing waits for ever. Does not read the environment.
 */
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { OperatingError } from '../domain/operating-error.ts';

export interface PoolOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly connectionsMax: number;
  /** The longest one statement may run, in milliseconds; the longest wait for a row lock is a third of it. */
  readonly statementTimeoutMs: number;
  /** Told about connections that broke while nobody waited for them; the pool replaces them by itself. */
  readonly onError: (error: Error) => void;
}

export const defaultPoolLimits = { connectionsMax: 6, statementTimeoutMs: 30_000 } as const;

/**
 * A pool whose sessions print dates in ISO form and UTC: marker keys are built from what they print. Throws
 * OperatingError `configuration` for a URL that cannot be read, or that names a file that cannot.
 */
export function connectPostgres(options: PoolOptions): pg.Pool {
  checkUrl(options.url);
  const { statementTimeoutMs } = options;
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.connectionsMax,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    statement_timeout: statementTimeoutMs,
    lock_timeout: Math.ceil(statementTimeoutMs / 3),
    idle_in_transaction_session_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + 5_000,
    options:
      '-c DateStyle=ISO -c TimeZone=UTC -c IntervalStyle=postgres -c extra_float_digits=1 -c bytea_output=hex',
  });
  // A pool has ended before the last of its connections is closed: what becomes of that one is nobody's trouble.
  const tell = (error: Error): void => {
    if (!pool.ending) options.onError(error);
  };
  pool.on('error', tell);
  pool.on('connect', (client) => client.on('error', tell));
  return pool;
}

/** The parser's own error may carry the whole URL, with its password; and without this it would come at the first query. */
function checkUrl(connectionString: string): void {
  try {
    // Reads the URL and the files that it names; connects to nothing.
    void new pg.Client({ connectionString });
  } catch (error) {
    const path = error instanceof Error && 'path' in error ? String(error.path) : null;
    const reason = path === null ? 'cannot be read' : `names the file ${path}, which cannot be read`;
    throw new OperatingError(
      'configuration',
      `The database URL ${reason}. Write it as postgres://user:password@host:5432/name, with ` +
        '?sslmode=verify-full&sslrootcert=FILE for TLS; characters such as @ and / in the password must be percent-encoded.',
    );
  }
}

/** Serialization failure, deadlock: the whole transaction may be tried again. */
const retriedCodes = new Set(['40001', '40P01']);
const triesMax = 3;
/** Before another try, times the tries so far: two that got into each other's way begin at different moments. */
const pauseMaxMs = 50;

/**
 * Runs `work` in one transaction. Serialization failures and deadlocks repeat the whole of it, three times in all, with a pause
 * of random length between.
 * A connection on which anything failed is closed, never handed to the next user.
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await tryTransaction(pool, work);
    } catch (error) {
      if (tries >= triesMax || !(error instanceof pg.DatabaseError) || !retriedCodes.has(error.code ?? '')) {
        throw error;
      }
      await wait(Math.random() * pauseMaxMs * tries);
    }
  }
}

async function tryTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    client.release(failure);
  }
}

/** Runs `work` on one connection, which is closed if it fails. */
export async function onConnection<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    return await work(client);
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    client.release(failure);
  }
}

/** Ends a pool within `deadlineMs`, even if a client was never handed back or the server is gone. */
export async function endPool(pool: pg.Pool, deadlineMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, deadlineMs);
  });
  await Promise.race([pool.end(), deadline]);
  clearTimeout(timer);
}
