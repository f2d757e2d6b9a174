/**
 * Watches the daemon's work in its tables: tells each pass and each change as it happens, until the balance is even or
 * nothing has moved for too long.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type pg from 'pg';
import { balance, type Balance, type SeenDiscrepancy } from './balance.ts';
import type { DemoView } from './demo-view.ts';
import type { InjectedFault } from './inject-drift.ts';

const lookEveryMs = 250;
/** Passes come every two seconds; a fault that needs a second look is settled within a few of them. */
const patienceMs = 60_000;

/** Returns the last balance: even, or what it was when nothing had moved for `patienceMs`. */
export async function watchBalance(
  pool: pg.Pool,
  injected: readonly InjectedFault[],
  view: DemoView,
  signal: AbortSignal,
): Promise<Balance> {
  let moved = performance.now();
  let state = '';
  const told = new Set<string>();
  for (;;) {
    const now = balance(injected, await readDiscrepancies(pool));
    const described = JSON.stringify(now);
    if (described !== state) moved = performance.now();
    state = described;
    await tellNews(pool, view, told);
    if (now.balances || performance.now() - moved > patienceMs) return now;
    await wait(lookEveryMs, undefined, { signal });
  }
}

/** What has happened since the last look: passes that had something to do, alerts by kind. */
async function tellNews(pool: pg.Pool, view: DemoView, told: Set<string>): Promise<void> {
  const isNews = (name: string): boolean => !told.has(name) && told.add(name).size > 0;
  for (const pass of await readPasses(pool)) if (isNews(`pass ${pass.id}`)) view.pass(pass);
  const { rows } = await pool.query<{ kind: string; severity: string; alerts: number; example: string }>(
    `select kind, severity, count(*)::int as alerts, min(summary) as example
     from reconciler.alert where state <> 'resolved' group by kind, severity order by kind`,
  );
  for (const alert of rows) if (isNews(`alert ${alert.kind}`)) view.alert(alert);
}

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
async function readPasses(pool: pg.Pool): Promise<SeenPass[]> {
  const { rows } = await pool.query<SeenPass>(
    `select id::text, source, (report ->> 'checked')::int as checked,
       (report ->> 'checked')::int - (report -> 'verdicts' ->> 'consistent')::int as bad,
       (report -> 'repairs' ->> 'applied')::int as applied, (report ->> 'open')::int as open, outcome,
       report ->> 'reason' as reason, (report ->> 'durationMs')::int as ms
     from reconciler.pass where ended_at is not null and report is not null
       and ((report ->> 'checked')::int > 0 or (report -> 'repairs' ->> 'applied')::int > 0 or outcome <> 'completed')
     order by id`,
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
