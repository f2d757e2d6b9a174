-- The application's table, as it is: nothing here knows of the reconciler.
create table gift_claim (
  id bigint generated always as identity primary key,
  activity_id bigint not null,
  user_id bigint not null,
  request_id uuid not null unique,
  status text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
