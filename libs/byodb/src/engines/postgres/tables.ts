import type { Other } from '../../engine.js';
import { RESERVED } from '../../live.js';
import type { Session } from '../../session.js';
import { literal } from './sql.js';

/** Whose extension an object is: what an extension made goes and comes with it. */
const EXTENSION = `
  select e.extname
  from pg_depend d
    join pg_extension e on e.oid = d.refobjid
  where d.classid = 'pg_class'::regclass and d.objid = c.oid
    and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
  limit 1`;

/** A partition has no columns of its own; an extension's table is changed by the extension alone. */
const TABLES_SQL = `
select c.relname as name
from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
where n.nspname = current_schema() and c.relkind in ('r', 'p') and not c.relispartition
  and c.relname !~* '^_saga_' and not exists (${EXTENSION})
order by c.relname collate "C"`;

const OTHERS_SQL = `
select name, of, kind,
  case kind
    when 'partition' then format('it is a partition of %s, and follows that table', of)
    when 'inherited table' then format('it inherits from %s, and follows that table', of)
    when 'extension table' then format('it belongs to the extension %s', of)
    when 'table' then ${literal(RESERVED)}
    else format('it is a %s', kind)
  end as reason
from (
  select c.relname as name, coalesce(extension.name, parent.name) as of,
    case
      when extension.name is not null then 'extension table'
      when c.relispartition then 'partition'
      when c.relkind = 'v' then 'view'
      when c.relkind = 'm' then 'materialized view'
      when c.relkind = 'f' then 'foreign table'
      when parent.name is null then 'table'
      else 'inherited table'
    end as kind
  from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    left join lateral (${EXTENSION}) extension (name) on true
    left join lateral (
      select p.relname
      from pg_inherits i
        join pg_class p on p.oid = i.inhparent
      where i.inhrelid = c.oid
      order by i.inhseqno
      limit 1
    ) parent (name) on true
  where n.nspname = current_schema() and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and c.relname !~* '^_saga_([0-9a-f]{32}|(ledger|fences|identity)$)'
    and (c.relkind in ('v', 'm', 'f') or c.relname ~* '^_saga_' or extension.name is not null
      or parent.name is not null)
) found
order by name collate "C"`;

export async function listTables(session: Session): Promise<string[]> {
  return (await session.query(TABLES_SQL)).map((row) => String(row['name']));
}

export async function listOthers(session: Session): Promise<Other[]> {
  const rows = await session.query(OTHERS_SQL);
  return rows.map((row) => ({
    name: String(row['name']),
    kind: String(row['kind']),
    reason: String(row['reason']),
    ...(row['of'] === null ? {} : { of: String(row['of']) }),
  }));
}
