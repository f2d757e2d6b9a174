/**
 * What passes judged, found and repaired over time, for charts.
 * Invariant kept: reads only, bounded by the time looked back and by a time limit on the server.
 */
import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { asOperatingError } from './as-operating-error.ts';
import { inTransaction } from './connect.ts';

export interface Activity {
  /** Length of a bucket, in milliseconds. */
  readonly bucketMs: number;
  /** When the newest bucket ends: Unix milliseconds by the database. */
  readonly endsAtMs: number;
  /** By source; the oldest bucket first, each list of one length. */
  readonly bySource: ReadonlyMap<string, readonly ActivityBucket[]>;
}

export interface ActivityBucket {
  readonly judged: number;
  /** Bad verdicts; of claims read again, again. */
  readonly found: number;
  /** Repairs applied. */
  readonly repaired: number;
  /** Passes that did not complete. */
  readonly troubled: number;
}

const activitySql = readFileSync(new URL('./activity.sql', import.meta.url), 'utf8');

const nothing: ActivityBucket = { judged: 0, found: 0, repaired: 0, troubled: 0 };

/**
 * @param span `buckets` of `bucketMs` each, up to now
 * @throws OperatingError when Postgres cannot be read
 */
export async function readActivity(
  pool: pg.Pool,
  sources: readonly string[],
  { buckets, bucketMs }: { readonly buckets: number; readonly bucketMs: number },
): Promise<Activity> {
  type Row = ActivityBucket & { readonly source: string; readonly bucket: number };
  try {
    return await inTransaction(pool, async (client) => {
      await client.query('set local statement_timeout = 4000; set local jit = off');
      const clock = await client.query<{ now: number }>(
        'select (extract(epoch from now()) * 1000)::float8 as now',
      );
      const { rows } = await client.query<Row>(activitySql, [sources, buckets * bucketMs, bucketMs]);
      const bySource = new Map(sources.map((name) => [name, Array.from({ length: buckets }, () => nothing)]));
      for (const { source, bucket, ...counts } of rows) {
        const all = bySource.get(source);
        if (all !== undefined) all[bucket] = counts;
      }
      return { bucketMs, endsAtMs: clock.rows[0]?.now ?? 0, bySource };
    });
  } catch (error) {
    throw asOperatingError(error);
  }
}
