/**
 * Horizons: the transaction ids below which every transaction has ended. A horizon sampled one grace period ago bounds
 * what a pass may read, so that the grace period needs no row timestamp and no clock on the application's hosts.
 * Invariant kept (6): a row below the returned horizon was committed before the sample was taken.
 * Statements here run outside any write transaction of our own, which would hold the horizon itself.
 */
import type pg from 'pg';
import type { SourceSql } from './source-sql.ts';

export interface HorizonReading {
  /** The newest horizon sampled at least one grace period ago; null when there is none yet. */
  readonly settled: {
    readonly horizon: string;
    readonly ageMs: number;
    /**
     * For a source that is read by a column of its own: the value up to which its checkpoint may go. No transaction from the
     * horizon on had ended when it was sampled. Null when there is no such sample yet, and for other sources.
     */
    readonly bound: string | null;
  } | null;
  /** Time until a sample will be old enough; 0 when there is one. */
  readonly readyInMs: number;
  /** The horizon now, and for how long some transaction has been holding it there (0 when none does). */
  readonly current: string;
  readonly heldForMs: number;
}

/** Takes a sample and returns what a source with this grace period may read; one without a stamped column has to be given. */
export async function sampleHorizon(
  pool: pg.Pool,
  graceMs: number,
  source: Pick<SourceSql, 'name' | 'position'> | null = null,
): Promise<HorizonReading> {
  const position = source?.position ?? null;
  const { rows } = await pool.query<{
    settled: string | null;
    bound: string | null;
    age_ms: number | null;
    oldest_age_ms: number | null;
    current: string;
    held_for_ms: number;
  }>(
    `with current as (
       select pg_snapshot_xmin(s) as horizon, pg_snapshot_xmax(s) as xmax from pg_current_snapshot() s
     ), sample as (
       insert into reconciler.horizon_sample (horizon, snapshot_xmax, source, value)
       select horizon, xmax, $2, ${position?.reached ?? 'null'} from current
     ), settled as (
       select least(sample.horizon, current.horizon) as horizon, sampled_at
       from reconciler.horizon_sample sample, current
       where sampled_at <= clock_timestamp() - $1 * interval '1 ms' and ${isOfThisHistory('sample', 'current.xmax')}
       order by sampled_at desc limit 1
     ), held as (
       select min(sampled_at) as since from reconciler.horizon_sample, current
       where horizon_sample.horizon = current.horizon and current.horizon < current.xmax
     )
     select (select horizon::text from settled) as settled,
       (select ${ageMs('sampled_at')} from settled) as age_ms,
       ${reachedBelow('$2::text', '(select horizon from settled)')} as bound,
       (select ${ageMs('min(sampled_at)')} from reconciler.horizon_sample sample, current
         where ${isOfThisHistory('sample', 'current.xmax')}) as oldest_age_ms,
       (select horizon::text from current) as current,
       coalesce((select ${ageMs('since')} from held), 0) as held_for_ms`,
    [graceMs, position === null ? null : source?.name],
  );
  const row = rows[0];
  if (row === undefined) throw new Error('a select without from returned no row');
  const settled =
    row.settled === null ? null : { horizon: row.settled, ageMs: row.age_ms ?? 0, bound: row.bound };
  return {
    settled,
    readyInMs: settled === null ? Math.max(1, graceMs - (row.oldest_age_ms ?? 0)) : 0,
    current: row.current,
    heldForMs: row.held_for_ms,
  };
}

/** Database time as Unix milliseconds. */
export async function readDatabaseTime(pool: pg.ClientBase | pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ now_ms: number }>(
    'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms',
  );
  const [row] = rows;
  if (row === undefined) throw new Error('a select without from returned no row');
  return row.now_ms;
}

/** The horizon as it was `agoMs` ago: the newest sample at least that old, or the beginning when there is none. */
export async function horizonAgo(client: pg.ClientBase | pg.Pool, agoMs: number): Promise<string> {
  const { rows } = await client.query<{ horizon: string }>(
    `select least(horizon, pg_snapshot_xmin(s))::text as horizon from reconciler.horizon_sample sample, pg_current_snapshot() s
     where sampled_at <= clock_timestamp() - $1 * interval '1 ms' and ${isOfThisHistory('sample', 'pg_snapshot_xmax(s)')}
     order by sampled_at desc limit 1`,
    [agoMs],
  );
  return rows[0]?.horizon ?? '0';
}

/**
 * SQL: the newest sampled value of a source that was taken before any transaction from `horizon` on had ended; null when there
 * is none.
 */
export function reachedBelow(source: string, horizon: string): string {
  return `(select value from reconciler.horizon_sample
    where source = ${source} and snapshot_xmax <= ${horizon} order by snapshot_xmax desc, sampled_at desc limit 1)`;
}

/** Keeps samples of the last hour, one a minute of the last week, and drops the rest. Returns how many went. */
export async function thinHorizonSamples(pool: pg.Pool): Promise<number> {
  const { rowCount } = await pool.query(
    `delete from reconciler.horizon_sample old
     where sampled_at < clock_timestamp() - interval '7 days'
        or sampled_at < clock_timestamp() - interval '1 hour'
           and exists (select from reconciler.horizon_sample kept
                       where kept.source is not distinct from old.source and kept.sampled_at >= date_trunc('minute', old.sampled_at) and kept.sampled_at < old.sampled_at)`,
  );
  return rowCount ?? 0;
}

/**
 * SQL: whether a sample can have been taken on this server. One that was restored from a server further on names
 * transactions that have not begun here: believed, it would pass over rows of transactions still open.
 */
function isOfThisHistory(sample: string, xmax: string): string {
  return `${sample}.snapshot_xmax <= ${xmax}`;
}

/** SQL: milliseconds since a timestamp expression, as a JavaScript number. */
function ageMs(expression: string): string {
  return `(extract(epoch from clock_timestamp() - ${expression}) * 1000)::float8`;
}
