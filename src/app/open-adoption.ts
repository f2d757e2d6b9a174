/**
 * Opens the stores that `adopt` looks into, before there is a configuration for them.
 * Invariant kept: no statement runs for longer than a person waits for it, nor holds others up at a lock.
 */
import type { AdoptionStores } from '../reconcile/adopt-table.ts';
import { connectPostgres, endPool } from '../postgres/connect.ts';
import { connectMarkers, untilMarkersReady } from '../redis/connect-markers.ts';
import { endRedis } from '../redis/connect.ts';

export interface AdoptionUrls {
  readonly database: string;
  readonly markerRedis: string | null;
}

const statementTimeoutMs = 5_000;
const callTimeoutMs = 2_000;
const readyMs = 5_000;
const closeMs = 2_000;

/** Closes them when `work` has ended. Throws `redis_unreachable` for a Redis that was named and does not answer. */
export async function withAdoptionStores<T>(
  urls: AdoptionUrls,
  work: (stores: AdoptionStores) => Promise<T>,
): Promise<T> {
  // Whoever waits for an answer is told.
  const onError = (): void => undefined;
  const pool = connectPostgres({
    url: urls.database,
    applicationName: 'claim-reconciler adopt',
    connectionsMax: 1,
    statementTimeoutMs,
    onError,
  });
  const markers =
    urls.markerRedis === null
      ? null
      : connectMarkers(urls.markerRedis, { connectionName: 'claim-reconciler:adopt', onError });
  try {
    if (markers !== null) await untilMarkersReady(markers, readyMs);
    return await work({ pool, markers, callTimeoutMs });
  } finally {
    await Promise.all([endPool(pool, closeMs), ...(markers === null ? [] : [endRedis(markers, closeMs)])]);
  }
}
