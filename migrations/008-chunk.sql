-- A large window is cut into chunks, which any number of workers judge; the checkpoint follows those that are judged without a
-- gap. What a worker is doing stands here and not in the queue, so that an emptied queue loses nothing.
-- Rows live until the checkpoint passes them, or their pass ends. Number 0 holds what was judged before the checkpoint.
create table reconciler.chunk (
  pass_id bigint not null references reconciler.pass on delete cascade,
  number integer not null,
  -- It holds the claims after the one position, up to and with the other; an end without an id is before its transaction.
  from_change_xid xid8 not null,
  from_id text,
  to_change_xid xid8 not null,
  to_id text,
  -- The transaction id below which its pass reads.
  horizon xid8 not null,
  -- A digest of how its pass is configured to judge.
  judging text not null,
  -- Whoever judges it: an id of that one time. Null: nobody does.
  taken_by uuid,
  -- When it was cut or taken, or when the one who judges it last kept a page.
  touched_at timestamptz not null default clock_timestamp(),
  -- How many claims had which verdict; null until all of it is judged.
  verdicts jsonb,
  -- Judging it tripped the brake.
  is_braked boolean not null default false,
  primary key (pass_id, number)
);
