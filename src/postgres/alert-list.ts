/**
 * Alerts as a person reads them: what is open, since when, how often it was seen, who has it in hand.
 * Reads only; bounded in number. Alerts are raised and ended in `alert.ts`.
 */
import type pg from 'pg';
import type { AlertSeverity } from './alert.ts';

/** Times are ISO 8601 texts by the database's clock. */
export interface ListedAlert {
  readonly id: string;
  readonly kind: string;
  readonly source: string;
  readonly severity: AlertSeverity;
  readonly state: 'open' | 'acknowledged' | 'resolved';
  readonly summary: string;
  readonly seen: number;
  readonly openedAt: string;
  readonly lastSeenAt: string;
  /** How long ago it was opened, in milliseconds. */
  readonly ageMs: number;
  readonly acknowledgedAt: string | null;
  readonly acknowledgedBy: string | null;
  readonly resolvedAt: string | null;
}

/** So many are listed at most: the gravest and newest. */
export const alertsMax = 200;

/** @param which `all` lists resolved ones too, after the others; a source of null is every source */
export async function listAlerts(
  pool: pg.Pool,
  which: { readonly source: string | null; readonly all: boolean },
): Promise<ListedAlert[]> {
  const { rows } = await pool.query<{ alert: ListedAlert }>(
    `select json_build_object('id', id::text, 'kind', kind, 'source', source, 'severity', severity, 'state', state,
       'summary', summary, 'seen', seen, 'openedAt', opened_at, 'lastSeenAt', last_seen_at,
       'ageMs', extract(epoch from clock_timestamp() - opened_at) * 1000, 'acknowledgedAt', acknowledged_at,
       'acknowledgedBy', acknowledged_by, 'resolvedAt', resolved_at) as alert
     from reconciler.alert where ($1::text is null or source = $1) and ($2 or state <> 'resolved')
     order by state = 'resolved', array_position(array['critical', 'warning', 'info'], severity), opened_at desc
     limit ${alertsMax}`,
    [which.source, which.all],
  );
  return rows.map(({ alert }) => alert);
}
