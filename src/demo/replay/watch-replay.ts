/**
 * Watches the daemon settle what a replay left over, until the balance is even and nothing is open, or nothing has moved
 * for too long.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type pg from 'pg';
import { readPasses } from '../demo-readings.ts';
import type { Replay } from './open-replay.ts';
import {
  balanceReplay,
  type ReplayBalance,
  type ReplayedFault,
  type SeenSettlement,
} from './replay-balance.ts';
import type { ReplayView } from './replay-view.ts';

const lookEveryMs = 250;
/** Far above grace period, time-outs and the time between passes. */
const patienceMs = 60_000;

/** Returns the last balance: even, or what it was when nothing had moved for `patienceMs`. */
export async function watchReplay(
  { stores, told }: Replay,
  faults: readonly ReplayedFault[],
  view: ReplayView,
  signal: AbortSignal,
): Promise<ReplayBalance> {
  let moved = performance.now();
  let state = '';
  for (;;) {
    const seen = await readSettlements(stores.pool);
    const now = balanceReplay(faults, seen);
    const left = await countUnsettled(stores.pool);
    const described = JSON.stringify([now, left]);
    if (described !== state) moved = performance.now();
    state = described;
    for (const pass of await readPasses(stores.pool)) {
      if (told.has(pass.id)) continue;
      told.add(pass.id);
      view.pass(pass);
    }
    if ((now.balances && left === 0) || performance.now() - moved > patienceMs) return now;
    await wait(lookEveryMs, undefined, { signal });
  }
}

/** Discrepancies by the attempt they are about: that of their row, or of the open claim that has none. */
async function readSettlements(pool: pg.Pool): Promise<SeenSettlement[]> {
  const { rows } = await pool.query<SeenSettlement>(
    `select coalesce(g.attempt_id, d.evidence -> 'claim' -> 'open' ->> 'attempt', d.subject) as attempt,
       d.verdict, d.state, d.resolution
     from reconciler.discrepancy d left join gift_claim g on g.id::text = d.claim_id`,
  );
  return rows;
}

/** Pending claims and open discrepancies. */
async function countUnsettled(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ left: number }>(
    `select ((select count(*) from gift_claim where status = 'pending')
       + (select count(*) from reconciler.discrepancy where state = 'open'))::int as left`,
  );
  return rows[0]?.left ?? 0;
}
