import type { Reference } from '../items/table-items.js';

/**
 * The whole of one table in one round trip: every step looks twice. Columns of catalogs that not every version has
 * (attcompression, indnullsnotdistinct) are read through to_jsonb, which gives NULL where they are missing.
 */
export const TABLE_SQL = `
with t as (
  select c.*, c.oid as table_oid, n.nspname
  from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = current_schema() and c.relname = $1 and c.relkind in ('r', 'p')
),

keys as (
  -- Constraints, with the index of those that have one.
  select con.oid, con.conname as name, con.contype::text as type, pg_get_constraintdef(con.oid) as definition,
    case when con.contype in ('p', 'u', 'x') then con.conindid end as index_oid,
    con.conkey::int2[] as key, con.confmatchtype = 'f' as match_full,
    obj_description(con.oid, 'pg_constraint') as comment,
    case when con.contype = 'f' then (
      select json_build_object(
        'oid', rc.oid::bigint, 'schema', case when rn.nspname <> t.nspname then rn.nspname end,
        'table', rc.relname, 'self', rc.oid = t.table_oid,
        'columns', (
          select json_agg(a.attname order by x.place)
          from unnest(con.confkey) with ordinality x (number, place)
            join pg_attribute a on a.attrelid = rc.oid and a.attnum = x.number),
        'numbers', con.confkey::int2[], 'match', con.confmatchtype,
        'onUpdate', con.confupdtype, 'onDelete', con.confdeltype,
        'onDeleteColumns', coalesce((
          select json_agg(a.attname order by a.attnum)
          from pg_attribute a
          where a.attrelid = t.table_oid and a.attnum::text in (
            select jsonb_array_elements_text(
              case when jsonb_typeof(to_jsonb(con) -> 'confdelsetcols') = 'array'
                then to_jsonb(con) -> 'confdelsetcols' else '[]' end))), '[]'),
        'deferrable', con.condeferrable, 'deferred', con.condeferred, 'valid', con.convalidated)
      from pg_class rc
        join pg_namespace rn on rn.oid = rc.relnamespace
      where rc.oid = con.confrelid) end as refers,
    case when con.contype = 'c' then pg_get_expr(con.conbin, con.conrelid) end as condition
  from pg_constraint con, t
  where con.conrelid = t.table_oid and con.contype in ('p', 'u', 'x', 'c', 'f')
  union all
  -- Indexes that belong to no constraint.
  select null, ic.relname, 'i',
    -- pg_get_indexdef always names the schema; the table's name is left out, so that it may change.
    substr(pg_get_indexdef(i.indexrelid), length(format('CREATE %sINDEX %I ON %s%I.%I ',
      case when i.indisunique then 'UNIQUE ' else '' end, ic.relname,
      case when ic.relkind = 'I' then 'ONLY ' else '' end, t.nspname, t.relname)) + 1),
    i.indexrelid, (i.indkey::int2[])[0:i.indnkeyatts - 1], false,
    obj_description(i.indexrelid, 'pg_class'), null, null
  from pg_index i
    join pg_class ic on ic.oid = i.indexrelid,
    t
  where i.indrelid = t.table_oid and not exists (
    select from pg_constraint con
    where con.conindid = i.indexrelid and con.contype in ('p', 'u', 'x'))
)

select t.relnatts as width,

  (select json_agg(json_build_object(
      'name', a.attname, 'native', format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull,
      'default', pg_get_expr(d.adbin, d.adrelid),
      'identity', a.attidentity::text, 'generated', a.attgenerated::text,
      'collation', case when a.attcollation <> ty.typcollation then (
        select format('%I.%I', cn.nspname, co.collname)
        from pg_collation co
          join pg_namespace cn on cn.oid = co.collnamespace
        where co.oid = a.attcollation) end,
      'comment', col_description(t.table_oid, a.attnum),
      'acl', (select array_agg(x::text order by x::text collate "C") from unnest(a.attacl) x),
      'statistics', nullif((to_jsonb(a) ->> 'attstattarget')::integer, -1),
      'storage', case when a.attstorage <> ty.typstorage then a.attstorage::text end,
      'compression', nullif(to_jsonb(a) ->> 'attcompression', ''),
      'options', a.attoptions, 'inherited', a.attinhcount > 0,
      -- One that refuses or fills in something, itself or by a domain that it is made of, down to the plain type.
      'domain', case when ty.typtype = 'd' then (
        with recursive up as (
          select ty.oid, ty.typbasetype as base, ty.typtypmod as mod, ty.typnotnull as required,
            ty.typdefault is not null as fills,
            exists (select from pg_constraint dc where dc.contypid = ty.oid) as checks
          union all
          select p.oid, p.typbasetype, p.typtypmod, p.typnotnull,
            p.typdefault is not null,
            exists (select from pg_constraint dc where dc.contypid = p.oid)
          from up
            join pg_type p on p.oid = up.base and p.typtype = 'd'
        )
        select json_build_object(
          'base', (
            select format_type(last.base, last.mod)
            from up last
            where not exists (select from pg_type p where p.oid = last.base and p.typtype = 'd')),
          'notNull', bool_or(required))
        from up
        having bool_or(required or fills or checks)) end,
      'sequences', (
        select json_agg(json_build_object(
            'name', s.relname, 'identity', dep.deptype = 'i',
            'options', json_build_object(
              'type', format_type(q.seqtypid, null), 'start', q.seqstart::text, 'increment', q.seqincrement::text,
              'min', q.seqmin::text, 'max', q.seqmax::text, 'cache', q.seqcache::text, 'cycle', q.seqcycle)
          ) order by s.relname collate "C")
        from pg_depend dep
          join pg_class s on s.oid = dep.objid and s.relkind = 'S'
          join pg_sequence q on q.seqrelid = s.oid
        where dep.classid = 'pg_class'::regclass and dep.refclassid = 'pg_class'::regclass
          and dep.refobjid = t.table_oid and dep.refobjsubid = a.attnum and dep.deptype in ('a', 'i'))
    ) order by a.attnum)
    from pg_attribute a
      join pg_type ty on ty.oid = a.atttypid
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = t.table_oid and a.attnum > 0 and not a.attisdropped) as columns,

  (select json_agg(json_build_object(
      'name', k.name, 'type', k.type, 'definition', k.definition, 'comment', k.comment,
      'match_full', k.match_full, 'refers', k.refers, 'condition', k.condition,
      'columns', (
        select array_agg(a.attname::text order by x.place)
        from unnest(k.key) with ordinality x (number, place)
          join pg_attribute a on a.attrelid = t.table_oid and a.attnum = x.number),
      'mentions', (
        select array_agg(distinct a.attname::text)
        from pg_depend dep
          join pg_attribute a on a.attrelid = t.table_oid and a.attnum = dep.refobjsubid
        where dep.refclassid = 'pg_class'::regclass and dep.refobjid = t.table_oid
          and ((dep.classid = 'pg_constraint'::regclass and dep.objid = k.oid)
            or (dep.classid = 'pg_class'::regclass and dep.objid = k.index_oid))),
      'unique', i.indisunique, 'valid', i.indisvalid, 'clustered', i.indisclustered,
      'replica_identity', i.indisreplident,
      'expression', i.indexprs is not null or i.indpred is not null, 'included', i.indnatts > i.indnkeyatts,
      'nulls_not_distinct', (to_jsonb(i) ->> 'indnullsnotdistinct')::boolean,
      'options', ic.reloptions, 'tablespace', ts.spcname))
    from keys k
      left join pg_index i on i.indexrelid = k.index_oid
      left join pg_class ic on ic.oid = k.index_oid
      left join pg_tablespace ts on ts.oid = ic.reltablespace) as items,

  (select json_agg(json_build_object(
      'name', g.tgname, 'enabled', g.tgenabled::text, 'on_update', g.tgtype & 16 > 0,
      'definition', pg_get_triggerdef(g.oid), 'comment', obj_description(g.oid, 'pg_trigger')))
    from pg_trigger g
    where g.tgrelid = t.table_oid and not g.tgisinternal) as triggers,

  (select json_object_agg(a.attname, a.attnum)
    from pg_attribute a
    where a.attrelid = t.table_oid and a.attnum > 0 and not a.attisdropped) as numbers,

  (select json_agg(a.attname order by x.place)
    from pg_partitioned_table pt,
      unnest(pt.partattrs::int2[]) with ordinality x (number, place)
      left join pg_attribute a on a.attrelid = t.table_oid and a.attnum = x.number and x.number > 0
    where pt.partrelid = t.table_oid) as partition_key,

  (select json_agg(i.inhrelid::regclass::text order by i.inhrelid::regclass::text)
    from pg_inherits i
    where i.inhparent = t.table_oid) as children,

  (select json_agg(json_build_object(
      'name', x.stxname, 'definition', pg_get_statisticsobjdef(x.oid),
      -- The definition between its own name and the table's.
      'what', substr(
        left(pg_get_statisticsobjdef(x.oid), -length(format(' FROM %s', t.table_oid::regclass))),
        length(format('CREATE STATISTICS %I.%I ',
          (select nspname from pg_namespace where oid = x.stxnamespace), x.stxname)) + 1),
      'mentions', (
        select array_agg(a.attname::text)
        from pg_attribute a
        where a.attrelid = t.table_oid and a.attnum in (
          select dep.refobjsubid
          from pg_depend dep
          where dep.classid = 'pg_statistic_ext'::regclass and dep.objid = x.oid
            and dep.refclassid = 'pg_class'::regclass and dep.refobjid = t.table_oid))))
    from pg_statistic_ext x
    where x.stxrelid = t.table_oid) as statistics,

  -- Whatever else there is around the columns.
  (select json_agg(json_build_array(kind, name, definition)) from (
    select 'rule' as kind, r.rulename::text as name,
      json_build_array(pg_get_ruledef(r.oid), r.ev_enabled)::text as definition
    from pg_rewrite r
    where r.ev_class = t.table_oid
    union all
    select 'policy', p.polname, json_build_array(
      p.polcmd, p.polpermissive, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid),
      (select array_agg(case when role = 0 then 'public' else pg_get_userbyid(role)::text end order by 1)
        from unnest(p.polroles) role))::text
    from pg_policy p
    where p.polrelid = t.table_oid
    union all
    select 'inherits', i.inhparent::regclass::text, i.inhseqno::text
    from pg_inherits i
    where i.inhrelid = t.table_oid
    union all
    select 'publication', pub.pubname, ''
    from pg_publication_rel pr
      join pg_publication pub on pub.oid = pr.prpubid
    where pr.prrelid = t.table_oid
    union all
    select 'comment', '', obj_description(t.table_oid, 'pg_class')
    where obj_description(t.table_oid, 'pg_class') is not null
    union all
    select 'table', '', json_build_object(
      'owner', pg_get_userbyid(t.relowner),
      'grants', (select array_agg(x::text order by x::text collate "C") from unnest(t.relacl) x),
      'row_security', t.relrowsecurity, 'force_row_security', t.relforcerowsecurity,
      'persistence', t.relpersistence, 'replica_identity', t.relreplident, 'options', t.reloptions,
      'partition_key', case when t.relkind = 'p' then pg_get_partkeydef(t.table_oid) end,
      'partition', case when t.relispartition then pg_get_expr(t.relpartbound, t.table_oid) end,
      'type', case when t.reloftype <> 0 then format_type(t.reloftype, null) end,
      'tablespace', (select spcname from pg_tablespace ts where ts.oid = t.reltablespace),
      'method', (select amname from pg_am am where am.oid = t.relam))::text
  ) other) as extras
from t`;

