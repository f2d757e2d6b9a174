/**
 * Opens the stores and distributors a command or the daemon works with, and closes the stores in reverse order.
 * Invariants kept: neither opening nor closing waits for ever; what did not open leaves no connection open.
 */
import { hostname } from 'node:os';
import type { Config } from '../config.ts';
import { defaultNamespace } from '../domain/open-claim.ts';
import { openDistributors } from '../distributor/open-distributor.ts';
import { connectPostgres, defaultPoolLimits, endPool } from '../postgres/connect.ts';
import { defaultPassLimits, type PassLimits } from '../reconcile/source-context.ts';
import type { ReconcilerDeps } from '../reconcile/under-term.ts';
import { connectMarkers, untilMarkersReady } from '../redis/connect-markers.ts';
import { connectStrict, endRedis, untilReady } from '../redis/connect.ts';
import { openTurns } from '../redis/turns.ts';
import type { Sentences } from './log-sentences.ts';

const closeMs = 2_000;
const readyMs = 5_000;

export interface OpenDeps extends ReconcilerDeps {
  /** Resolves when both Redis servers answer, of a Cluster all that hold markers; throws `redis_unreachable`. */
  untilRedisReady(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Connections are made in the background: this does not fail when a store is down. Throws OperatingError `configuration`
 * when a module that stands for a distributor cannot be loaded.
 */
export async function openDeps(
  config: Config,
  sentences: Sentences,
  namespace = defaultNamespace,
): Promise<OpenDeps> {
  const distributors = await openDistributors(config.sources);
  const pool = connectPostgres({
    url: config.database.url,
    applicationName: 'claim-reconciler',
    ...defaultPoolLimits,
    onError: (error) => sentences.trouble('postgres', error),
  });
  const markers = connectMarkers(config.markerRedis.url, {
    connectionName: 'claim-reconciler:markers',
    onError: (error) => sentences.trouble('marker redis', error),
  });
  const leases = connectStrict(config.queueRedis.url, {
    connectionName: 'claim-reconciler:leases',
    onError: (error) => sentences.trouble('queue redis', error),
  });
  const limits = limitsOf(config.reading);
  return {
    pool,
    markers,
    leases,
    namespace,
    sources: config.sources,
    distributors,
    holder: `${hostname()}:${process.pid}`,
    limits,
    awaitTurn: openTurns({
      leases,
      markers,
      namespace,
      ...config.reading,
      callTimeoutMs: limits.callTimeoutMs,
    }),
    onTrouble: (error) => sentences.trouble('lease', error),
    async untilRedisReady() {
      await Promise.all([untilMarkersReady(markers, readyMs), untilReady(leases, readyMs)]);
    },
    async close() {
      await Promise.all([endRedis(leases, closeMs), endRedis(markers, closeMs), endPool(pool, closeMs)]);
    },
  };
}

/** Of a chunk, by the rate alone: a pass ends before long ones do that many workers judge at a time, and keeps nothing of them. */
const secondsOfChunk = 10;

/** A page never holds more than a second's claims, so that waiting for a turn is spread evenly. */
function limitsOf({ rowsPerSecond, chunks }: Config['reading']): PassLimits {
  const { rowsPerPage, chunks: usual } = defaultPassLimits;
  const rate = rowsPerSecond ?? Number.POSITIVE_INFINITY;
  return {
    ...defaultPassLimits,
    rowsPerPage: Math.min(rowsPerPage, rate),
    chunks: { ...usual, ...chunks, rows: Math.min(chunks.rows, rate * secondsOfChunk) },
  };
}
