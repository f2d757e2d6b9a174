/**
 * The distributor of the example, as the application's own functions: the dispatch, which keeps who got which order in a
 * table. Both the gate and the reconciler ask it.
 * Invariants kept: an order has one driver; an attempt is decided once; nothing is handed out after its time.
 */
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4, allowExitOnIdle: true });
// A connection that breaks while nobody uses it is replaced by the pool; without a listener it would end the process.
pool.on('error', () => undefined);

export async function grant({ attempt, claim, notAfterMs }) {
  if (Date.now() > notAfterMs) return { kind: 'refused', reason: 'the request came too late' };
  await pool.query(
    'insert into dispatch (order_id, attempt_id, driver_id) values ($1, $2, $3) on conflict (order_id) do nothing',
    [claim.order_id, attempt, claim.driver_id],
  );
  const { kind } = await lookup(attempt);
  return kind === 'granted' ? { kind } : { kind: 'refused', reason: 'another driver has the order' };
}

export async function lookup(attempt) {
  const { rowCount } = await pool.query('select from dispatch where attempt_id = $1', [attempt]);
  return { kind: rowCount === 1 ? 'granted' : 'not_granted' };
}
