/**
 * Alerts: stored first, one row per cause while it lasts; telling people comes after and reads from here.
 * Invariant kept: nothing repeats while the cause stays the same, nothing is lost when nobody listens.
 */
import type pg from 'pg';
import type { AlertSeverity } from '../domain/alert-message.ts';
import { badVerdicts } from '../domain/verdict.ts';

export type { AlertSeverity };

export interface Alert {
  /** What makes two alerts the same, such as `gifts:in_doubt`. */
  readonly cause: string;
  readonly kind: string;
  readonly source: string;
  readonly severity: AlertSeverity;
  readonly summary: string;
}

export interface RaisedAlert {
  readonly id: string;
  readonly cause: string;
  readonly isNew: boolean;
}

/** Opens an alert for each cause that has none yet; the others are marked as seen again. */
export async function raiseAlerts(
  client: pg.ClientBase | pg.Pool,
  alerts: readonly Alert[],
): Promise<RaisedAlert[]> {
  if (alerts.length === 0) return [];
  const { rows } = await client.query<RaisedAlert>(
    `insert into reconciler.alert (cause, kind, source, severity, summary)
     select a.cause, a.kind, a.source, a.severity, a.summary
     from jsonb_to_recordset($1) as a (cause text, kind text, source text, severity text, summary text)
     on conflict (cause) where state <> 'resolved' do update
       set seen = alert.seen + 1, last_seen_at = clock_timestamp(), summary = excluded.summary
     returning id::text, cause, seen = 1 as "isNew"`,
    [JSON.stringify(alerts)],
  );
  return rows;
}

/** Notes which alert speaks for which discrepancies. */
export async function linkAlert(
  client: pg.ClientBase | pg.Pool,
  alertId: string,
  discrepancyIds: readonly string[],
): Promise<void> {
  await client.query('update reconciler.discrepancy set alert_id = $1 where id = any($2)', [
    alertId,
    discrepancyIds,
  ]);
}

/**
 * What the alert of a cause speaks for, or will once it is raised: how many open discrepancies, these and those linked
 * before, and when the first of them was found (by the minute, in UTC).
 */
export async function readScope(
  client: pg.ClientBase,
  { source, cause }: Pick<Alert, 'source' | 'cause'>,
  discrepancyIds: readonly string[],
): Promise<{ readonly count: number; readonly since: string }> {
  const { rows } = await client.query<{ count: number; since: string }>(
    `select count(*)::int as count,
       to_char(coalesce(min(first_seen_at), clock_timestamp()) at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') as since
     from reconciler.discrepancy
     where source = $1 and state = 'open' and (id = any($3) or alert_id =
       (select id from reconciler.alert where cause = $2 and state <> 'resolved'))`,
    [source, cause, discrepancyIds],
  );
  const [row] = rows;
  if (row === undefined) throw new TypeError('a count returned no row');
  return row;
}

/** Resolves the alerts of a source whose discrepancies are all settled. Alerts about the source itself stay. */
export async function resolveSettledAlerts(client: pg.ClientBase | pg.Pool, source: string): Promise<void> {
  await client.query(
    `update reconciler.alert a set state = 'resolved', resolved_at = clock_timestamp()
     where a.source = $1 and a.state <> 'resolved' and a.kind = any($2)
       and not exists (select from reconciler.discrepancy d where d.alert_id = a.id and d.state = 'open')`,
    [source, [...badVerdicts, 'double_grant']],
  );
}

/** Resolves what is open of these causes, for instance when a stalled horizon moves again. */
export async function resolveAlerts(
  client: pg.ClientBase | pg.Pool,
  causes: readonly string[],
): Promise<void> {
  await client.query(
    `update reconciler.alert set state = 'resolved', resolved_at = clock_timestamp()
     where cause = any($1) and state <> 'resolved'`,
    [causes],
  );
}

/**
 * A person takes an alert in hand: it stays until its cause ends, and who took it is on record. The first one to do so
 * counts: `not_open` for an alert that was acknowledged or resolved before, `not_found` where there is none of this id.
 */
export async function acknowledgeAlert(
  pool: pg.Pool,
  id: string,
  by: string,
): Promise<'acknowledged' | 'not_open' | 'not_found'> {
  if (!/^\d{1,18}$/.test(id)) return 'not_found';
  const { rowCount } = await pool.query(
    `update reconciler.alert set state = 'acknowledged', acknowledged_at = clock_timestamp(), acknowledged_by = $2
     where id = $1 and state = 'open'`,
    [id, by],
  );
  if (rowCount === 1) return 'acknowledged';
  const { rows } = await pool.query('select from reconciler.alert where id = $1', [id]);
  return rows.length === 1 ? 'not_open' : 'not_found';
}

/**
 * The alerts of a source that nobody has in hand yet, or in the states given, oldest first, at most 1000. Who was told is not
 * known here.
 */
export async function readOpenAlerts(
  pool: pg.Pool,
  source: string,
  states: readonly ('open' | 'acknowledged')[] = ['open'],
): Promise<(Alert & { readonly id: string })[]> {
  const { rows } = await pool.query<Alert & { readonly id: string }>(
    `select id::text, cause, kind, source, severity, summary from reconciler.alert
     where source = $1 and state = any($2) order by alert.id limit 1000`,
    [source, states],
  );
  return rows;
}
