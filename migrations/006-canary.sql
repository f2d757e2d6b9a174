-- The canary: claims of our own in which a fault is injected every so often, and must be found and repaired in time. That
-- it was is the proof that silence means health. Without `canary` in the configuration both tables stay empty.
-- Its claims are a claim table like any other (trigger, index), so that they are read, judged and repaired as all are.
-- Invariant: a slot has one round; a round that has ended stays as it ended.
create table reconciler.canary_claim (
  id bigint generated always as identity primary key,
  attempt_id uuid not null unique,
  status text not null check (status in ('granted', 'released')),
  expires_at timestamptz not null,
  change_xid xid8 not null default pg_current_xact_id()
);
create index canary_claim_change on reconciler.canary_claim (change_xid, id);
create trigger stamp_change before insert or update on reconciler.canary_claim
  for each row execute function reconciler.stamp_change();
alter table reconciler.canary_claim enable always trigger stamp_change;

create table reconciler.canary_round (
  id bigint generated always as identity primary key,
  slot timestamptz not null unique,
  fault text not null check (fault in ('missing_marker', 'orphan_marker', 'wrong_expiry', 'immortal_marker')),
  claim_id bigint not null references reconciler.canary_claim (id),
  injected_at timestamptz not null default clock_timestamp(),
  broken_at timestamptz,
  found_at timestamptz,
  repaired_at timestamptz,
  outcome text check (outcome in ('passed', 'failed', 'void'))
);
comment on column reconciler.canary_round.injected_at is 'the claim and its marker were written, still right';
comment on column reconciler.canary_round.broken_at is 'the fault was in place';
comment on column reconciler.canary_round.outcome is
  'null: under way; void: the fault was never in place, or vanished by itself, so that the round says nothing';
create index canary_round_under_way on reconciler.canary_round (id) where outcome is null;
create index canary_round_outcome on reconciler.canary_round (outcome, id);
create index canary_round_claim on reconciler.canary_round (claim_id);
