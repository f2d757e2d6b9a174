-- The trigger function that claim tables call. It stamps each inserted or updated row with its transaction's 64-bit id,
-- which is what the reading is ordered by. Attach it as
--   create trigger stamp_change before insert or update on <table>
--     for each row execute function reconciler.stamp_change();
--   alter table <table> enable always trigger stamp_change;
-- (always: so that logical replication and restores with triggers disabled cannot slip rows past the reading).
-- The column must be named change_xid.
create function reconciler.stamp_change() returns trigger language plpgsql as $$
begin
  new.change_xid := pg_current_xact_id();
  return new;
end
$$;
