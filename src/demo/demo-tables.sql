-- The application's tables, as an engineer would find them, prepared for reading: change_xid, trigger, index.
create table gift_claim (
  id bigint generated always as identity primary key,
  activity_id integer not null,
  gift_id bigint not null,
  uid bigint not null,
  attempt_id text not null unique,
  status text not null,
  expires_at timestamptz not null,
  change_xid xid8 not null default pg_current_xact_id()
);
create index gift_claim_change on gift_claim (change_xid, id);
create index gift_claim_marker on gift_claim (activity_id, gift_id, uid);
create trigger stamp_change before insert or update on gift_claim
  for each row execute function reconciler.stamp_change();
alter table gift_claim enable always trigger stamp_change;

create table order_grab (
  id bigint generated always as identity primary key,
  order_id bigint not null,
  driver_id bigint not null,
  status text not null,
  grabbed_at timestamptz not null default now(),
  change_xid xid8 not null default pg_current_xact_id()
);
create index order_grab_change on order_grab (change_xid, id);
create index order_grab_marker on order_grab (order_id);
create trigger stamp_change before insert or update on order_grab
  for each row execute function reconciler.stamp_change();
alter table order_grab enable always trigger stamp_change;
