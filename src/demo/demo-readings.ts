/**
 * What the demo reads of the daemon's work, from the reconciler's own tables.
 */
import type pg from 'pg';
import type { SeenDiscrepancy } from './balance.ts';

export interface SeenPass {
  readonly id: string;
  readonly source: string;
  readonly checked: number;
  readonly bad: number;
  readonly applied: number;
  readonly open: number;
  readonly outcome: string;
  readonly reason: string | null;
  readonly ms: number;
}

/** Passes that have ended and had something to do, oldest first. */
export async function readPasses(pool: pg.Pool): Promise<SeenPass[]> {
  const { rows } = await pool.query<SeenPass>(
    `select id::text, source, (report ->> 'checked')::int as checked,
       (report ->> 'checked')::int - (report -> 'verdicts' ->> 'consistent')::int as bad,
       (report -> 'repairs' ->> 'applied')::int as applied, (report ->> 'open')::int as open, outcome,
       report ->> 'reason' as reason, (report ->> 'durationMs')::int as ms
     from reconciler.pass where ended_at is not null and report is not null
       and ((report ->> 'checked')::int > 0 or (report -> 'repairs' ->> 'applied')::int > 0 or outcome <> 'completed')
     order by pass.id`,
  );
  return rows;
}

export async function readDiscrepancies(pool: pg.Pool): Promise<SeenDiscrepancy[]> {
  const { rows } = await pool.query<SeenDiscrepancy>(
    `select d.source, d.claim_id as "claimId", d.verdict, d.state, d.resolution, a.kind as "alertKind"
     from reconciler.discrepancy d left join reconciler.alert a on a.id = d.alert_id`,
  );
  return rows;
}
