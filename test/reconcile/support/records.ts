/**
 * What is on record of a world: markers, discrepancies, repairs, alerts, checkpoint. For assertions: plain rows, in the
 * order they were written.
 * Does not change anything, but for what saves a test from waiting: `letHoursPass`, `makeDue`, `breakLease`.
 */
import type { Redis } from 'ioredis';
import type { Pool } from 'pg';

export interface DiscrepancyRecord {
  readonly claimId: string;
  readonly verdict: string;
  readonly state: string;
  readonly resolution: string | null;
  readonly changeXid: string;
  readonly held: boolean;
}

export interface RepairRecord {
  readonly id: string;
  readonly discrepancyId: string;
  readonly passId: string | null;
  readonly action: string;
  readonly key: string;
  readonly outcome: string;
  readonly note: string | null;
}

export interface AlertRecord {
  readonly kind: string;
  readonly severity: string;
  readonly state: string;
  readonly summary: string;
}

export interface PassRecord {
  readonly source: string;
  readonly outcome: string;
}

export interface Records {
  /** The value, and when it expires (Unix milliseconds; null for never). Null when there is none. */
  readonly readMarker: (
    key: string,
  ) => Promise<{ readonly value: string; readonly expiresAtMs: number | null } | null>;
  /** A plain connection, past every proxy. */
  readonly redis: Redis;
  readonly discrepancies: () => Promise<DiscrepancyRecord[]>;
  readonly repairs: () => Promise<RepairRecord[]>;
  readonly alerts: () => Promise<AlertRecord[]>;
  /** Those that have ended. */
  readonly passes: () => Promise<PassRecord[]>;
  readonly checkpoint: (source?: string) => Promise<{ changeXid: string; id: string | null }>;
  /** As if two hours had gone by since all that is on record; what was postponed is due. */
  readonly letHoursPass: () => Promise<void>;
  /** Instead of waiting for the time at which it is looked at again. */
  readonly makeDue: () => Promise<void>;
  /** Journals a change of expiry for the open discrepancy of each claim, and makes none of them. */
  readonly intendExpiries: (
    claims: readonly { readonly id: string; readonly expiresAtMs: number }[],
  ) => Promise<void>;
  /** Instead of waiting for the lease of a killed process to expire. */
  readonly breakLease: () => Promise<void>;
}

export function recordsOf(pool: Pool, redis: Redis): Records {
  const list = async <Row extends object>(sql: string): Promise<Row[]> => (await pool.query<Row>(sql)).rows;
  return {
    redis,
    readMarker: async (key) => {
      const [value, leftMs] = await Promise.all([redis.get(key), redis.pttl(key)]);
      if (value === null) return null;
      return { value, expiresAtMs: leftMs < 0 ? null : Date.now() + leftMs };
    },
    discrepancies: async () =>
      list(`select claim_id as "claimId", verdict, state, resolution, change_xid::text as "changeXid", held
        from reconciler.discrepancy order by id`),
    repairs: async () =>
      list(`select id::text, discrepancy_id::text as "discrepancyId", pass_id::text as "passId", action,
        marker_key as key, outcome, note from reconciler.repair order by repair.id`),
    alerts: async () => list('select kind, severity, state, summary from reconciler.alert order by id'),
    passes: async () =>
      list('select source, outcome from reconciler.pass where outcome is not null order by id'),
    checkpoint: async (source = 'gifts') => {
      const { rows } = await pool.query<{ changeXid: string; id: string | null }>(
        'select change_xid::text as "changeXid", id from reconciler.checkpoint where source = $1',
        [source],
      );
      if (rows[0] === undefined) throw new Error(`${source} has no checkpoint`);
      return rows[0];
    },
    letHoursPass: async () => {
      await pool.query(`
        update reconciler.horizon_sample set sampled_at = sampled_at - interval '2 hours';
        update reconciler.repair set intended_at = intended_at - interval '2 hours';
        update reconciler.discrepancy set marker_since = marker_since - interval '2 hours', next_check_at = null;`);
    },
    makeDue: async () => {
      await pool.query(
        `update reconciler.discrepancy set next_check_at = null where state = 'open' and next_check_at is not null`,
      );
    },
    intendExpiries: async (claims) => {
      for (const { id, expiresAtMs } of claims) {
        await pool.query(
          `insert into reconciler.repair (discrepancy_id, source, action, marker_key, intent, before, done_by, fencing_token)
           select d.id, source, 'set_expiry', marker_key, jsonb_build_object('kind', 'set_expiry', 'key', marker_key,
             'observed', evidence -> 'marker', 'expiresInMs', floor($2::float8 - (evidence ->> 'atMs')::float8)),
             evidence, 'test', 0
           from reconciler.discrepancy d where claim_id = $1 and state = 'open'`,
          [id, expiresAtMs],
        );
      }
    },
    breakLease: async () => {
      await redis.del('own:lease:source:gifts', 'own:lease:source:orders');
    },
  };
}
