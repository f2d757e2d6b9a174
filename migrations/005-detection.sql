-- How long a claim was wrong before it was found. A row names its transaction but not the time at which that committed, so
-- the time is bounded by the samples of the horizon: a transaction at or above a snapshot's xmax had not ended then.
-- Invariant: a bound is never later than the commit, so that no latency made from it is understated.

-- `sampled_at` is when a sample was written, a moment after its snapshot: a transaction may have committed in between.
alter table reconciler.horizon_sample add column snapshot_after timestamptz;
alter table reconciler.horizon_sample alter column snapshot_after set default transaction_timestamp();
comment on column reconciler.horizon_sample.snapshot_after is 'the snapshot was taken after this; null for old samples';
create index horizon_sample_snapshot_xmax on reconciler.horizon_sample (snapshot_xmax, snapshot_after);

alter table reconciler.discrepancy add column committed_after timestamptz;
comment on column reconciler.discrepancy.committed_after is
  'the judged row was committed no earlier than this; null: not known, no row, or a row that had been judged before';
create index discrepancy_seen on reconciler.discrepancy (source, state, first_seen_at);

-- The time that a transaction certainly did not commit before; null when no sample is old enough to tell. Exact where the
-- server records commit times. The 32-bit id that those go by is only unique among the last two thousand million.
create function reconciler.committed_after(xid xid8) returns timestamptz language sql stable as $$
  select coalesce(
    case when current_setting('track_commit_timestamp') = 'on'
        and pg_snapshot_xmax(pg_current_snapshot())::text::numeric - xid::text::numeric between 1 and 2000000000
        and xid::text::numeric >= 3
      then pg_xact_commit_timestamp(xid::xid) end,
    (select s.snapshot_after from reconciler.horizon_sample s
     where s.snapshot_xmax <= xid and s.snapshot_after is not null
     order by s.snapshot_xmax desc, s.snapshot_after desc limit 1))
$$;
