-- The reconciler's own state. It lives in the database of the claims, so that a restore takes both back together.
-- Claim tables stay the application's: nothing here touches them (see `stamp_change` for the trigger they call).

-- The position up to which every row of a source is judged, with the evidence that it still belongs to this history.
create table reconciler.checkpoint (
  source text primary key,
  change_xid xid8 not null,
  id text,
  fencing_token bigint not null,
  system_identifier text not null,
  timeline text not null,
  database_oid oid not null,
  table_oid oid not null,
  lsn pg_lsn not null,
  snapshot_xmax xid8 not null,
  redis_run_id text not null,
  redis_replication_id text not null,
  redis_flushes bigint not null,
  updated_at timestamptz not null default clock_timestamp()
);

-- Horizons over time. The newest one that is older than the grace period bounds what a pass may read.
create table reconciler.horizon_sample (
  id bigint generated always as identity primary key,
  sampled_at timestamptz not null default clock_timestamp(),
  horizon xid8 not null,
  snapshot_xmax xid8 not null
);
create index horizon_sample_sampled_at on reconciler.horizon_sample (sampled_at);

-- One row per term of a lease. The identity column is the fencing token: it only ever grows.
create table reconciler.lease_term (
  token bigint generated always as identity primary key,
  lease text not null,
  holder text not null,
  began_at timestamptz not null default clock_timestamp()
);
create index lease_term_lease on reconciler.lease_term (lease, token desc);

-- The ledger of enqueued slots: its key makes a double fire harmless.
create table reconciler.slot (
  task text not null,
  slot timestamptz not null,
  holder text not null,
  fencing_token bigint not null,
  enqueued_at timestamptz not null default clock_timestamp(),
  primary key (task, slot)
);

create table reconciler.pass (
  id bigint generated always as identity primary key,
  source text not null,
  asked_by text not null,
  mode text not null check (mode in ('observe', 'repair')),
  fencing_token bigint not null,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  outcome text check (outcome in ('completed', 'stopped', 'aborted', 'braked', 'refused', 'failed')),
  report jsonb
);
create index pass_source on reconciler.pass (source, id desc);
create index pass_started on reconciler.pass (source, started_at);

-- One row per claim (or marker without a claim) that looked wrong; at most one of them open.
create table reconciler.discrepancy (
  id bigint generated always as identity primary key,
  source text not null,
  subject text not null,
  claim_id text,
  marker_key text,
  verdict text not null,
  state text not null default 'open' check (state in ('open', 'resolved')),
  resolution text check (resolution in ('repaired', 'went_away', 'ignored')),
  change_xid xid8,
  evidence jsonb not null,
  first_seen_at timestamptz not null default clock_timestamp(),
  last_seen_at timestamptz not null default clock_timestamp(),
  marker_since timestamptz not null default clock_timestamp(),
  next_check_at timestamptz,
  checks integer not null default 0,
  held boolean not null default false,
  resolved_at timestamptz,
  pass_id bigint references reconciler.pass (id) on delete set null,
  alert_id bigint,
  check ((state = 'resolved') = (resolved_at is not null))
);
comment on column reconciler.discrepancy.subject is 'claim:<id>, or marker:<key> where there is no row';
comment on column reconciler.discrepancy.marker_since is 'since when the marker has held the value in evidence';
comment on column reconciler.discrepancy.held is 'a person undid the repair: nothing is repaired until a person says so';
create unique index discrepancy_open on reconciler.discrepancy (source, subject) where state = 'open';
create index discrepancy_due on reconciler.discrepancy (source, next_check_at) where state = 'open';
create index discrepancy_subject on reconciler.discrepancy (source, subject, id);

-- The journal: a row exists before anything is changed.
create table reconciler.repair (
  id bigint generated always as identity primary key,
  discrepancy_id bigint not null references reconciler.discrepancy (id),
  source text not null,
  action text not null,
  marker_key text not null,
  outcome text not null default 'intended' check (outcome in ('intended', 'applied', 'superseded', 'failed')),
  intent jsonb not null,
  before jsonb not null,
  after jsonb,
  note text,
  done_by text not null,
  pass_id bigint references reconciler.pass (id) on delete set null,
  fencing_token bigint not null,
  undo_of bigint references reconciler.repair (id),
  intended_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  check ((outcome = 'intended') = (ended_at is null))
);
create index repair_intended on reconciler.repair (source, id) where outcome = 'intended';
create index repair_hour on reconciler.repair (source, intended_at);
create index repair_discrepancy on reconciler.repair (discrepancy_id, id);
create index repair_pass on reconciler.repair (pass_id, id);
create unique index repair_undone_once on reconciler.repair (undo_of) where outcome in ('intended', 'applied');

-- One row per cause while it lasts.
create table reconciler.alert (
  id bigint generated always as identity primary key,
  cause text not null,
  kind text not null,
  source text not null,
  severity text not null check (severity in ('info', 'warning', 'critical')),
  summary text not null,
  state text not null default 'open' check (state in ('open', 'acknowledged', 'resolved')),
  seen integer not null default 1,
  opened_at timestamptz not null default clock_timestamp(),
  last_seen_at timestamptz not null default clock_timestamp(),
  resolved_at timestamptz,
  check ((state = 'resolved') = (resolved_at is not null))
);
create unique index alert_unresolved on reconciler.alert (cause) where state <> 'resolved';
alter table reconciler.discrepancy
  add constraint discrepancy_alert foreign key (alert_id) references reconciler.alert (id) on delete set null;

create table reconciler.brake (
  source text primary key,
  state text not null default 'armed' check (state in ('armed', 'tripped', 'lifted')),
  reason text,
  changed_at timestamptz not null default clock_timestamp(),
  changed_by text not null,
  lifted_until timestamptz,
  check ((state = 'lifted') = (lifted_until is not null))
);
