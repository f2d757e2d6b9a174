/**
 * The ledger of slots: which runs of a scheduled task were handed out.
 * Invariants kept: a slot is handed out at most once, and no two of a task closer together than its gap; a holder whose
 * fencing token is older than the newest one seen for the task gets none.
 *
 * A slot is named after the time of the database, rounded to a second, never after a host's clock: that may be an hour
 * off, and a slot named after it would stand in the way of later ones.
 * Does not enqueue anything: a slot that was claimed and never enqueued is made good by the next one.
 */
import type pg from 'pg';
import { inTransaction } from './connect.ts';

export interface SlotRequest {
  readonly task: string;
  /** No slot is handed out this close to another of the task, in milliseconds: half of the task's interval. */
  readonly minGapMs: number;
  readonly holder: string;
  readonly fencingToken: string;
}

export type SlotClaim =
  | { readonly kind: 'claimed'; readonly slot: Date }
  /** Another fire had it already: normal. */
  | { readonly kind: 'taken'; readonly slot: Date; readonly holder: string }
  /** A newer holder has been seen: the caller's lease is over, whatever it believes. */
  | { readonly kind: 'fenced_out'; readonly newestToken: string; readonly holder: string };

interface SlotRow {
  readonly slot: Date;
  readonly holder: string;
  readonly fencing_token: string;
}

/** Slots older than this are forgotten, all but the newest of a task. */
const keptFor = '7 days';

/** Claims the slot of this moment. Safe to call from many processes at once. */
export async function claimSlot(pool: pg.Pool, request: SlotRequest): Promise<SlotClaim> {
  const { task, minGapMs, holder, fencingToken } = request;
  return inTransaction(pool, async (client) => {
    // A statement of its own: the next ones must see what was committed while this one waited.
    await client.query(`select pg_advisory_xact_lock(hashtextextended('claim-reconciler slot ' || $1, 0))`, [
      task,
    ]);
    const newest = await findNewest(client, task);
    if (newest !== null && BigInt(newest.fencing_token) > BigInt(fencingToken)) {
      return { kind: 'fenced_out', newestToken: newest.fencing_token, holder: newest.holder };
    }
    const slot = await readNow(client);
    await forget(client, task, slot, minGapMs);
    const near = await findNear(client, task, slot, minGapMs);
    if (near !== null) return { kind: 'taken', slot: near.slot, holder: near.holder };
    await client.query(
      'insert into reconciler.slot (task, slot, holder, fencing_token) values ($1, $2, $3, $4)',
      [task, slot, holder, fencingToken],
    );
    return { kind: 'claimed', slot };
  });
}

/** The time of the database, to the nearest second. `clock_timestamp`: the transaction may have waited for the lock. */
async function readNow(client: pg.ClientBase): Promise<Date> {
  const { rows } = await client.query<{ now: Date }>(
    `select date_trunc('second', clock_timestamp() + interval '500 milliseconds') as now`,
  );
  const now = rows[0]?.now;
  if (now === undefined) throw new Error('Postgres did not tell the time');
  return now;
}

async function findNewest(client: pg.ClientBase, task: string): Promise<SlotRow | null> {
  const { rows } = await client.query<SlotRow>(
    `select slot, holder, fencing_token::text from reconciler.slot where task = $1 order by slot desc limit 1`,
    [task],
  );
  return rows[0] ?? null;
}

async function findNear(
  client: pg.ClientBase,
  task: string,
  slot: Date,
  gapMs: number,
): Promise<SlotRow | null> {
  const { rows } = await client.query<SlotRow>(
    `select slot, holder, fencing_token::text from reconciler.slot
     where task = $1 and (slot = $2::timestamptz
       or slot > $2::timestamptz - $3::float8 * interval '1 millisecond'
       and slot < $2::timestamptz + $3::float8 * interval '1 millisecond')
     order by slot desc limit 1`,
    [task, slot, gapMs],
  );
  return rows[0] ?? null;
}

/**
 * Drops old slots, and those that lie in the future: the database's clock went back (a failover, a restore), and each
 * of them would stand in the way when its time comes again.
 */
async function forget(client: pg.ClientBase, task: string, slot: Date, gapMs: number): Promise<void> {
  await client.query(
    `delete from reconciler.slot
     where task = $1 and (slot > $2::timestamptz + $3::float8 * interval '1 millisecond' + interval '2 seconds'
       or slot < $2::timestamptz - $4::interval
       and slot < (select max(slot) from reconciler.slot where task = $1))`,
    [task, slot, gapMs, keptFor],
  );
}
