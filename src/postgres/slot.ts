/**
 * The ledger of slots: which runs of a scheduled task were handed out.
 * Invariants kept: a slot is handed out at most once, and no two of a task closer together than its gap; a holder whose
 * fencing token is older than the newest one seen for the task gets none; a claimer that is stopped in the middle holds
 * nobody up.
 *
 * A slot is named after the time of the database, rounded to a second, never after a host's clock: that may be an hour
 * off, and a slot named after it would stand in the way of later ones.
 * Does not enqueue anything: a slot that was claimed and never enqueued is made good by the next one.
 */
import { readFileSync } from 'node:fs';
import { escapeLiteral, type Pool, type QueryResult } from 'pg';

const sql = readFileSync(new URL('./claim-slot.sql', import.meta.url), 'utf8');

export interface SlotRequest {
  readonly task: string;
  /**
   * No slot is handed out this close to another of the task, in milliseconds: half of the shortest interval, or the
   * whole of the longest for a fire that makes good what may have been missed.
   */
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

interface ClaimRow {
  readonly kind: SlotClaim['kind'];
  readonly slot: Date;
  readonly holder: string;
  readonly token: string;
}

/** Claims the slot of this moment. Safe to call from many processes at once. */
export async function claimSlot(pool: Pool, request: SlotRequest): Promise<SlotClaim> {
  const row = await claim(pool, request);
  switch (row.kind) {
    case 'claimed':
      return { kind: 'claimed', slot: row.slot };
    case 'taken':
      return { kind: 'taken', slot: row.slot, holder: row.holder };
    case 'fenced_out':
      return { kind: 'fenced_out', newestToken: row.token, holder: row.holder };
  }
}

async function claim(pool: Pool, request: SlotRequest): Promise<ClaimRow> {
  const results: unknown = await pool.query(fillIn(request));
  const last: QueryResult<ClaimRow> | undefined = Array.isArray(results) ? results.at(-1) : undefined;
  const row = last?.rows[0];
  if (row === undefined) throw new Error('claiming a slot must end in one row');
  return row;
}

/** Literals, since parameters would make it several messages with the transaction open in between. */
function fillIn({ task, minGapMs, holder, fencingToken }: SlotRequest): string {
  const values: Record<string, string> = {
    task: `${escapeLiteral(task)}::text`,
    holder: `${escapeLiteral(holder)}::text`,
    token: `${escapeLiteral(fencingToken)}::bigint`,
    gap_ms: `${escapeLiteral(String(minGapMs))}::float8`,
  };
  const body = sql.replaceAll(/^--.*\n/gm, '');
  return body.replaceAll(
    /(?<!:):(task|holder|token|gap_ms)\b/g,
    (_match, name: string) => values[name] ?? '',
  );
}