export interface ColumnRow {
  name: string;
  native: string;
  not_null: boolean;
  default: string | null;
  identity: string;
  generated: string;
  collation: string | null;
  comment: string | null;
  acl: string[] | null;
  statistics: number | null;
  storage: string | null;
  compression: string | null;
  options: string[] | null;
  inherited: boolean;
  domain: { base: string; notNull: boolean } | null;
  sequences: { name: string; identity: boolean; options: Record<string, unknown> }[] | null;
}

export interface ItemRow {
  name: string;
  type: 'p' | 'u' | 'x' | 'c' | 'f' | 'i';
  definition: string;
  comment: string | null;
  match_full: boolean;
  columns: string[] | null;
  mentions: string[] | null;
  unique: boolean | null;
  valid: boolean | null;
  clustered: boolean | null;
  replica_identity: boolean | null;
  expression: boolean;
  included: boolean | null;
  nulls_not_distinct: boolean | null;
  options: string[] | null;
  tablespace: string | null;
  refers: Reference | null;
  condition: string | null;
}

export interface TableRow {
  columns: ColumnRow[] | null;
  items: ItemRow[] | null;
  triggers: { name: string; enabled: string; on_update: boolean; definition: string; comment: string | null }[] | null;
  statistics: { name: string; definition: string; what: string; mentions: string[] | null }[] | null;
  extras: [kind: string, name: string, definition: string][] | null;
  numbers: Record<string, number> | null;
  width: number;
  partition_key: (string | null)[] | null;
  children: string[] | null;
}
