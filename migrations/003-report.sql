-- What applications that keep their own flow say went wrong: a marker that they could not give back, and why. A report is
-- stored before it is acknowledged, and judged at once or by the next pass; it stays for 30 days after that.
-- Invariant: what was judged says so, and only what was judged has a verdict.
create table reconciler.report (
  id bigint generated always as identity primary key,
  source text not null,
  marker_key text not null check (length(marker_key) between 1 and 1024),
  attempt text not null check (length(attempt) between 1 and 200),
  reason text not null check (length(reason) between 1 and 1000),
  reported_by text not null check (length(reported_by) between 1 and 200),
  reported_at timestamptz not null default clock_timestamp(),
  judged_at timestamptz,
  verdict text,
  discrepancy_id bigint references reconciler.discrepancy (id) on delete set null,
  note text,
  check (judged_at is not null or (verdict is null and discrepancy_id is null))
);
comment on column reconciler.report.verdict is 'null although judged: it could not be, and the note says why';
create index report_unjudged on reconciler.report (source, id) where judged_at is null;
create index report_judged on reconciler.report (judged_at) where judged_at is not null;
