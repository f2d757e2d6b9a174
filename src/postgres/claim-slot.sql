-- Claims the slot of this moment for a task, or says why not.
-- In      :task text   :holder text   :token bigint   :gap_ms float8   (put in as literals, see slot.ts)
-- Out     one row of the second statement: kind 'claimed' (slot), 'taken' (slot, holder) or 'fenced_out' (holder, token)
-- Keeps   a slot is handed out once, no two of a task closer together than the gap, none to an older token.
-- Two statements in one message: one transaction, with no moment in which it waits for a client that was stopped. The
-- second one has a snapshot of its own, so it sees what was committed while the first waited for the lock.
select pg_advisory_xact_lock(hashtextextended('claim-reconciler slot ' || :task, 0));
with now as (
  select date_trunc('second', clock_timestamp() + interval '500 milliseconds') as slot
), fence as (
  select holder, fencing_token
  from (select * from reconciler.slot where task = :task order by slot desc limit 1) newest
  where fencing_token > :token
), near as (
  select slot.slot, slot.holder
  from now, reconciler.slot slot
  where task = :task and not exists (select from fence)
    and (slot.slot = now.slot
      or slot.slot > now.slot - :gap_ms * interval '1 millisecond'
      and slot.slot < now.slot + :gap_ms * interval '1 millisecond')
  order by slot.slot desc limit 1
), forgotten as (
  -- Old slots; and those in the future: the database's clock went back (a failover, a restore), and each of them would
  -- stand in the way when its time comes again.
  delete from reconciler.slot slot using now
  where task = :task and not exists (select from fence)
    and (slot.slot > now.slot + :gap_ms * interval '1 millisecond' + interval '2 seconds'
      or slot.slot < now.slot - interval '7 days'
      and slot.slot < (select max(slot) from reconciler.slot where task = :task))
), claimed as (
  insert into reconciler.slot (task, slot, holder, fencing_token)
  select :task, now.slot, :holder, :token from now
  where not exists (select from fence) and not exists (select from near)
  returning slot
)
select 'claimed' as kind, slot, null as holder, null as token from claimed
union all select 'taken', slot, holder, null from near
union all select 'fenced_out', null, holder, fencing_token::text from fence
