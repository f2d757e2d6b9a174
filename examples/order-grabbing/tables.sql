-- The claim table of the example, prepared for reading (change_xid, trigger, index) and for the gate (two unique indexes),
-- and the table in which the dispatch keeps who got which order.
create table order_grab (
  id bigint generated always as identity primary key,
  order_id bigint not null,
  driver_id bigint not null,
  attempt_id uuid not null unique,
  status text not null,
  grabbed_at timestamptz not null,
  change_xid xid8 not null default pg_current_xact_id()
);
-- Nobody else gets an order that is being grabbed or was grabbed, long after its marker is over.
create unique index order_grab_live on order_grab (order_id) where status in ('pending', 'grabbed');
create index order_grab_change on order_grab (change_xid, id);
create trigger stamp_change before insert or update on order_grab
  for each row execute function reconciler.stamp_change();
alter table order_grab enable always trigger stamp_change;

create table dispatch (
  order_id bigint primary key,
  attempt_id uuid not null unique,
  driver_id bigint not null
);
