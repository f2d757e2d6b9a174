/**
 * The outbox of alerts: what is to be told to whom, what came of it, and when it is tried again.
 * Invariants kept: a transition is told to a receiver until it takes it or is given up; whoever begins a try is alone with
 * it until it counts as broken off; what was taken is never told again, whoever says so.
 * Does not send: see `jobs/deliver-alert.ts`.
 */
import type pg from 'pg';
import type { AlertMessage, AlertSeverity, AlertTransition } from '../domain/alert-message.ts';
import { inTransaction } from './connect.ts';

/** A receiver as far as it matters here. */
export interface WantedAlerts {
  readonly name: string;
  readonly severities: readonly AlertSeverity[];
}

/**
 * Writes down what is to be told and is not there yet: each alert that a receiver wants, also one that opened and ended
 * unseen; and that it is over, to those who took the first. Nothing that was over before a receiver was first configured.
 * @param lookBackMs what ended, or was taken, longer ago was looked at before
 */
export async function planDeliveries(
  pool: pg.Pool,
  wanted: readonly WantedAlerts[],
  lookBackMs: number,
): Promise<void> {
  if (wanted.length === 0) return;
  await inTransaction(pool, async (client) => {
    // Compiling the statement would take a hundred times as long as running it.
    await client.query('set local jit = off');
    await client.query(planSql, [JSON.stringify(wanted), lookBackMs]);
  });
}

/** SQL: how it stands with a delivery. A scalar, so that each is looked up by its index, however many there were. */
function stateOf(transition: AlertTransition): string {
  return `(select d.state from reconciler.alert_delivery d
           where d.alert_id = a.id and d.receiver = r.name and d.transition = '${transition}')`;
}

/** With now() and not clock_timestamp(), by which no index could be read. */
const planSql = `
  with receiver as (
    select r.name, array(select jsonb_array_elements_text(r.severities)) as severities
    from jsonb_to_recordset($1) as r (name text, severities jsonb)
  ), known as (
    insert into reconciler.alert_receiver (name)
    select name from receiver where not exists (select from reconciler.alert_receiver k where k.name = receiver.name)
    on conflict do nothing
  ), recent as (
    select * from reconciler.alert where state <> 'resolved'
    union
    select * from reconciler.alert
    where state = 'resolved' and resolved_at > now() - $2 * interval '1 ms'
    union
    select a.* from reconciler.alert_delivery d join reconciler.alert a on a.id = d.alert_id
    where d.state = 'delivered' and d.delivered_at > now() - $2 * interval '1 ms' and a.state = 'resolved'
  ), state as (
    select a.id, a.state, a.opened_at, r.name, a.severity = any(r.severities) as is_wanted,
      (select known_since from reconciler.alert_receiver k where k.name = r.name) as known_since,
      ${stateOf('opened')} as opened, ${stateOf('resolved')} as resolved
    from recent a cross join receiver r
  )
  insert into reconciler.alert_delivery (alert_id, receiver, transition)
  select id, name, case when opened is null then 'opened' else 'resolved' end
  from state
  where opened is null and is_wanted and (state <> 'resolved' or opened_at >= known_since)
     or opened = 'delivered' and state = 'resolved' and resolved is null
  order by id
  on conflict do nothing`;

export interface DueDelivery {
  readonly id: string;
  readonly receiver: string;
  readonly alertId: string;
  readonly kind: string;
  readonly source: string;
  readonly transition: AlertTransition;
  readonly attempts: number;
}

/** What is to be tried now, for each of these receivers at most `perReceiver`, those that wait longest first. */
export async function readDueDeliveries(
  pool: pg.Pool,
  receivers: readonly string[],
  perReceiver: number,
): Promise<DueDelivery[]> {
  const { rows } = await pool.query<DueDelivery>(
    `select d.id::text, d.receiver, d.alert_id::text as "alertId", a.kind, a.source, d.transition, d.attempts
     from unnest($1::text[]) as r (name), lateral (
       select * from reconciler.alert_delivery
       where state = 'waiting' and receiver = r.name and next_try_at <= now()
       order by next_try_at, alert_delivery.id limit $2
     ) d join reconciler.alert a on a.id = d.alert_id
     order by r.name, d.next_try_at, d.id`,
    [receivers, perReceiver],
  );
  return rows;
}

