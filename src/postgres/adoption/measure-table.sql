-- What the migration of a table depends on, beside inspect-table.sql: how large it is, what it is part of, what it consists of.
-- $1 schema, $2 table. Returns one row with one jsonb `measures`, shaped as in look-at-table.ts; none without the table.
-- Invariant kept: reads the catalog and its statistics only, whatever the table's size.
with rel as (
  select c.oid, c.relname, c.relkind, n.nspname
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p')
), leaf as (
  select c.oid, c.relname, n.nspname, c.reltuples, tree.level
  from rel, pg_partition_tree(rel.oid) tree join pg_class c on c.oid = tree.relid join pg_namespace n on n.oid = c.relnamespace
  where rel.relkind = 'p' and tree.isleaf
  union all
  select rel.oid, rel.relname, rel.nspname, c.reltuples, 0 from rel join pg_class c on c.oid = rel.oid where rel.relkind = 'r'
), root as (
  select c.oid, c.relname, n.nspname
  from rel join pg_class c on c.oid = pg_partition_root(rel.oid) join pg_namespace n on n.oid = c.relnamespace
  where c.oid <> rel.oid
)
select jsonb_build_object(
  -- Before the first analyze it is -1.
  'rows', (select coalesce(sum(greatest(reltuples, 0)), 0)::bigint from leaf),
  'bytes', (select coalesce(sum(pg_table_size(oid)), 0)::bigint from leaf),
  'pages', (select coalesce(sum(pg_relation_size(oid) / current_setting('block_size')::bigint), 0)::bigint from leaf),
  'root', (select format('%I.%I', nspname, relname) from root),
  'partitions', coalesce((select jsonb_agg(jsonb_build_object(
      'name', nspname || '.' || relname, 'quoted', format('%I.%I', nspname, relname),
      'quoted_schema', format('%I', nspname), 'level', level,
      'index', index_name, 'broken', exists (select from pg_index i join pg_class x on x.oid = i.indexrelid
        where i.indrelid = leaf.oid and not i.indisvalid and format('%I', x.relname) = index_name)
      ) order by nspname, relname)
    from leaf, format('%I', left(relname, 30) || '_' || oid || '_change') index_name where (select relkind from rel) = 'p'), '[]'),
  'index', format('%I', left(rel.relname, 30) || '_' || rel.oid || '_change'),
  'unique_index', format('%I', left(rel.relname, 30) || '_' || rel.oid || '_id'),
  -- The application may have a trigger of that name, which does something else.
  'trigger', case when exists (select from pg_trigger g join pg_proc p on p.oid = g.tgfoid
      where g.tgrelid in (select oid from leaf union select rel.oid) and g.tgname = 'stamp_change'
        and not (p.proname = 'stamp_change' and p.pronamespace = to_regnamespace('reconciler')))
    then 'reconciler_stamp_change' else 'stamp_change' end,
  'quoted_schema', format('%I', rel.nspname),
  'published', exists (select from pg_publication_tables t where t.schemaname = $1 and t.tablename = $2),
  'primary_key', (select a.attname from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
    where i.indrelid = rel.oid and i.indisprimary and i.indnkeyatts = 1),
  -- At least nine in ten values differ; as far as this role may see.
  'seemingly_unique', coalesce((select jsonb_agg(distinct s.attname) from pg_stats s
    where s.schemaname = $1 and s.tablename = $2 and s.n_distinct <= -0.9), '[]')
) as measures
from rel
