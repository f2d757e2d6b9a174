/**
 * Discrepancies: one durable row per claim that looked wrong, with its life cycle. Finding and repairing are separate;
 * what lies between them is here, so that a crash between the two loses nothing.
 * Invariant kept: at most one open row per subject; a verdict seen again updates it.
 */
import type pg from 'pg';
import type { Observation } from '../domain/assess.ts';
import { expirySlackMs } from '../domain/marker.ts';
import type { BadVerdict } from '../domain/verdict.ts';
import { committedAfter, firstReading, latenciesOf, recordedRow, type RecordedRow } from './detection.ts';

/** What was read, and when (database time, Unix ms), as it is kept for people and for undo. */
export interface Evidence extends Observation {
  readonly atMs: number;
}

export interface FoundDiscrepancy {
  readonly claimId: string;
  readonly markerKey: string | null;
  readonly changeXid: string;
  readonly verdict: BadVerdict;
  readonly evidence: Evidence;
}

/** A marker without a row: its open claim is in the evidence. */
export interface FoundRowless {
  readonly markerKey: string;
  readonly verdict: BadVerdict;
  readonly evidence: Evidence;
}

export interface OpenDiscrepancy {
  readonly id: string;
  /** Null: about a marker without a row. */
  readonly claimId: string | null;
  /** The version of the row that was judged; without a row, the transaction that recorded a report of it, else null. */
  readonly changeXid: string | null;
  readonly verdict: BadVerdict;
  /** What was read when it was looked at last, and for how long the marker has held that value. */
  readonly evidence: Evidence;
  readonly markerAgeMs: number;
  readonly checks: number;
  /** A person undid its repair: it is not repaired again by a pass. */
  readonly held: boolean;
}

/**
 * Records what a batch found; call it in the transaction that advances the checkpoint. Without a pass: from a report.
 * Returns the detection latencies of what is new, in milliseconds: see `detection.ts`.
 */
export async function recordDiscrepancies(
  client: pg.ClientBase | pg.Pool,
  source: string,
  passId: string | null,
  found: readonly FoundDiscrepancy[],
): Promise<number[]> {
  if (found.length === 0) return [];
  const { rows } = await client.query<RecordedRow>(
    `insert into reconciler.discrepancy
       (source, subject, claim_id, marker_key, verdict, change_xid, evidence, pass_id, committed_after)
     select $1, 'claim:' || f."claimId", f."claimId", f."markerKey", f.verdict, f."changeXid", f.evidence, $2,
       ${committedAfter('f."changeXid"')}
     from jsonb_to_recordset($3) as f ("claimId" text, "markerKey" text, verdict text, "changeXid" xid8, evidence jsonb),
       ${firstReading}
     on conflict (source, subject) where state = 'open' do update set
       verdict = excluded.verdict, marker_key = excluded.marker_key, change_xid = excluded.change_xid,
       evidence = excluded.evidence, pass_id = excluded.pass_id, last_seen_at = clock_timestamp(), next_check_at = null,
       held = discrepancy.held and discrepancy.verdict = excluded.verdict,
       marker_since = ${markerSince('discrepancy', 'excluded')}
     returning ${recordedRow}`,
    [source, passId, toJson(found)],
  );
  return latenciesOf(rows);
}

/** Records markers without a row and returns the keys of those that are new: what is known already keeps its backoff. */
export async function recordRowless(
  client: pg.ClientBase | pg.Pool,
  source: string,
  passId: string | null,
  found: readonly FoundRowless[],
): Promise<string[]> {
  if (found.length === 0) return [];
  const { rows } = await client.query<{ key: string }>(
    `insert into reconciler.discrepancy (source, subject, marker_key, verdict, evidence, pass_id)
     select $1, 'marker:' || f."markerKey", f."markerKey", f.verdict, f.evidence, $2
     from jsonb_to_recordset($3) as f ("markerKey" text, verdict text, evidence jsonb)
     on conflict (source, subject) where state = 'open' do nothing
     returning marker_key as key`,
    [source, passId, toJson(found)],
  );
  return rows.map(({ key }) => key);
}

/** Open discrepancies whose time has come, in the order they were found. */
export async function readDueDiscrepancies(
  pool: pg.Pool,
  source: string,
  page: { readonly afterId: string; readonly rowsMax: number },
): Promise<OpenDiscrepancy[]> {
  return readOpen(
    pool,
    `source = $1 and id > $2 and (next_check_at is null or next_check_at <= clock_timestamp())
     order by discrepancy.id limit $3`,
    [source, page.afterId, page.rowsMax],
  );
}

/** The open discrepancies of these claims, held ones too: a person asks for them by name. */
export async function readOpenDiscrepancies(
  pool: pg.Pool,
  source: string,
  claimIds: readonly string[],
): Promise<OpenDiscrepancy[]> {
  return readOpen(pool, `source = $1 and subject = any($2)`, [source, claimIds.map((id) => `claim:${id}`)]);
}

/** The open discrepancy about a marker without a row; none or one. */
export async function readOpenRowless(
  pool: pg.Pool,
  source: string,
  markerKey: string,
): Promise<OpenDiscrepancy[]> {
  return readOpen(pool, `source = $1 and subject = $2 and claim_id is null`, [source, `marker:${markerKey}`]);
}

