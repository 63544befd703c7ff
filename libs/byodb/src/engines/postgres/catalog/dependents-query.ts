/**
 * $1: table, $2: column or null for the table as a whole, $3: what is to be done to it. What PostgreSQL carries along
 * by itself
 * and keeps in its sense is not here: docs/engines/postgres.md has the whole table, and postgres.spec.ts holds it.
 */
export const CATALOG_SQL = `
with recursive t as (
  select c.oid, c.relname, c.reltype, c.reloftype, c.relkind, c.relispartition, a.attnum, a.attname, a.attinhcount
  from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    left join pg_attribute a on a.attrelid = c.oid and a.attname = $2 and a.attnum > 0 and not a.attisdropped
  where n.nspname = current_schema() and c.relname = $1 and c.relkind in ('r', 'p')
    and ($2::text is null or a.attnum is not null)
),

uses as (
  -- What depends on it directly, whatever it is.
  select distinct d.classid, d.objid, d.deptype
  from pg_depend d, t
  where d.refclassid = 'pg_class'::regclass and d.refobjid = t.oid
    and (t.attnum is null or d.refobjsubid = t.attnum)
),

own (classid, objid, objsubid) as (
  -- All that goes when it goes: its indexes, constraints, defaults, sequences, its row type.
  select 'pg_class'::regclass::oid, t.oid, coalesce(t.attnum, 0)::integer from t
  union
  select d.classid, d.objid, d.objsubid
  from own o
    join pg_depend d on d.refclassid = o.classid and d.refobjid = o.objid
      and (o.objsubid = 0 or d.refobjsubid = o.objsubid)
  where d.deptype in ('a', 'i', 'P', 'S')
),

outside as (
  -- What would keep it from being destroyed, or be broken by it.
  select distinct d.classid, d.objid, d.objsubid, o.classid as on_class, o.objid as on_object
  from own o
    join pg_depend d on d.refclassid = o.classid and d.refobjid = o.objid
      and (o.objsubid = 0 or d.refobjsubid = o.objsubid),
    t
  where d.deptype = 'n' and $3 = 'remove'
    and not exists (
      select from own x
      where x.classid = d.classid and x.objid = d.objid and (x.objsubid = 0 or x.objsubid = d.objsubid))
),

tree as (
  -- All that inherits from it, through others too.
  select i.inhrelid as oid, t.attname, t.oid as root
  from pg_inherits i, t
  where i.inhparent = t.oid
  union all
  select i.inhrelid, tree.attname, tree.root
  from tree
    join pg_inherits i on i.inhparent = tree.oid
)

select kind, name from (
  -- Views that read it; rules that do, but a table's own go with the table.
  select case v.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'rule' end as kind,
    case when v.relkind in ('v', 'm') then v.oid::regclass::text
      else format('%s on %s', r.rulename, v.oid::regclass) end as name
  from uses u
    join pg_rewrite r on u.classid = 'pg_rewrite'::regclass and r.oid = u.objid
    join pg_class v on v.oid = r.ev_class,
    t
  where (v.oid <> t.oid or t.attnum is not null) and $3 <> 'rename'

  union
  -- Foreign keys of other tables to the table; all that refer to the column.
  select 'foreign key', format('%s on %s', con.conname, con.conrelid::regclass)
  from pg_constraint con, t
  where con.contype = 'f' and con.confrelid = t.oid and con.conparentid = 0 and $3 <> 'rename'
    and (case when t.attnum is null then con.conrelid <> t.oid else t.attnum = any (con.confkey) end)

  union
  -- Checks that read the column.
  select 'check', con.conname
  from pg_constraint con, t
  where con.contype = 'c' and con.conrelid = t.oid and t.attnum = any (con.conkey) and $3 = 'retype'

  union
  -- Columns that are computed from the column.
  select 'generated column', a.attname
  from uses u
    join pg_attrdef ad on u.classid = 'pg_attrdef'::regclass and ad.oid = u.objid
    join pg_attribute a on a.attrelid = ad.adrelid and a.attnum = ad.adnum,
    t
  where a.attgenerated <> '' and t.attnum is not null and a.attnum <> t.attnum and $3 <> 'rename'

  union
  -- Policies that read it; a table's own go with the table.
  select 'policy', format('%s on %s', p.polname, p.polrelid::regclass)
  from uses u
    join pg_policy p on u.classid = 'pg_policy'::regclass and p.oid = u.objid,
    t
  where (p.polrelid <> t.oid or t.attnum is not null) and $3 <> 'rename'

  union
  -- Functions whose body PostgreSQL has parsed.
  select 'function', p.oid::regprocedure::text
  from uses u
    join pg_proc p on u.classid = 'pg_proc'::regclass and p.oid = u.objid
  where $3 <> 'rename'

  union
  -- By the table's row type: the type itself or an array of it.
  select 'function', p.oid::regprocedure::text
  from pg_depend d
    join pg_proc p on d.classid = 'pg_proc'::regclass and p.oid = d.objid,
    t
  where t.attnum is null and $3 <> 'rename' and d.refclassid = 'pg_type'::regclass
    and d.refobjid in (select ty.oid from pg_type ty where t.reltype in (ty.oid, ty.typelem))

  union
  -- Columns elsewhere that are of its row type.
  select 'column', format('%s of %s', a.attname, a.attrelid::regclass)
  from pg_depend d
    join pg_attribute a on d.classid = 'pg_class'::regclass and a.attrelid = d.objid and a.attnum = d.objsubid,
    t
  where d.refclassid = 'pg_type'::regclass
    and d.refobjid in (select ty.oid from pg_type ty where t.reltype in (ty.oid, ty.typelem))
    and a.attrelid <> t.oid and $3 <> 'rename'

  union
  -- Each would be left behind, or would go on taking rows for a table that nobody sees.
  select case when c.relispartition then 'partition' else 'child table' end, c.oid::regclass::text
  from pg_inherits i
    join pg_class c on c.oid = i.inhrelid,
    t
  where i.inhparent = t.oid and (t.attnum is null and $3 = 'remove' or t.attnum is not null and $3 = 'retype')

  union
  -- A child that has the column of its own, or something on it that the parent's does not tell, would not come back
  -- as it was.
  select distinct case when c.relispartition then 'partition' else 'child table' end, c.oid::regclass::text
  from tree
    join pg_class c on c.oid = tree.oid
    join pg_attribute a on a.attrelid = c.oid and a.attname = tree.attname
    join pg_attribute pa on pa.attrelid = tree.root and pa.attname = tree.attname
    left join pg_attrdef ad on ad.adrelid = c.oid and ad.adnum = a.attnum
    left join pg_attrdef pd on pd.adrelid = tree.root and pd.adnum = pa.attnum
  where $3 = 'remove' and (a.attislocal or a.attinhcount > 1 or a.attnotnull <> pa.attnotnull
    or pg_get_expr(ad.adbin, ad.adrelid) is distinct from pg_get_expr(pd.adbin, pd.adrelid)
    or exists (
      select from pg_depend d
      where d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid and d.refobjsubid = a.attnum
        and d.classid <> 'pg_attrdef'::regclass
        and not exists (
          select from pg_constraint k
          where d.classid = 'pg_constraint'::regclass and k.oid = d.objid and (k.coninhcount > 0 or k.conparentid <> 0))
        and not exists (
          select from pg_inherits ii
          where d.classid = 'pg_class'::regclass and ii.inhrelid = d.objid)))

  union
  -- Renaming would not take the rows out of the parent, and a column that came from it is its own to change.
  select 'parent table', i.inhparent::regclass::text
  from pg_inherits i, t
  where i.inhrelid = t.oid and (t.attnum is null and $3 = 'remove' or t.attinhcount > 0)

  union
  -- What tells a row's partition: the column itself, or an expression over it.
  select 'partition key', t.relname
  from t
    join pg_partitioned_table p on p.partrelid = t.oid
  where t.attnum is not null and $3 <> 'rename' and (t.attnum = any (p.partattrs::int2[])
    or exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = t.oid and d.objsubid = 0
        and d.refclassid = 'pg_class'::regclass and d.refobjid = t.oid and d.refobjsubid = t.attnum))

  union
  -- A table of a type has the type's columns.
  select 'type', format_type(t.reloftype, null)
  from t
  where t.attnum is not null and t.reloftype <> 0

  union
  -- Publications that name the table; those that name the column, or read it to choose rows.
  select 'publication', pub.pubname
  from pg_publication_rel pr
    join pg_publication pub on pub.oid = pr.prpubid,
    t
  where pr.prrelid = t.oid and $3 <> 'rename' and (case when t.attnum is null then $3 = 'remove'
    else t.attnum::text = any (string_to_array(translate(to_jsonb(pr) ->> 'prattrs', '[],', ''), ' '))
      or exists (
        select from uses u
        where u.classid = 'pg_publication_rel'::regclass and u.objid = pr.oid and u.deptype = 'n') end)

  union
  -- Updates of a published table would be refused without it.
  select 'replica identity', ic.relname
  from pg_index i
    join pg_class ic on ic.oid = i.indexrelid,
    t
  where i.indrelid = t.oid and i.indisreplident and t.attnum = any (i.indkey::int2[])
    and t.attnum is not null and $3 = 'remove'

  union
  -- Left by a build that failed: it would be made again from all rows, and those need not fit it.
  select 'invalid index', ic.relname
  from pg_index i
    join pg_class ic on ic.oid = i.indexrelid,
    t
  where i.indrelid = t.oid and not i.indisvalid and t.attnum is not null and $3 <> 'rename'
    and exists (select from uses u where u.classid = 'pg_class'::regclass and u.objid = i.indexrelid)

  union
  -- What an extension made goes with the extension alone.
  select 'extension', e.extname
  from pg_depend d
    join pg_extension e on d.refclassid = 'pg_extension'::regclass and e.oid = d.refobjid,
    t
  where d.classid = 'pg_class'::regclass and d.objid = t.oid and d.deptype = 'e'
    and t.attnum is null and $3 = 'remove'

  union
  -- Triggers that say the column's name outside of their function.
  select 'trigger', g.tgname
  from uses u
    join pg_trigger g on u.classid = 'pg_trigger'::regclass and g.oid = u.objid,
    t
  where t.attnum is not null and not g.tgisinternal and $3 <> 'rename'

  union
  -- Defaults of columns elsewhere, which take their numbers from a sequence that goes with it.
  select 'default', format('%s.%s', ad.adrelid::regclass, a.attname)
  from outside x
    join pg_attrdef ad on x.classid = 'pg_attrdef'::regclass and ad.oid = x.objid
    join pg_attribute a on a.attrelid = ad.adrelid and a.attnum = ad.adnum
  where a.attgenerated = ''

  union
  -- Whatever else there is: PostgreSQL would not destroy what it hangs on.
  select 'object', pg_describe_object(x.classid, x.objid, x.objsubid)
  from outside x
  where x.classid not in (
      'pg_attrdef'::regclass, 'pg_rewrite'::regclass, 'pg_constraint'::regclass, 'pg_policy'::regclass,
      'pg_proc'::regclass, 'pg_publication_rel'::regclass, 'pg_trigger'::regclass)
    and not (x.classid = 'pg_class'::regclass and exists (select from tree where tree.oid = x.objid))
    and not (x.classid = 'pg_class'::regclass and x.on_class = 'pg_type'::regclass)

  union
  -- Foreign keys elsewhere that rest on a key which goes with it.
  select 'foreign key', format('%s on %s', con.conname, con.conrelid::regclass)
  from outside x
    join pg_constraint con on x.classid = 'pg_constraint'::regclass and con.oid = x.objid,
    t
  where con.contype = 'f' and con.conparentid = 0 and con.conrelid <> t.oid
) found
order by kind collate "C", name collate "C"`;

