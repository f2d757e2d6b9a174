/**
 * The library entry `claim-reconciler/gate`: what an application claims through instead of a flow of its own of `SETNX`, a
 * call and an insert. It reads the reconciler's configuration, so that both build the same keys, and opens connections of its
 * own: how the application's clients send again after a lost reply does not matter.
 * Invariants kept: a gate that opened can write its table; what did not open, and what is closed, leaves nothing open.
 *
 * What a gate guarantees: at most one grant of one thing at a time, as long as the claim table's unique index is there and
 * the distributor hands out once per attempt, whatever crashes, times out or forgets. What it cannot: that a claim settles
 * without the reconciler, or that a thing is claimed while both Redis and Postgres are away.
 */
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { OpenParts } from '../app/open-parts.ts';
import { loadConfig, readEnvironment, type LoadedConfig } from '../config.ts';
import { openDistributor } from '../distributor/open-distributor.ts';
import type { Distributor } from '../domain/distributor.ts';
import { repairObstacles } from '../domain/marker-store.ts';
import { didYouMean } from '../domain/nearest-name.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { Source } from '../domain/source.ts';
import { troubleOf } from '../gate/gate-context.ts';
import { createGate, type Gate, type GateOptions } from '../gate/gate.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import { openClaimTable, type ClaimTable } from '../postgres/claim-table.ts';
import { connectPostgres, endPool } from '../postgres/connect.ts';
import { connectMarkers, untilMarkersReady } from '../redis/connect-markers.ts';
import { connectStrict, endRedis } from '../redis/connect.ts';
import { readMarkerStore } from '../redis/marker-store.ts';
import type { MarkerRedis } from '../redis/script.ts';

export { createHttpDistributor, type HttpDistributorOptions } from '../distributor/http-distributor.ts';
export type { Distributor, Grant, GrantAnswer, LookupAnswer } from '../domain/distributor.ts';
export { OperatingError, type OperatingErrorCode } from '../domain/operating-error.ts';
export type { ColumnInput } from '../domain/claim-input.ts';
export type { Eligibility, Eligible } from '../gate/eligibility.ts';
export type {
  AttemptState,
  ClaimAnswer,
  ClaimCounts,
  ClaimRequest,
  Gate,
  GateOptions,
} from '../gate/gate.ts';

export interface OpenGateOptions extends GateOptions {
  /** The name of the source in the configuration. */
  readonly source: string;
  /** The configuration file; unless given RECONCILER_CONFIG, or `reconciler.config.yaml` in the working directory. */
  readonly config?: string;
  /** What `${NAME}` in the configuration and DATABASE_URL, REDIS_URL are taken from; the process's own unless given. */
  readonly env?: NodeJS.ProcessEnv;
  /** The application's own functions, instead of the distributor that the configuration names for the source. */
  readonly distributor?: Distributor;
  /** Connections to Postgres at most; 10 unless given. Only a claim that has its marker needs one, for two short statements. */
  readonly connectionsMax?: number;
}

const statementTimeoutMs = 5_000;
const readyMs = 3_000;
const closeMs = 2_000;

/**
 * Opens the gate of one source: reads the configuration, connects, looks at the claim table. To be done once in a process;
 * a gate serves any number of claims at once.
 *
 * Throws OperatingError, with nothing left open: `configuration` with all problems of the file, of the options or of the
 * table, each with what to do; `postgres_unreachable`; `redis_unreachable`, unless `whenRedisIsDown` is `postgres`.
 */
export async function openGate(options: OpenGateOptions): Promise<Gate> {
  const parts = new OpenParts();
  try {
    return await open(options, parts);
  } catch (error) {
    await parts.close();
    throw error;
  }
}

async function open(options: OpenGateOptions, parts: OpenParts): Promise<Gate> {
  const { onTrouble } = options;
  const config = await loadConfig({
    path: options.config,
    env: options.env ?? readEnvironment(),
    cwd: process.cwd(),
  });
  const source = findSource(config.sources, options.source);
  const distributor = options.distributor ?? (await configuredDistributor(source));
  const pool = connectPostgres({
    url: config.database.url,
    applicationName: 'claim-reconciler gate',
    connectionsMax: options.connectionsMax ?? 10,
    statementTimeoutMs,
    onError: (error) => onTrouble(troubleOf(error)),
  });
  parts.add(() => endPool(pool, closeMs));
  const redis = connectMarkers(config.markerRedis.url, {
    connectionName: 'claim-reconciler:gate',
    onError: onTrouble,
  });
  parts.add(() => endRedis(redis, closeMs));
  const cacheRedis =
    options.eligibility === undefined ? {} : { cacheRedis: openCache(config, redis, options, parts) };
  const [table] = await Promise.all([openTable(pool, source), untilUsable(redis, options)]);
  const gate = createGate({ pool, table, redis, distributor, ...cacheRedis }, options);
  parts.add(() => gate.close());
  let closing: Promise<void> | undefined;
  return { ...gate, close: async () => (closing ??= parts.close()) };
}

/** Where the markers are; but the keys of the cache must lie together, and so not in a Cluster. */
function openCache(
  config: LoadedConfig,
  redis: MarkerRedis,
  { onTrouble }: OpenGateOptions,
  parts: OpenParts,
): Redis {
  const { url } = redis.isCluster ? config.queueRedis : config.markerRedis;
  const cache = connectStrict(url, { connectionName: 'claim-reconciler:gate-cache', onError: onTrouble });
  parts.add(() => endRedis(cache, closeMs));
  return cache;
}

function findSource(sources: readonly Source[], name: string): Source {
  const found = sources.find((source) => source.name === name);
  if (found !== undefined) return found;
  const names = sources.map((source) => source.name);
  throw new OperatingError(
    'configuration',
    `The configuration has no source ${name}; it has ${names.join(', ')}${didYouMean(name, names)}`,
  );
}

async function configuredDistributor({ name, distributor }: Source): Promise<Distributor> {
  if (distributor !== null) return openDistributor(distributor);
  throw new OperatingError(
    'configuration',
    `The source ${name} has no distributor: name one in the configuration (sources.${name}.distributor), which the ` +
      'reconciler needs as well, or give openGate the functions.',
  );
}

async function openTable(pool: pg.Pool, source: Source): Promise<ClaimTable> {
  try {
    return await openClaimTable(pool, source);
  } catch (error) {
    throw asOperatingError(error);
  }
}

/** A server that markers cannot be taken on is told now, not with the first claim. */
async function untilUsable(
  redis: MarkerRedis,
  { whenRedisIsDown, onTrouble }: OpenGateOptions,
): Promise<void> {
  try {
    await untilMarkersReady(redis, readyMs);
    const obstacles = repairObstacles(await readMarkerStore(redis, readyMs));
    if (obstacles.length > 0) throw new OperatingError('not_ready', `${obstacles.join('; ')}.`);
  } catch (error) {
    if (whenRedisIsDown !== 'postgres' || !(error instanceof OperatingError)) throw error;
    onTrouble(error);
  }
}