async function readOpen(
  pool: pg.Pool,
  condition: string,
  values: readonly unknown[],
): Promise<OpenDiscrepancy[]> {
  // `order by id` would mean the text that is selected here, where 10 comes before 9: conditions say `discrepancy.id`.
  const { rows } = await pool.query<OpenDiscrepancy>(
    `select id::text, claim_id as "claimId", change_xid::text as "changeXid", verdict, evidence, checks, held,
       (extract(epoch from clock_timestamp() - marker_since) * 1000)::float8 as "markerAgeMs"
     from reconciler.discrepancy where state = 'open' and ${condition}`,
    [...values],
  );
  return rows;
}

export type Resolution = 'repaired' | 'went_away' | 'ignored';

/** Closes discrepancies. What went away after one of our repairs had been applied counts as repaired. */
export async function resolveDiscrepancies(
  client: pg.ClientBase | pg.Pool,
  ids: readonly string[],
  resolution: Resolution,
): Promise<void> {
  if (ids.length === 0) return;
  await client.query(
    `update reconciler.discrepancy d set state = 'resolved', resolved_at = clock_timestamp(), held = false,
       resolution = case when $2 = 'went_away' and exists (select from reconciler.repair r
         where r.discrepancy_id = d.id and r.outcome = 'applied') then 'repaired' else $2 end
     where id = any($1) and state = 'open'`,
    [ids, resolution],
  );
}

export interface Postponement {
  readonly id: string;
  readonly delayMs: number;
  /** What it looks like now; verdict and version of the row may have changed since it was found. */
  readonly verdict: BadVerdict;
  readonly evidence: Evidence;
}

/** Notes that these were looked at and could not be settled, and when to look again. */
export async function postponeDiscrepancies(
  client: pg.ClientBase | pg.Pool,
  postponed: readonly Postponement[],
): Promise<void> {
  if (postponed.length === 0) return;
  await client.query(
    `update reconciler.discrepancy d set verdict = p.verdict, evidence = p.evidence, checks = d.checks + 1,
       change_xid = coalesce((p.evidence -> 'claim' ->> 'changeXid')::xid8, d.change_xid),
       marker_since = ${markerSince('d', 'p')},
       last_seen_at = clock_timestamp(), next_check_at = clock_timestamp() + p."delayMs" * interval '1 ms'
     from jsonb_to_recordset($1) as p (id bigint, "delayMs" float8, verdict text, evidence jsonb)
     where d.id = p.id and d.state = 'open'`,
    [toJson(postponed)],
  );
}

/** Makes all open discrepancies of a source due now: after `resume`, or when its mode became `repair`. */
export async function makeDue(client: pg.ClientBase | pg.Pool, source: string): Promise<void> {
  await client.query(
    `update reconciler.discrepancy set next_check_at = null
     where source = $1 and state = 'open' and next_check_at is not null and not held`,
    [source],
  );
}

/** A person asks for these to be repaired again. */
export async function releaseHold(client: pg.ClientBase | pg.Pool, ids: readonly string[]): Promise<void> {
  await client.query('update reconciler.discrepancy set held = false where id = any($1) and held', [ids]);
}

/**
 * Reopens what a person undid and keeps its claim from being repaired again until a person says so. Where another
 * discrepancy of the claim is open already, that one is held.
 */
export async function holdDiscrepancy(client: pg.ClientBase | pg.Pool, id: string): Promise<void> {
  await client.query(
    `update reconciler.discrepancy d
     set state = 'open', resolution = null, resolved_at = null, held = true, next_check_at = null
     where id = $1 and not exists (select from reconciler.discrepancy other
       where other.source = d.source and other.subject = d.subject and other.state = 'open' and other.id <> d.id)`,
    [id],
  );
  await client.query(
    `update reconciler.discrepancy d set held = true from reconciler.discrepancy undone
     where undone.id = $1 and d.source = undone.source and d.subject = undone.subject and d.state = 'open'`,
    [id],
  );
}

/** How many are open for a source. */
export async function countOpen(pool: pg.Pool, source: string): Promise<number> {
  const { rows } = await pool.query<{ open: number }>(
    `select count(*)::int as open from reconciler.discrepancy where source = $1 and state = 'open'`,
    [source],
  );
  return rows[0]?.open ?? 0;
}

/** SQL: the old time while the marker stays the same (see `sameMarker`), else now. */
function markerSince(before: string, now: string): string {
  const marker = (row: string): string => `(${row}.evidence -> 'marker') - 'expiresInMs'`;
  const end = (row: string): string =>
    `coalesce((${row}.evidence ->> 'atMs')::float8 + (${row}.evidence -> 'marker' ->> 'expiresInMs')::float8, 0)`;
  return `case when ${marker(before)} = ${marker(now)} and abs(${end(before)} - ${end(now)}) <= ${expirySlackMs}
    then ${before}.marker_since else clock_timestamp() end`;
}

/** JSON for jsonb. Postgres cannot store U+0000, which a marker's value may hold; it is kept as the sign for it. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'string' ? item.replaceAll('\u0000', '\u2400') : item,
  );
}