/**
 * Functions whose text could name the table, and those of its triggers; PostgreSQL itself knows nothing of such texts.
 */
export const BODIES_SQL = `
with t as (
  select c.oid
  from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = current_schema() and c.relname = $1 and c.relkind in ('r', 'p')
)
select p.oid::regprocedure::text as name, p.prosrc as body, l.lanname as language,
  (select json_agg(g.tgname) from pg_trigger g, t
    where g.tgfoid = p.oid and g.tgrelid = t.oid and not g.tgisinternal) as triggers
from pg_proc p
  join pg_language l on l.oid = p.prolang
  join pg_namespace n on n.oid = p.pronamespace
where l.lanname not in ('c', 'internal') and to_jsonb(p) ->> 'prosqlbody' is null
  and n.nspname not in ('pg_catalog', 'information_schema')
  and not exists (
    select from pg_depend d
    where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
  and (position(lower($1) in lower(p.prosrc)) > 0
    or exists (
      select from pg_trigger g, t
      where g.tgfoid = p.oid and g.tgrelid = t.oid and not g.tgisinternal))`;
export const ARGUMENTS_SQL = `
select g.tgname as name, encode(g.tgargs, 'hex') as arguments
from pg_trigger g
  join pg_class c on c.oid = g.tgrelid
  join pg_namespace n on n.oid = c.relnamespace
where n.nspname = current_schema() and c.relname = $1 and not g.tgisinternal and g.tgnargs > 0`;
