/**
 * Granted gift claims by the ten thousand, with their markers: what makes a window large.
 */
import type { World } from '../../reconcile/support/world.ts';

/** All in one transaction, so that the pages cannot be told apart by it. Every thousandth has no marker. */
export async function addManyClaims({ pool, redis }: World, count: number): Promise<void> {
  const pipeline = redis.pipeline();
  for (let uid = 1; uid <= count; uid += 1) {
    if (uid % 1_000 !== 0) pipeline.set(`gift:${uid}`, `attempt-${uid}`, 'PX', 86_400_000);
  }
  await pipeline.exec();
  await pool.query(
    `insert into gift_claim (uid, attempt_id, status, expires_at)
     select n, 'attempt-' || n, 'granted', clock_timestamp() + interval '1 day' from generate_series(1, $1) n`,
    [count],
  );
}
