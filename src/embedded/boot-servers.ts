/**
 * The backing servers of a machine that has none: DATABASE_URL and REDIS_URL where they are given, else servers of our
 * own, found on the machine or fetched, on free ports with data of their own.
 * Invariant kept: either both are there, or nothing is left behind; two boots at once share nothing but the cache.
 * CLAIM_RECONCILER_BINARIES=bundled ignores servers that are installed; XDG_CACHE_HOME moves the cache.
 * It does not check that given urls work: whoever connects finds out.
 */
import type { RunningServer } from './running-server.ts';
import { startPostgres } from './start-postgres.ts';
import { startRedis } from './start-redis.ts';

/** Where the stores are, until `stop`. */
export interface BackingServers {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Where they are from, in words for people. */
  readonly postgresOrigin: string;
  readonly redisOrigin: string;
  /** Kills Redis and starts it again, empty. Null where it was given: its data are not ours to lose. */
  readonly loseRedis: (() => Promise<void>) | null;
  /** Stops what was started here and removes its data. Servers that were given are left alone. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Boots what is not given. `fresh` ignores the given urls, `say` gets lines about what takes long or went wrong.
 * Rejects with everything that was tried and how to install a server, when one cannot be started.
 */
export async function bootServers(options: {
  env: NodeJS.ProcessEnv;
  say: (line: string) => void;
  fresh?: boolean;
}): Promise<BackingServers> {
  const { env, say, fresh = false } = options;
  const [postgres, redis] = await startBoth(
    fresh ? null : given(env, 'DATABASE_URL'),
    fresh ? null : given(env, 'REDIS_URL'),
    { env, say },
  );
  return {
    databaseUrl: postgres.url,
    redisUrl: redis.url,
    postgresOrigin: postgres.origin,
    redisOrigin: redis.origin,
    loseRedis: redis.lose,
    stop: async () => stopAll([postgres, redis]),
  };
}

type Server = Pick<RunningServer, 'url' | 'origin' | 'stop'>;
/** `lose`: null for a server that was given. */
type RedisServer = Server & { readonly lose: (() => Promise<void>) | null };

async function startBoth(
  givenPostgres: Server | null,
  givenRedis: Server | null,
  options: { env: NodeJS.ProcessEnv; say: (line: string) => void },
): Promise<[Server, RedisServer]> {
  const [postgres, redis] = await Promise.allSettled([
    givenPostgres ?? startPostgres(options),
    givenRedis === null ? startOwnRedis(options) : { ...givenRedis, lose: null },
  ]);
  if (postgres.status === 'fulfilled' && redis.status === 'fulfilled') return [postgres.value, redis.value];
  const outcomes = [postgres, redis];
  await stopAll(outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : [])));
  const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  const message = reasons.map((reason) => (reason instanceof Error ? reason.message : String(reason)));
  throw new Error(message.join('\n'), { cause: reasons[0] });
}

async function startOwnRedis(options: {
  env: NodeJS.ProcessEnv;
  say: (line: string) => void;
}): Promise<RedisServer> {
  const server = await startRedis(options);
  return {
    ...server,
    async lose() {
      await server.kill();
      await server.restart();
    },
  };
}

function given(env: NodeJS.ProcessEnv, name: string): Server | null {
  const url = env[name];
  return url === undefined || url === '' ? null : { url, origin: name, stop: async () => undefined };
}

async function stopAll(servers: readonly Server[]): Promise<void> {
  const outcomes = await Promise.allSettled(servers.map(async (server) => server.stop()));
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  if (failures.length > 0) throw new AggregateError(failures, 'A backing server could not be stopped');
}
