-- The two roles of claim-reconciler, and its schema. To be run once by a superuser, in the database of the claims.
-- Then, as claim_reconciler_owner: claim-reconciler migrate
-- Then, as a superuser: ops/postgres-grants.sql; this one again after each version that brings a migration.
-- Neither role has a password yet: give each its own, such as by \password in psql.
-- Can be run again.
do $$ begin
  -- Owns the schema and changes it when a new version is installed. Nothing runs as it.
  if to_regrole('claim_reconciler_owner') is null then
    create role claim_reconciler_owner login nosuperuser nocreatedb nocreaterole nobypassrls;
  end if;
  -- The daemon, the dashboard and the commands of people.
  if to_regrole('claim_reconciler') is null then
    create role claim_reconciler login nosuperuser nocreatedb nocreaterole nobypassrls;
  end if;
end $$;
create schema if not exists reconciler;
alter schema reconciler owner to claim_reconciler_owner;
