/**
 * A process that tries for a lease and writes under it, for the tests beside it. It prints one line per event:
 * `holds <token>`, `wrote`, `refused <why>`, `lost <why>`.
 * Its guarded write is what the scheduler does: claim a slot, under the fencing token of the term.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'pg';
import { beginTerm } from '../../src/postgres/lease-term.ts';
import { claimSlot } from '../../src/postgres/slot.ts';
import { connectStrict, untilReady } from '../../src/redis/connect.ts';
import { LeaseContender, type Lease } from '../../src/redis/lease.ts';

const [redisUrl, databaseUrl, key, holder, ttl] = process.argv.slice(2);
if (redisUrl === undefined || databaseUrl === undefined || key === undefined || holder === undefined) {
  throw new Error('usage: lease-holder.ts REDIS DATABASE KEY HOLDER TTL');
}

const ttlMs = Number(ttl);
const timing = { ttlMs, renewEveryMs: ttlMs / 3, callTimeoutMs: 500 };
const redis = connectStrict(redisUrl, { onError: () => {} });
const pool = new Pool({ connectionString: databaseUrl });
await untilReady(redis, 10_000);
const contender = new LeaseContender({ redis, key, timing });

for (;;) {
  const outcome = await contender.acquire();
  if (outcome.kind === 'acquired') await writeUnder(outcome.lease);
  await wait(100);
}

async function writeUnder(lease: Lease): Promise<void> {
  lease.signal.addEventListener('abort', () => console.log(`lost ${String(lease.signal.reason)}`));
  const token = await beginTerm(pool, { lease: String(key), holder: String(holder) });
  console.log(`holds ${token}`);
  while (!lease.signal.aborted) {
    try {
      lease.guard();
      const claim = await claimSlot(pool, {
        task: 'guarded',
        minGapMs: 0,
        holder: String(holder),
        fencingToken: token,
      });
      if (claim.kind === 'claimed') console.log('wrote');
      if (claim.kind === 'fenced_out') console.log('refused by Postgres');
    } catch (error) {
      console.log(`refused ${String(error)}`);
      return;
    }
    await wait(50);
  }
}
