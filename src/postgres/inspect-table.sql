-- One look at a claim table in the catalog, as the role that asks. Needs no privilege on the table itself.
-- $1 schema, $2 table, $3 change column, or that of the position, $4 id column: names as configured.
-- Returns one row with one jsonb `facts`, shaped as in table-facts.ts; `relation` is null when there is no such table.
-- Invariant kept: reads the catalog only; a name that does not exist makes no error.
with rel as (
  select c.oid, c.relkind, c.relpersistence, c.relname, n.nspname, n.oid as schema_oid
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')
), col as (
  -- A domain counts as the type it is made of.
  select a.attnum, a.attname, a.attnotnull, a.atttypid, t.typtype,
    coalesce(nullif(t.typbasetype, 0), t.oid) as base,
    a.attidentity = 'a' or a.attgenerated <> '' as made,
    (a.attnotnull or t.typnotnull)
      and not (a.atthasdef or a.attidentity <> '' or t.typdefault is not null) as demanded
  from rel join pg_attribute a on a.attrelid = rel.oid join pg_type t on t.oid = a.atttypid
  where a.attnum > 0 and not a.attisdropped
), idx as (
  select ic.relname as name, i.indisvalid as valid, i.indisunique as is_unique, i.indpred is not null as partial,
    i.indimmediate as immediate, pg_get_expr(i.indpred, i.indrelid) as condition,
    -- Known since version 15.
    coalesce(to_jsonb(i) ->> 'indnullsnotdistinct', 'false')::boolean as nulls_equal,
    (select jsonb_agg(coalesce(col.attname, '') order by k.at)
     from unnest(i.indkey[0:i.indnkeyatts - 1]) with ordinality k (attnum, at)
     left join col on col.attnum = k.attnum) as columns,
    -- Bit 0 says descending: a scan by the first two columns needs them to run the same way.
    (select count(distinct o & 1) = 1 from unnest(i.indoption[0:1]) o) as one_way
  from rel join pg_index i on i.indrelid = rel.oid join pg_class ic on ic.oid = i.indexrelid
    join pg_am am on am.oid = ic.relam
  where am.amname = 'btree' and i.indislive
), holder as (
  -- Where rows are stored, and so where triggers fire: the table, or its partitions.
  select rel.oid from rel where relkind <> 'p'
  union all
  select tree.relid::oid from rel, pg_partition_tree(rel.oid) tree where rel.relkind = 'p' and tree.isleaf
), stamper as (
  -- Not by to_regprocedure, which fails where the schema may not be used.
  select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname = 'reconciler' and p.proname = 'stamp_change' and p.pronargs = 0
), trg as (
  -- Bits of tgtype: 1 per row, 2 before, 4 insert, 16 update. Neither a condition nor a list of columns is allowed.
  select g.tgrelid, g.tgname, g.tgenabled
  from pg_trigger g join pg_proc p on p.oid = g.tgfoid
  where g.tgrelid in (select oid from holder union select oid from rel)
    and g.tgtype::int & 23 = 23 and g.tgqual is null and g.tgattr = ''::int2vector
    and case when $3 = 'change_xid' then p.oid in (select oid from stamper)
      else p.prosrc like '%pg_current_xact_id()%' and strpos(p.prosrc, $3) > 0 end
), filler as (
  -- Other triggers that may fill in what an insert leaves out.
  select from rel join pg_trigger g on g.tgrelid = rel.oid
  where g.tgtype::int & 7 = 7 and not g.tgisinternal and g.tgfoid not in (select oid from stamper)
)
select jsonb_build_object(
  'relation', (select jsonb_build_object(
      'oid', oid::text, 'kind', relkind, 'persistence', relpersistence,
      'quoted', format('%I.%I', nspname, relname),
      'schema_usage', has_schema_privilege(schema_oid, 'usage'),
      'row_security', row_security_active(oid),
      'children', (select count(*) from pg_inherits h where h.inhparent = rel.oid and rel.relkind = 'r')
    ) from rel),
  'columns', coalesce((select jsonb_agg(jsonb_build_object(
      'name', attname, 'not_null', attnotnull, 'kind', b.typtype,
      -- With modifier -1: `character` alone would mean character(1) in a cast.
      'type', format_type(col.atttypid, -1), 'base_type', format_type(b.oid, -1),
      'labels', (select jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = b.oid),
      'sortable', exists (select from pg_opclass o join pg_am am on am.oid = o.opcmethod
        where am.amname = 'btree' and o.opcdefault and (o.opcintype = b.oid
          or (o.opcintype = 'anyenum'::regtype and b.typtype = 'e')
          or exists (select from pg_cast s
            where s.castsource = b.oid and s.casttarget = o.opcintype and s.castmethod = 'b'))),
      'made', made, 'demanded', demanded and not exists (select from filler),
      'selectable', has_column_privilege((select oid from rel), attnum, 'select'),
      'insertable', has_column_privilege((select oid from rel), attnum, 'insert'),
      'updatable', has_column_privilege((select oid from rel), attnum, 'update')
    ) order by attnum) from col join pg_type b on b.oid = col.base), '[]'),
  'indexes', coalesce((select jsonb_agg(to_jsonb(idx)) from idx), '[]'),
  'trigger', (select jsonb_build_object('name', quote_ident(tgname), 'always', tgenabled = 'A')
      from trg join rel on rel.oid = tgrelid order by tgenabled = 'A' desc limit 1),
  'partitions', (select count(*) from holder, rel where holder.oid <> rel.oid),
  'unstamped', coalesce((select jsonb_agg(holder.oid::regclass::text) from holder
      where not exists (select from trg where trg.tgrelid = holder.oid and tgenabled = 'A')), '[]'),
  'foreign_partitions', coalesce((select jsonb_agg(c.oid::regclass::text)
      from holder join pg_class c on c.oid = holder.oid, rel where c.relkind = 'f' and rel.relkind = 'p'), '[]'),
  'closed_sequences', coalesce((select jsonb_agg(d.objid::regclass::text) from rel
      join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = rel.oid and d.deptype = 'a'
      join pg_class c on d.classid = 'pg_class'::regclass and c.oid = d.objid
      -- Asked only about sequences: about anything else it fails, whatever other conditions say.
      where case when c.relkind = 'S' then not has_sequence_privilege(c.oid, 'usage') else false end), '[]'),
  'tables', coalesce((select jsonb_agg(jsonb_build_array(n.nspname, c.relname) order by n.nspname <> $1, 1)
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^(pg_|information_schema$|reconciler$)'
        and not exists (select from rel)), '[]'),
  'schema_exists', exists (select from pg_namespace where nspname = $1),
  'quoted_order', quote_ident($3), 'quoted_id', quote_ident($4),
  'role', quote_ident(current_user),
  'own_schema', (select jsonb_build_object(
      'usage', has_schema_privilege(n.oid, 'usage'),
      'stamps', exists (select from stamper),
      'held', coalesce((select jsonb_object_agg(c.relname, (select coalesce(jsonb_agg(r.word), '[]')
          from unnest(array['select', 'insert', 'update', 'delete']) r (word) where has_table_privilege(c.oid, r.word)))
        from pg_class c where c.relnamespace = n.oid and c.relkind = 'r'), '{}')
    ) from pg_namespace n where n.nspname = 'reconciler')
) as facts
