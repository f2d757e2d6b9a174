/**
 * Reports of applications about a compensation that failed: a marker they could not give back.
 * Invariants kept: what is acknowledged was committed before; a report is judged once, in the transaction that records
 * what it led to; what is on record of a subject already keeps its backoff.
 */
import type pg from 'pg';
import type { Verdict } from '../domain/verdict.ts';
import {
  recordDiscrepancies,
  recordRowless,
  resolveDiscrepancies,
  type FoundDiscrepancy,
  type FoundRowless,
} from './discrepancy.ts';
import { sqlStateOf } from './sql-state.ts';

/** A discrepancy that another resolves between a look and an insert is worth another try, not endlessly. */
const triesMax = 10;

export interface NewReport {
  readonly source: string;
  readonly markerKey: string;
  readonly attempt: string;
  readonly reason: string;
  readonly by: string;
}

export interface UnjudgedReport {
  readonly id: string;
  readonly markerKey: string;
  readonly attempt: string;
}

/** What came of a report. */
export interface Judgement {
  /** Null: it could not be judged; the note says why. */
  readonly verdict: Verdict | null;
  /** The open discrepancy it led to, or that was open already. */
  readonly discrepancyId: string | null;
  /** For people. */
  readonly note: string;
}

/** Commits a report and returns its number. Twice does no harm. */
export async function storeReport(pool: pg.Pool, report: NewReport): Promise<string> {
  const { source, markerKey, attempt, reason, by } = report;
  const { rows } = await pool.query<{ id: string }>(
    `insert into reconciler.report (source, marker_key, attempt, reason, reported_by)
     values ($1, $2, $3, $4, $5) returning id::text`,
    [source, markerKey, attempt, reason, by],
  );
  return only(rows).id;
}

/** Reports that nobody has judged yet, oldest first. */
export async function readUnjudged(
  pool: pg.Pool,
  source: string,
  page: { readonly afterId: string; readonly rowsMax: number },
): Promise<UnjudgedReport[]> {
  const { rows } = await pool.query<UnjudgedReport>(
    `select id::text, marker_key as "markerKey", attempt from reconciler.report
     where source = $1 and judged_at is null and id > $2 order by report.id limit $3`,
    [source, page.afterId, page.rowsMax],
  );
  return rows;
}

/** Those that are unjudged still, locked until the transaction ends: whoever else judges them waits and comes too late. */
export async function lockUnjudged(client: pg.ClientBase, ids: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    'select id::text from reconciler.report where id = any($1) and judged_at is null order by report.id for update',
    [ids],
  );
  return rows.map(({ id }) => id);
}

/** What another made of a report; null while nobody has. */
export async function readJudgement(client: pg.ClientBase, id: string): Promise<Judgement | null> {
  const { rows } = await client.query<Judgement>(
    `select verdict, discrepancy_id::text as "discrepancyId", coalesce(note, '') as note
     from reconciler.report where id = $1 and judged_at is not null`,
    [id],
  );
  return rows[0] ?? null;
}

/** Notes what came of reports. Call it in the transaction that records the discrepancy. */
export async function markJudged(
  client: pg.ClientBase,
  ids: readonly string[],
  { verdict, discrepancyId, note }: Judgement,
): Promise<void> {
  await client.query(
    `update reconciler.report set judged_at = clock_timestamp(), verdict = $2, discrepancy_id = $3, note = $4
     where id = any($1) and judged_at is null`,
    [ids, verdict, discrepancyId, note],
  );
}

/** Records what a report says of a claim, and returns the number of the open discrepancy. */
export async function recordReported(
  client: pg.ClientBase,
  source: string,
  passId: string | null,
  found: FoundDiscrepancy,
): Promise<string> {
  const subject = `claim:${found.claimId}`;
  const open = await lockOpenOn(client, source, subject);
  if (open?.verdict === found.verdict) return open.id;
  await recordDiscrepancies(client, source, passId, [found]);
  const recorded = await lockOpenOn(client, source, subject);
  if (recorded === null) throw new Error(`a discrepancy of ${subject} was recorded and is not there`);
  return recorded.id;
}

/**
 * The same for a marker without a row. Its row may be on its way: the discrepancy is stamped with the transaction that
 * records it, as the row would be, and is left alone for as long (see `planRepairs`).
 * @param markerValue what the marker holds for the reported attempt
 */
export async function recordReportedRowless(
  client: pg.ClientBase,
  source: string,
  passId: string | null,
  found: FoundRowless,
  markerValue: string,
): Promise<string> {
  const subject = `marker:${found.markerKey}`;
  for (let tries = 1; tries <= triesMax; tries += 1) {
    const open = await lockOpenOn(client, source, subject);
    if (open?.markerValue === markerValue) return open.id;
    // Of an attempt whose value the marker holds no more: that one is over.
    if (open !== null) await resolveDiscrepancies(client, [open.id], 'went_away');
    const fresh = await recordRowless(client, source, passId, [found]);
    if (fresh.length > 0) return stamp(client, source, subject);
  }
  throw new Error(`others recorded and resolved ${subject} all the time`);
}

async function stamp(client: pg.ClientBase, source: string, subject: string): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `update reconciler.discrepancy set change_xid = pg_current_xact_id()
     where source = $1 and subject = $2 and state = 'open' returning id::text`,
    [source, subject],
  );
  return only(rows).id;
}

interface OpenOnSubject {
  readonly id: string;
  readonly verdict: Verdict;
  /** Null: about a claim. */
  readonly markerValue: string | null;
}

async function lockOpenOn(
  client: pg.ClientBase,
  source: string,
  subject: string,
): Promise<OpenOnSubject | null> {
  const { rows } = await client.query<OpenOnSubject>(
    `select id::text, verdict, evidence #>> '{claim,open,markerValue}' as "markerValue"
     from reconciler.discrepancy where source = $1 and subject = $2 and state = 'open' for update`,
    [source, subject],
  );
  return rows[0] ?? null;
}

function only<Row>(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined) throw new Error('the statement returned no row');
  return row;
}

/** True for what Postgres refused because of what a report holds: it would be refused again, every time. */
export function isRefusedValue(error: unknown): boolean {
  return /^(22|23|54)/.test(sqlStateOf(error) ?? '');
}

/** Drops reports that were judged more than 30 days ago. Returns how many went. */
export async function dropOldReports(pool: pg.Pool): Promise<number> {
  const { rowCount } = await pool.query(
    `delete from reconciler.report where judged_at < clock_timestamp() - interval '30 days'`,
  );
  return rowCount ?? 0;
}
