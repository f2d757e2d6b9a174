/**
 * Fills the demo's tables and sets the marker of every granted claim, as an application without faults would have.
 */
import type { Redis } from 'ioredis';
import type pg from 'pg';
import type { DemoClaim } from './synthetic-claims.ts';

const rowsPerInsert = 10_000;
const markersPerBatch = 5_000;
/** Gifts can be claimed once in half a year. */
const giftWindowMs = 180 * 86_400_000;
const orderWindowMs = 30_000;

export interface DemoStores {
  readonly pool: pg.Pool;
  readonly redis: Redis;
  /** Comes before every marker key. */
  readonly prefix: string;
}

/** A claim that was granted: its row, its marker, and what the marker holds. */
export interface GrantedClaim {
  readonly id: string;
  readonly key: string;
  readonly value: string;
  /** Ids of released claims on the same marker. */
  readonly siblings: string[];
}

export async function fillGifts(
  { pool, redis, prefix }: DemoStores,
  claims: readonly DemoClaim[],
): Promise<GrantedClaim[]> {
  const granted = new Map<string, GrantedClaim>();
  for (let at = 0; at < claims.length; at += rowsPerInsert) {
    const rows = claims
      .slice(at, at + rowsPerInsert)
      .map((claim, n) => ({ ...claim, id: String(at + n + 1) }));
    await pool.query(
      `insert into gift_claim (id, activity_id, gift_id, uid, attempt_id, status, expires_at) overriding system value
       select id, activity, gift, uid, 'attempt-' || id, status, now() + $6 * interval '1 ms'
       from unnest($1::bigint[], $2::int[], $3::bigint[], $4::bigint[], $5::text[]) as c (id, activity, gift, uid, status)`,
      [
        rows.map(({ id }) => id),
        rows.map(({ activityId }) => activityId),
        rows.map(({ giftId }) => giftId),
        rows.map(({ uid }) => uid),
        rows.map(({ status }) => status),
        giftWindowMs,
      ],
    );
    for (const { id, activityId, giftId, uid, status } of rows) {
      const key = `${prefix}gift:${activityId}:${giftId}:${uid}`;
      if (status === 'granted') granted.set(key, { id, key, value: `attempt-${id}`, siblings: [] });
      else granted.get(key)?.siblings.push(id);
    }
  }
  await setMarkers(redis, [...granted.values()], giftWindowMs);
  // A later row with an id of its own must not meet one that was given here.
  await pool.query(`select setval(pg_get_serial_sequence('gift_claim', 'id'), $1)`, [claims.length]);
  return [...granted.values()];
}

export async function fillOrders(
  { pool, redis, prefix }: DemoStores,
  count: number,
): Promise<GrantedClaim[]> {
  const { rows } = await pool.query<{ id: string; order_id: string; driver_id: string }>(
    `insert into order_grab (order_id, driver_id, status)
     select 9000 + n, 300 + n % 40, 'grabbed' from generate_series(1, $1) n returning id, order_id, driver_id`,
    [count],
  );
  const granted = rows.map((row): GrantedClaim => ({
    id: row.id,
    key: `${prefix}order:${row.order_id}`,
    value: row.driver_id,
    siblings: [],
  }));
  await setMarkers(redis, granted, orderWindowMs);
  return granted;
}

async function setMarkers(redis: Redis, claims: readonly GrantedClaim[], windowMs: number): Promise<void> {
  for (let at = 0; at < claims.length; at += markersPerBatch) {
    const batch = redis.pipeline();
    for (const { key, value } of claims.slice(at, at + markersPerBatch))
      batch.set(key, value, 'PX', windowMs);
    await batch.exec();
  }
}
