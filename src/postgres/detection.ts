/**
 * How long a claim was wrong before it was found: from the commit of its row to the verdict.
 * Invariant kept: a latency is never understated. A commit time is a bound (`reconciler.committed_after`): the newest
 * sample of the horizon in whose snapshot the transaction had certainly not ended. It is too early by what lies between
 * two samples (seconds, while a daemon runs; a minute for rows over an hour old), and by the time the transaction was open
 * while later ones ended; exact where the server has `track_commit_timestamp` on.
 * Left out, and null: rows older than all samples, and rows that a pass had judged before (read again after a rewind, or
 * by hand). Nobody knows since when those are wrong.
 */

/** SQL: what passes over the source `$1` that read to the end have judged so far; repairs by hand have the window 0. */
const judgedHorizon = `(select (p.report ->> 'horizon')::xid8 from (
    select * from reconciler.pass p where p.source between $1 and $1 order by p.source, p.id desc limit 200
  ) p where p.outcome = 'completed' order by 1 desc nulls last limit 1)`;

/** SQL, for `from`: gives `first.horizon`, from which on rows are judged for the first time. */
export const firstReading = `(select coalesce(${judgedHorizon}, '0') as horizon) first`;

/** SQL: the bound of a row with this change, beside `firstReading`. */
export function committedAfter(changeXid: string): string {
  return `case when ${changeXid} >= first.horizon then reconciler.committed_after(${changeXid}) end`;
}

export interface RecordedRow {
  readonly is_new: boolean;
  readonly latency_ms: number | null;
}

/** SQL, for `returning` of an insert into discrepancies. */
export const recordedRow = `xmax = 0 as is_new,
  (extract(epoch from first_seen_at - committed_after) * 1000)::float8 as latency_ms`;

/** The latencies of those that are new, in milliseconds. */
export function latenciesOf(rows: readonly RecordedRow[]): number[] {
  return rows.flatMap(({ is_new, latency_ms }) =>
    is_new && latency_ms !== null ? [Math.max(0, latency_ms)] : [],
  );
}
