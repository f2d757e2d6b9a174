/**
 * What is on record of single claims and markers: discrepancies, repairs, alerts, reports; and how far reading has come.
 * Invariants kept: reads only; every list has a greatest length and says so by being that long.
 */
import type pg from 'pg';
import type { MarkerReading } from '../domain/marker.ts';
import type { SourceSql } from './source-sql.ts';

/** All times are ISO 8601 texts by the database's clock. The newest come first. */
export interface History {
  readonly discrepancies: readonly PastDiscrepancy[];
  readonly repairs: readonly PastRepair[];
  readonly alerts: readonly PastAlert[];
  readonly reports: readonly PastReport[];
}

export interface PastDiscrepancy {
  readonly id: string;
  readonly subject: string;
  readonly markerKey: string | null;
  readonly verdict: string;
  readonly state: 'open' | 'resolved';
  readonly resolution: string | null;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly resolvedAt: string | null;
  readonly nextCheckAt: string | null;
  readonly checks: number;
  readonly held: boolean;
  readonly passId: string | null;
}

export interface PastRepair {
  readonly id: string;
  readonly discrepancyId: string;
  readonly action: string;
  readonly outcome: string;
  readonly before: MarkerReading;
  readonly after: MarkerReading | null;
  readonly note: string | null;
  readonly doneBy: string;
  readonly passId: string | null;
  readonly undoOf: string | null;
  /** The repair that took this one back, or is about to. */
  readonly undoneBy: string | null;
  readonly intendedAt: string;
  readonly endedAt: string | null;
}

export interface PastAlert {
  readonly id: string;
  readonly kind: string;
  readonly severity: string;
  readonly state: string;
  readonly summary: string;
  readonly seen: number;
  readonly openedAt: string;
  readonly resolvedAt: string | null;
}

export interface PastReport {
  readonly id: string;
  readonly attempt: string;
  readonly reason: string;
  readonly reportedBy: string;
  readonly reportedAt: string;
  readonly verdict: string | null;
  readonly note: string | null;
}

/** Each list holds at most so many. */
export const historyMax = 20;

/**
 * @param subjects as discrepancies name them: `claim:<id>`, `marker:<key>`
 * @param markerKey whose reports are looked for; null for none
 */
export async function readHistory(
  pool: pg.Pool,
  source: string,
  subjects: readonly string[],
  markerKey: string | null,
): Promise<History> {
  const { rows } = await pool.query<{ history: History }>(
    `with mine as materialized (
       select * from reconciler.discrepancy where source = $1 and subject = any($2)
       order by discrepancy.id desc limit $4)
     select json_build_object(
       'discrepancies', (select coalesce(json_agg(json_build_object('id', id::text, 'subject', subject,
          'markerKey', marker_key, 'verdict', verdict, 'state', state, 'resolution', resolution, 'firstSeenAt', first_seen_at,
          'lastSeenAt', last_seen_at, 'resolvedAt', resolved_at, 'nextCheckAt', next_check_at, 'checks', checks,
          'held', held, 'passId', pass_id::text) order by id desc), '[]') from mine),
       'repairs', (select coalesce(json_agg(made), '[]') from (
          select r.id::text, r.discrepancy_id::text as "discrepancyId", r.action, r.outcome,
            r.before -> 'marker' as before, r.after, r.note, r.done_by as "doneBy", r.pass_id::text as "passId",
            r.undo_of::text as "undoOf", (select u.id::text from reconciler.repair u
              where u.undo_of = r.id and u.outcome in ('intended', 'applied')) as "undoneBy",
            r.intended_at as "intendedAt", r.ended_at as "endedAt"
          from reconciler.repair r where r.discrepancy_id in (select id from mine) order by r.id desc limit $4) made),
       'alerts', (select coalesce(json_agg(told), '[]') from (
          select a.id::text, a.kind, a.severity, a.state, a.summary, a.seen, a.opened_at as "openedAt",
            a.resolved_at as "resolvedAt"
          from reconciler.alert a where a.id in (select alert_id from mine) order by a.id desc limit $4) told),
       'reports', (select coalesce(json_agg(said), '[]') from (
          select p.id::text, p.attempt, p.reason, p.reported_by as "reportedBy", p.reported_at as "reportedAt",
            p.verdict, p.note
          from reconciler.report p where p.source = $1 and p.marker_key = $3 order by p.id desc limit $4) said)
     ) as history`,
    [source, subjects, markerKey, historyMax],
  );
  return rows[0]?.history ?? { discrepancies: [], repairs: [], alerts: [], reports: [] };
}

/** How far the reading of a source has come. */
export interface Standing {
  /** Transaction id up to which rows were judged; null before the first pass. */
  readonly checkpoint: string | null;
  /** Transaction id below which rows are outside their grace period, as of the last sample; null without one. */
  readonly settled: string | null;
  /** Which of the claims asked about were judged as they are now. */
  readonly judgedIds: readonly string[];
}

/** Takes no sample, as a pass would: what no pass has sampled lately counts as being inside its grace period. */
export async function readStanding(
  pool: pg.Pool,
  source: SourceSql,
  graceMs: number,
  ids: readonly string[],
): Promise<Standing> {
  const { rows } = await pool.query<Standing>(
    `select c.change_xid::text as checkpoint, s.settled, array(
       select claim.${source.id}::text from ${source.table} claim where claim.${source.id} = any($3::text[]::${source.idType}[])
         and (${source.change} < c.change_xid
           or ${source.change} = c.change_xid and claim.${source.id} <= c.id::${source.idType})) as "judgedIds"
     from (select (select horizon::text from reconciler.horizon_sample
       where sampled_at <= clock_timestamp() - $2 * interval '1 ms' order by sampled_at desc limit 1) as settled) s
     left join reconciler.checkpoint c on c.source = $1`,
    [source.name, graceMs, ids],
  );
  return rows[0] ?? { checkpoint: null, settled: null, judgedIds: [] };
}

/** What a discrepancy is about, open or not; null when there is none of this id. */
export async function findSubject(
  pool: pg.Pool,
  discrepancyId: string,
): Promise<{
  readonly source: string;
  readonly target:
    { readonly kind: 'claim'; readonly id: string } | { readonly kind: 'marker'; readonly key: string };
} | null> {
  if (!/^\d{1,18}$/.test(discrepancyId)) return null;
  const { rows } = await pool.query<{ source: string; claimId: string | null; subject: string }>(
    'select source, claim_id as "claimId", subject from reconciler.discrepancy where id = $1',
    [discrepancyId],
  );
  const [row] = rows;
  if (row === undefined) return null;
  const { source, claimId, subject } = row;
  return claimId === null
    ? { source, target: { kind: 'marker', key: subject.replace(/^marker:/, '') } }
    : { source, target: { kind: 'claim', id: claimId } };
}
