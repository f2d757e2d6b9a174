-- Notes every row that is written to what the reconciler keeps, as it was written; for tests. When it was committed the
-- server knows (`track_commit_timestamp`), so that what is read is in the order of commits.
create schema history;
create table history.written (
  n bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  "table" text not null,
  "row" jsonb not null
);
create function history.note() returns trigger language plpgsql as $$
begin
  insert into history.written ("table", "row") values (tg_table_name, to_jsonb(new));
  return null;
end
$$;
create trigger history after insert or update on reconciler.repair for each row execute function history.note();
create trigger history after insert or update on reconciler.checkpoint for each row execute function history.note();
create trigger history after insert or update on reconciler.slot for each row execute function history.note();
create trigger history after insert or update on reconciler.lease_term for each row execute function history.note();
