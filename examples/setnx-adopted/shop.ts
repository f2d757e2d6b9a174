/**
 * The application as it was before anybody heard of a reconciler: SETNX, EXPIRE, a call, a row. It stays as it is.
 * What can go wrong between two of its lines does, when `fault` says so.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type pg from 'pg';

export type Fault = 'none' | 'expire fails' | 'del fails' | 'dies before the row';
export type Answer = 'granted' | 'already claimed' | 'failed' | 'nothing: the application died';

export interface Stores {
  readonly redis: Redis;
  readonly pool: pg.Pool;
}

const thirtyDaysS = 30 * 86_400;

/** @param handOut hands the gift to the user, or throws */
export async function claimGift(
  { redis, pool }: Stores,
  handOut: (user: number) => Promise<void>,
  { activity, user }: { readonly activity: number; readonly user: number },
  fault: Fault = 'none',
): Promise<Answer> {
  const key = `gift:${activity}:${user}`;
  const request = randomUUID();
  if ((await redis.setnx(key, request)) === 0) return 'already claimed';
  if (fault !== 'expire fails') await redis.expire(key, thirtyDaysS);
  if (fault === 'dies before the row') return 'nothing: the application died';
  let status: 'granted' | 'failed' = 'granted';
  try {
    await handOut(user);
  } catch {
    status = 'failed';
    if (fault !== 'del fails') await redis.del(key);
  }
  await pool.query(
    `insert into gift_claim (activity_id, user_id, request_id, status, expires_at)
     values ($1, $2, $3, $4, now() + interval '30 days')`,
    [activity, user, request, status],
  );
  return status;
}
