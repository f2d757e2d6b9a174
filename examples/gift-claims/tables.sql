-- The claim table, prepared for reading (change_xid, trigger, index) and for the gate (two unique indexes).
create table gift_claim (
  id bigint generated always as identity primary key,
  activity_id bigint not null,
  gift_id bigint not null,
  uid bigint not null,
  attempt_id uuid not null unique,
  status text not null,
  expires_at timestamptz not null,
  change_xid xid8 not null default pg_current_xact_id()
);
create unique index gift_claim_live on gift_claim (activity_id, gift_id, uid) where status in ('pending', 'granted');
create index gift_claim_change on gift_claim (change_xid, id);
create trigger stamp_change before insert or update on gift_claim
  for each row execute function reconciler.stamp_change();
alter table gift_claim enable always trigger stamp_change;
