/**
 * Watches the daemon's work in its tables: tells each pass and each change as it happens, until the balance is even or
 * nothing has moved for too long.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type pg from 'pg';
import { balance, type Balance } from './balance.ts';
import { readDiscrepancies, readPasses } from './demo-readings.ts';
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
