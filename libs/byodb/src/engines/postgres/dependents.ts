import type { Dependent } from '../../engine.js';

/**
 * $1: table, $2: column or null for the table as a whole. What follows a rename by itself and keeps its sense (own indexes, keys,
 * foreign keys, triggers) is not here. Functions are found by their bodies only where PostgreSQL itself knows them.
 */
export const DEPENDENTS_SQL = `
with t as (
  select c.oid, c.relname, c.reltype, c.relispartition, a.attnum, a.attname, a.attinhcount from pg_class c join pg_namespace n on n.oid = c.relnamespace
    left join pg_attribute a on a.attrelid = c.oid and a.attname = $2 and a.attnum > 0 and not a.attisdropped
  where n.nspname = current_schema() and c.relname = $1 and c.relkind in ('r', 'p') and ($2::text is null or a.attnum is not null)
), uses as (
  select distinct d.classid, d.objid, d.deptype from pg_depend d, t where d.refclassid = 'pg_class'::regclass and d.refobjid = t.oid and (t.attnum is null or d.refobjsubid = t.attnum)
)
select kind, name from (
  select case v.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'rule' end as kind,
    case when v.relkind in ('v', 'm') then v.oid::regclass::text else format('%s on %s', r.rulename, v.oid::regclass) end as name
  from uses u join pg_rewrite r on u.classid = 'pg_rewrite'::regclass and r.oid = u.objid join pg_class v on v.oid = r.ev_class, t where v.oid <> t.oid or t.attnum is not null
  union
  select 'foreign key', format('%s on %s', con.conname, con.conrelid::regclass) from pg_constraint con, t
  where con.contype = 'f' and con.confrelid = t.oid and con.conparentid = 0 and (case when t.attnum is null then con.conrelid <> t.oid else t.attnum = any (con.confkey) end)
  union
  select 'check', con.conname from pg_constraint con, t where con.contype = 'c' and con.conrelid = t.oid and t.attnum = any (con.conkey)
  union
  select 'generated column', a.attname from uses u join pg_attrdef ad on u.classid = 'pg_attrdef'::regclass and ad.oid = u.objid
    join pg_attribute a on a.attrelid = ad.adrelid and a.attnum = ad.adnum, t where a.attgenerated <> '' and t.attnum is not null and a.attnum <> t.attnum
  union
  select 'policy', format('%s on %s', p.polname, p.polrelid::regclass) from uses u join pg_policy p on u.classid = 'pg_policy'::regclass and p.oid = u.objid, t
  where p.polrelid <> t.oid or t.attnum is not null
  union
  select 'function', p.oid::regprocedure::text from uses u join pg_proc p on u.classid = 'pg_proc'::regclass and p.oid = u.objid
  union
  -- By the table's row type: the type itself or an array of it.
  select 'function', p.oid::regprocedure::text from pg_depend d join pg_proc p on d.classid = 'pg_proc'::regclass and p.oid = d.objid, t
  where t.attnum is null and d.refclassid = 'pg_type'::regclass and d.refobjid in (select ty.oid from pg_type ty where t.reltype in (ty.oid, ty.typelem))
  union
  select 'column', format('%s of %s', a.attname, a.attrelid::regclass) from pg_depend d
    join pg_attribute a on d.classid = 'pg_class'::regclass and a.attrelid = d.objid and a.attnum = d.objsubid, t
  where d.refclassid = 'pg_type'::regclass and d.refobjid in (select ty.oid from pg_type ty where t.reltype in (ty.oid, ty.typelem)) and a.attrelid <> t.oid
  union
  select case when c.relispartition then 'partition' else 'child table' end, c.oid::regclass::text from pg_inherits i join pg_class c on c.oid = i.inhrelid, t where i.inhparent = t.oid
  union
  -- Renaming would not take the rows out of the parent.
  select 'parent table', i.inhparent::regclass::text from pg_inherits i, t where i.inhrelid = t.oid and (t.attnum is null or t.attinhcount > 0)
  union
  select 'publication', pub.pubname from pg_publication_rel pr join pg_publication pub on pub.oid = pr.prpubid, t
  where pr.prrelid = t.oid and (t.attnum is null or t.attnum::text = any (string_to_array(translate(to_jsonb(pr) ->> 'prattrs', '[],', ''), ' ')))
  union
  -- A trigger's function that names the column would fail at the next insert.
  select 'trigger', g.tgname from pg_trigger g join pg_proc p on p.oid = g.tgfoid, t
  where g.tgrelid = t.oid and not g.tgisinternal and t.attnum is not null
    and p.prosrc ~* ('\\m(new|old)\\.("?)' || regexp_replace(t.attname, '([^[:alnum:]_])', '\\\\\\1', 'g') || '\\M')
) found order by kind collate "C", name collate "C"`;

export function readDependents(rows: readonly Record<string, unknown>[]): Dependent[] {
  return rows.map((row) => ({ kind: String(row['kind']), name: String(row['name']) }));
}
