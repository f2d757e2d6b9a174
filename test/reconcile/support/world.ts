/**
 * A small world for one test: a database of its own with the claim tables of `claim-tables.ts`, a Redis that no other
 * file uses (a flush by another would count as lost markers), and passes run as the program runs them, through the jobs.
 * Invariant kept: `settle` and the passes leave nothing committed behind unread, whoever else uses the server.
 */
import type { Redis } from 'ioredis';
import type { Pool } from 'pg';
import { run as runPassJob } from '../../../jobs/pass.ts';
import type { JobDeps } from '../../../jobs/job.ts';
import { connectPostgres, endPool } from '../../../src/postgres/connect.ts';
import { sampleHorizon } from '../../../src/postgres/horizon.ts';
import { migrate } from '../../../src/postgres/migrate.ts';
import type { PassReport } from '../../../src/reconcile/pass-report.ts';
import { connectStrict, endRedis, untilReady } from '../../../src/redis/connect.ts';
import { createDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait-for.ts';
import { claimTablesSql, dayMs, graceMs, orderWindowMs } from './claim-tables.ts';
import { jobDeps, silentReporter, type PassChanges } from './job-deps.ts';
import { recordsOf, type Records } from './records.ts';

export interface Gift {
  readonly id: string;
  readonly key: string;
  readonly attempt: string;
  /** Unix milliseconds. */
  readonly expiresAtMs: number;
}

export interface Grab {
  readonly id: string;
  readonly key: string;
  readonly driver: string;
  /** Unix milliseconds at which the marker's window ends. */
  readonly expiresAtMs: number;
}

export interface World extends Records {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly pool: Pool;
  /** The strict connection that passes read markers by. */
  readonly markers: Redis;
  readonly deps: (changes?: PassChanges) => JobDeps;
  /** Inserts a gift claim; without a marker. A claim of the same `uid` shares its marker. */
  readonly addGift: (gift?: Partial<GiftRow>) => Promise<Gift>;
  readonly addGrab: (grab?: Partial<GrabRow>) => Promise<Grab>;
  readonly setGiftStatus: (gift: Gift, status: string) => Promise<void>;
  /** Sets the marker that the claim should have; `changes` make it a wrong one. An expiry of null is none. */
  readonly setMarker: (
    claim: Gift | Grab,
    changes?: { readonly value?: string; readonly expiresInMs?: number | null },
  ) => Promise<void>;
  /** Waits until everything committed so far is outside the grace period of a pass that starts now. */
  readonly settle: (graceMs?: number) => Promise<void>;
  /** Settles, then runs one pass. */
  readonly runPass: (changes?: PassChanges) => Promise<PassReport>;
  /** Runs one pass as the schedule does: whatever is not settled stays unread. */
  readonly runPassNow: (changes?: PassChanges) => Promise<PassReport>;
  /** Empties all tables and the Redis: as new, but sooner. */
  readonly reset: () => Promise<void>;
  readonly drop: () => Promise<void>;
}

interface GiftRow {
  readonly uid: number;
  readonly attempt: string | null;
  readonly status: string;
  readonly expiresInMs: number;
}

interface GrabRow {
  readonly order: number;
  readonly driver: string;
  readonly status: string;
  /** How long ago it was grabbed. */
  readonly agoMs: number;
}

/** Where a world's stores are. Markers may be reached by another way (a proxy) than the rest. */
export interface Stores {
  readonly redisUrl: string;
  readonly markersUrl?: string;
  /** The server of this run unless given. */
  readonly serverUrl?: string;
}

export async function createWorld({ redisUrl, markersUrl = redisUrl, serverUrl }: Stores): Promise<World> {
  const database = await createDatabase(serverUrl === undefined ? {} : { serverUrl });
  const ignore = (): void => undefined;
  const pool = connectPostgres({
    url: database.url,
    applicationName: 'test world',
    connectionsMax: 6,
    statementTimeoutMs: 10_000,
    onError: ignore,
  });
  await migrate(pool);
  await pool.query(claimTablesSql);
  const markers = connectStrict(markersUrl, { onError: ignore });
  const own = connectStrict(redisUrl, { onError: ignore });
  await Promise.all([untilReady(markers, 5_000), untilReady(own, 5_000)]);
  await own.flushdb();
  const settle = async (ms = graceMs): Promise<void> => settleHorizon(pool, ms);
  const deps = (changes: PassChanges = {}): JobDeps => jobDeps({ pool, markers, leases: own }, changes);
  const pass = async (changes: PassChanges, waits: boolean): Promise<PassReport> => {
    const { source = 'gifts', force = false, signal = new AbortController().signal } = changes;
    return runPassJob({ source, by: 'test', force, waits }, deps(changes), silentReporter, signal);
  };
  return {
    databaseUrl: database.url,
    redisUrl,
    pool,
    markers,
    deps,
    ...claimsIn(pool, own),
    ...recordsOf(pool, own),
    settle,
    runPass: async (changes = {}) => {
      await settle(changes.rules?.graceMs);
      return pass(changes, true);
    },
    runPassNow: async (changes = {}) => pass(changes, false),
    reset: async () => {
      await pool.query(`truncate gift_claim, order_grab, reconciler.alert, reconciler.brake, reconciler.checkpoint,
        reconciler.discrepancy, reconciler.horizon_sample, reconciler.lease_term, reconciler.pass, reconciler.repair,
        reconciler.canary_claim, reconciler.canary_round, reconciler.report, reconciler.slot restart identity cascade`);
      await own.flushdb();
    },
    drop: async () => {
      await Promise.all([endRedis(markers, 1_000), endRedis(own, 1_000), endPool(pool, 2_000)]);
      await database.drop();
    },
  };
}

type Claims = Pick<World, 'addGift' | 'addGrab' | 'setGiftStatus' | 'setMarker'>;

function claimsIn(pool: Pool, redis: Redis): Claims {
  let count = 0;
  return {
    addGift: async ({ uid, attempt, status = 'granted', expiresInMs = dayMs } = {}) => {
      count += 1;
      const mine = attempt === undefined ? `attempt-${count}` : attempt;
      const { rows } = await pool.query<{ id: string; uid: string; ends: number }>(
        `insert into gift_claim (uid, attempt_id, status, expires_at)
         values ($1, $2, $3, clock_timestamp() + $4 * interval '1 ms')
         returning id::text, uid::text, (extract(epoch from expires_at) * 1000)::float8 as ends`,
        [uid ?? count, mine, status, expiresInMs],
      );
      const row = first(rows);
      return { id: row.id, key: `gift:${row.uid}`, attempt: mine ?? '', expiresAtMs: row.ends };
    },
    addGrab: async ({ order, driver = '7', status = 'grabbed', agoMs = 0 } = {}) => {
      count += 1;
      const { rows } = await pool.query<{ id: string; order_id: string; ends: number }>(
        `insert into order_grab (order_id, driver_id, status, grabbed_at)
         values ($1, $2, $3, clock_timestamp() - $4 * interval '1 ms')
         returning id::text, order_id::text, (extract(epoch from grabbed_at) * 1000)::float8 + $5 as ends`,
        [order ?? count, driver, status, agoMs, orderWindowMs],
      );
      const row = first(rows);
      return { id: row.id, key: `order:${row.order_id}`, driver, expiresAtMs: row.ends };
    },
    setGiftStatus: async ({ id }, status) => {
      await pool.query('update gift_claim set status = $2 where id = $1', [id, status]);
    },
    setMarker: async (claim, { value, expiresInMs } = {}) => {
      const right = 'attempt' in claim ? claim.attempt : claim.driver;
      if (expiresInMs === null) await redis.set(claim.key, value ?? right);
      else {
        const leftMs = expiresInMs ?? claim.expiresAtMs - Date.now();
        await redis.set(claim.key, value ?? right, 'PX', Math.max(1, Math.round(leftMs)));
      }
    },
  };
}

/** Another test on the same server may hold the horizon for a moment: a sample from after it must be old enough. */
async function settleHorizon(pool: Pool, graceMs: number): Promise<void> {
  const { rows } = await pool.query<{ newest: string }>(
    `select greatest((select max(change_xid) from gift_claim), (select max(change_xid) from order_grab),
       '0'::xid8)::text as newest`,
  );
  const newest = BigInt(first(rows).newest);
  await waitFor(
    async () => {
      const { settled } = await sampleHorizon(pool, graceMs);
      return settled !== null && BigInt(settled.horizon) > newest;
    },
    { what: 'the grace period of everything committed' },
  );
}

function first<Row>(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined) throw new Error('the statement returned no row');
  return row;
}
