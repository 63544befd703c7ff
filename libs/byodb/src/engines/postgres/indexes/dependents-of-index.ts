import type { LiveTable } from '../../../live.js';
import type { Dependent } from '../../../session.js';
import type { Row } from '../driver/pooled-client.js';

/**
 * $1: table, $2: index. A foreign key hangs on the very index that it was made with, be it a constraint's or not, also
 * where another one would do.
 */
const DEPENDENTS_SQL = `
with x as (
  select i.indexrelid as oid, ic.relname, i.indisreplident
  from pg_index i
    join pg_class ic on ic.oid = i.indexrelid
    join pg_class c on c.oid = i.indrelid
    join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = current_schema() and c.relname = $1 and ic.relname = $2
)
select kind, name from (
  select 'foreign key' as kind, format('%s on %s', con.conname, con.conrelid::regclass) as name
  from x
    join pg_constraint con on con.conindid = x.oid and con.contype = 'f' and con.conparentid = 0
  union
  -- Updates of a published table would be refused without it.
  select 'replica identity', x.relname
  from x
  where x.indisreplident
) found
order by kind collate "C", name collate "C"`;

export async function dependentsOfIndex(
  query: (sql: string, values: unknown[]) => Promise<Row[]>,
  live: LiveTable,
  name: string,
): Promise<Dependent[]> {
  const rows = await query(DEPENDENTS_SQL, [live.name, name]);
  return rows.map((row) => ({ kind: String(row['kind']), name: String(row['name']) }));
}
