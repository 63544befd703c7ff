import { plainNative } from './columns.js';
import type { LiveColumn, LiveRow, LiveTable } from './compare.js';
import { quote, sql, type Place } from './sql.js';

interface CatalogRow {
  tab: string;
  col: string;
  type: string;
  nullable: boolean | number;
  has_default: boolean | number;
  key: boolean | number;
  uniq: boolean | number;
}

const POSTGRES = `
select c.relname as tab, a.attname as col, format_type(a.atttypid, a.atttypmod) as type,
  not a.attnotnull as nullable, a.atthasdef as has_default,
  exists (select from pg_index i
    where i.indrelid = c.oid and i.indisprimary and a.attnum = any(i.indkey)) as key,
  exists (select from pg_index i
    where i.indrelid = c.oid and i.indisunique and i.indisvalid and not i.indisprimary
      and i.indnatts = 1 and i.indkey[0] = a.attnum) as uniq
from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid
where n.nspname = 'public' and c.relkind in ('r', 'p', 'v', 'm') and a.attnum > 0 and not a.attisdropped
order by c.relname, a.attnum`;

/** Joined with lists that are read once: asked anew for each column, the server is busy with nothing else. */
const MYSQL = `
select c.table_name as tab, c.column_name as col, c.column_type as type, c.is_nullable = 'YES' as nullable,
  c.column_default is not null and c.column_default <> 'NULL' as has_default,
  c.column_key = 'PRI' as \`key\`, u.col is not null as uniq, k.clause is not null as is_json
from information_schema.columns c
  left join (
    select table_name as tab, max(column_name) as col
    from information_schema.statistics
    where table_schema = database() and index_name <> 'PRIMARY'
    group by table_name, index_name
    having count(*) = 1 and max(non_unique) = 0
  ) u on u.tab = c.table_name and u.col = c.column_name
  left join (
    select distinct table_name as tab, lower(check_clause) as clause
    from information_schema.check_constraints
    where constraint_schema = database()
  ) k on k.tab = c.table_name and k.clause = concat('json_valid(\`', lower(c.column_name), '\`)')
where c.table_schema = database()
order by c.table_name, c.ordinal_position`;

const SQLITE = `
select m.name as tab, c.name as col, c.type as type, not c."notnull" as nullable,
  c.dflt_value is not null as has_default, c.pk > 0 as key,
  exists (select 1 from pragma_index_list(m.name) i
    where i."unique" and i.origin <> 'pk' and i.partial = 0
      and (select group_concat(x.name) from pragma_index_info(i.name) x) = c.name) as uniq
from sqlite_schema m, pragma_table_info(m.name) c
where m.type in ('table', 'view') and m.name not like 'sqlite\\_%' escape '\\'
order by m.name, c.cid`;

/** Every table and view in it, set-aside ones included, read with plain SQL. */
export async function readTables(place: Place): Promise<LiveTable[]> {
  const rows = await sql<CatalogRow & { is_json?: number }>(
    place,
    { postgres: POSTGRES, mysql: MYSQL, sqlite: SQLITE }[place.engine],
  );
  const tables = new Map<string, LiveTable>();
  for (const row of rows) {
    const table = tables.get(row.tab) ?? { name: row.tab, columns: [], aside: [] };
    tables.set(row.tab, table);
    const column: LiveColumn = {
      name: row.col,
      native: Number(row.is_json ?? 0) === 1 ? 'json' : plainNative(place.engine, row.type),
      nullable: Boolean(row.nullable),
      unique: Boolean(row.uniq),
      primaryKey: Boolean(row.key),
      hasDefault: Boolean(row.has_default),
    };
    if (isTheirs(row.col)) continue;
    if (isAside(row.col)) table.aside.push(row.col);
    else table.columns.push(column);
  }
  return [...tables.values()].filter(({ name }) => !isTheirs(name));
}

/** What objects.ts puts around managed tables. */
export function isTheirs(name: string): boolean {
  return name.toLowerCase().startsWith('obj_');
}

export function isAside(name: string): boolean {
  return name.toLowerCase().startsWith('_saga_');
}

/** All rows as the engine itself writes them as text. */
export async function readRows(place: Place, table: LiveTable): Promise<LiveRow[]> {
  const q = (name: string): string => quote(place.engine, name);
  const text = (name: string): string =>
    place.engine === 'postgres'
      ? `${q(name)}::text`
      : place.engine === 'mysql'
        ? `cast(${q(name)} as char)`
        : `cast(${q(name)} as text)`;
  return sql<LiveRow>(
    place,
    `select ${table.columns.map((c) => `${text(c.name)} as ${q(c.name)}`).join(', ')} from ${q(table.name)}`,
  );
}