export interface BegunTry {
  readonly receiver: string;
  /** This one included. */
  readonly attempts: number;
  /** The tries before it that failed lastingly, in a row. */
  readonly refusals: number;
  readonly triedForMs: number;
  /** As the alert is now, but for the link to the run-book. */
  readonly message: Omit<AlertMessage, 'runbook'>;
}

/**
 * Begins a try, if there is one to make; null when another has it, or it is done, or not due yet.
 * @param forMs after that long without a word it counts as broken off, and is tried again
 */
export async function beginTry(pool: pg.Pool, id: string, forMs: number): Promise<BegunTry | null> {
  const { rows } = await pool.query<BegunTry>(
    `update reconciler.alert_delivery d set attempts = d.attempts + 1,
       first_try_at = coalesce(d.first_try_at, clock_timestamp()),
       next_try_at = clock_timestamp() + $2 * interval '1 ms'
     from reconciler.alert a
     where d.id = $1 and a.id = d.alert_id and d.state = 'waiting' and d.next_try_at <= clock_timestamp()
     returning d.receiver, d.attempts, d.refusals,
       (extract(epoch from clock_timestamp() - d.first_try_at) * 1000)::float8 as "triedForMs",
       json_build_object('id', d.message_id, 'transition', d.transition, 'alertId', a.id::text, 'cause', a.cause,
         'kind', a.kind, 'source', a.source, 'severity', a.severity, 'summary', a.summary,
         'openedAt', ${iso('a.opened_at')}, 'resolvedAt', ${iso('a.resolved_at')}) as message`,
    [id, forMs],
  );
  return rows[0] ?? null;
}

/** Notes that the receiver took it. */
export async function noteDelivered(pool: pg.Pool, id: string): Promise<void> {
  await pool.query(
    `update reconciler.alert_delivery set state = 'delivered', delivered_at = clock_timestamp(), gave_up_at = null
     where id = $1 and state <> 'delivered'`,
    [id],
  );
}

/** Notes a try that failed, and when the next one is; null: there is none. */
export async function noteFailed(
  pool: pg.Pool,
  id: string,
  failed: {
    readonly attempts: number;
    readonly refusals: number;
    readonly error: string;
    readonly delayMs: number | null;
  },
): Promise<void> {
  // Of a try that counted as broken off, so that another began, nobody wants to know.
  await pool.query(
    `update reconciler.alert_delivery set last_error = $4, refusals = $3,
       state = case when $5::float8 is null then 'gave_up' else state end,
       gave_up_at = case when $5::float8 is null then clock_timestamp() end,
       next_try_at = clock_timestamp() + coalesce($5::float8, 0) * interval '1 ms'
     where id = $1 and attempts = $2 and state = 'waiting'`,
    [id, failed.attempts, failed.refusals, failed.error, failed.delayMs],
  );
}

/** How it stands with a receiver; nothing is told of receivers with which all is well. */
export interface DeliveryTrouble {
  readonly receiver: string;
  /** Not taken yet, tried at least once. */
  readonly waiting: number;
  /** Given up in the last 7 days. */
  readonly gaveUp: number;
  /** Why the last of these tries failed; null when none has ended yet. */
  readonly lastError: string | null;
  /** When the next of those waiting is tried; null when none is. */
  readonly nextTryAt: string | null;
}

/** Receivers that do not take what they are told, by name. */
export async function readDeliveryTroubles(
  pool: pg.Pool,
  receivers: readonly string[],
): Promise<DeliveryTrouble[]> {
  const { rows } = await pool.query<DeliveryTrouble>(
    `select receiver, count(*) filter (where state = 'waiting')::int as waiting,
       count(*) filter (where state = 'gave_up')::int as "gaveUp",
       (array_agg(last_error order by coalesce(gave_up_at, next_try_at) desc)
         filter (where last_error is not null))[1] as "lastError",
       ${iso("min(next_try_at) filter (where state = 'waiting')")} as "nextTryAt"
     from reconciler.alert_delivery
     where receiver = any($1) and (state = 'waiting' and attempts > 0 and last_error is not null
       or state = 'gave_up' and gave_up_at > now() - interval '7 days')
     group by receiver order by receiver`,
    [receivers],
  );
  return rows;
}

/** SQL: a time as ISO 8601 in UTC. */
function iso(expression: string): string {
  return `to_char(${expression} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}
