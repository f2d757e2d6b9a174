-- Who has an alert in hand; and the outbox from which alerts are told: a row per alert, receiver and transition. The row is
-- the truth; the queue in Redis only says when to look at it, and can be emptied at any time.
-- Invariant: a transition is told to a receiver at least once and, but for a crash between sending and noting it, not
-- twice: the row is unique and never dropped, and whoever sends first moves next_try_at on. That an alert is over is told
-- only to those who were told of it.
alter table reconciler.alert
  add column acknowledged_at timestamptz,
  add column acknowledged_by text;

-- Since when a receiver is configured: what was over before is not told to it.
create table reconciler.alert_receiver (
  name text primary key,
  known_since timestamptz not null default clock_timestamp()
);

create table reconciler.alert_delivery (
  id bigint generated always as identity primary key,
  message_id uuid not null default gen_random_uuid(),
  alert_id bigint not null references reconciler.alert (id) on delete cascade,
  receiver text not null,
  transition text not null check (transition in ('opened', 'resolved')),
  state text not null default 'waiting' check (state in ('waiting', 'delivered', 'gave_up')),
  attempts integer not null default 0,
  refusals integer not null default 0,
  last_error text,
  created_at timestamptz not null default clock_timestamp(),
  first_try_at timestamptz,
  next_try_at timestamptz not null default clock_timestamp(),
  delivered_at timestamptz,
  gave_up_at timestamptz,
  unique (alert_id, receiver, transition),
  check ((state = 'delivered') = (delivered_at is not null)),
  check ((state = 'gave_up') = (gave_up_at is not null))
);
comment on column reconciler.alert_delivery.message_id is 'the same on every try: by it a receiver knows a message again';
comment on column reconciler.alert_delivery.refusals is 'tries in a row of which the answer was one that will not change by itself';
comment on column reconciler.alert_delivery.next_try_at is 'while a try is under way: when it counts as broken off';
create index alert_delivery_due on reconciler.alert_delivery (receiver, next_try_at) where state = 'waiting';
create index alert_delivery_gave_up on reconciler.alert_delivery (receiver, gave_up_at) where state = 'gave_up';
create index alert_delivery_delivered on reconciler.alert_delivery (delivered_at) where state = 'delivered';
create index alert_resolved on reconciler.alert (resolved_at) where state = 'resolved';
