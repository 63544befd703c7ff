import { DatabaseError } from '../../errors.js';
import { findColumn, type LiveTable } from '../../live.js';
import { sameType, type Column } from '../../schema/column.js';
import type { Dependent } from '../../session.js';
import { findDependents } from './dependents.js';
import type { Row } from './driver/pooled-client.js';
import { columnOf } from './items/table-items.js';
import { quote, whole } from './sql.js';
import { nativeType } from './types.js';

/**
 * $1: table, $2: column, $3: type. Indexes over the column whose operator class takes no such type, nor does the usual
 * one of their method.
 */
const CLASSES_SQL = `
select distinct ic.relname as name
from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid
  join pg_index i on i.indrelid = c.oid
  join pg_class ic on ic.oid = i.indexrelid,
  unnest(i.indkey::int2[], i.indclass::oid[]) k (number, class)
  join pg_opclass oc on oc.oid = k.class
where n.nspname = current_schema() and c.relname = $1 and a.attname = $2 and k.number = a.attnum
  and not exists (
    select from pg_opclass fit
    where fit.opcmethod = oc.opcmethod and (fit.oid = oc.oid or oc.opcdefault and fit.opcdefault)
      and (fit.opcintype = $3::regtype or exists (
        select from pg_cast
        where castsource = $3::regtype and casttarget = fit.opcintype and castmethod = 'b' and castcontext = 'i')))`;

/** $1: table, $2: column. What PostgreSQL reads anew when the type changes; \`holds\`: a condition. */
const EXPRESSIONS_SQL = `
with t as (
  select c.oid, a.attnum
  from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid
  where n.nspname = current_schema() and c.relname = $1 and a.attname = $2
)
select 'check' as kind, con.conname as name, pg_get_expr(con.conbin, con.conrelid) as expression, true as holds
from pg_constraint con, t
where con.conrelid = t.oid and con.contype = 'c' and t.attnum = any (con.conkey)
union all
select 'index', i.indexrelid::regclass::text, pg_get_expr(i.indpred, i.indrelid), true
from pg_index i, t
where i.indrelid = t.oid and i.indpred is not null
union all
select 'index', i.indexrelid::regclass::text, pg_get_expr(i.indexprs, i.indrelid), false
from pg_index i, t
where i.indrelid = t.oid and i.indexprs is not null`;

type Query = (sql: string, values?: unknown[]) => Promise<Row[]>;

/** See \`Session.forbidding\`. */
export async function findForbidding(
  query: Query,
  live: LiveTable,
  from: Column | null,
  to: Column,
): Promise<Dependent[]> {
  if (from === null) return to.default === null && !to.generated ? [] : rowTypeHolders(query, live.name);
  // One that is to come back before it: nothing hangs on it yet.
  if (sameType(from, to) || findColumn(live, from.name) === undefined) return [];
  const column = columnOf(live, from.name).name;
  const found: Dependent[] = (await query(CLASSES_SQL, [live.name, column, nativeType(to)])).map(({ name }) => ({
    kind: 'index',
    name: String(name),
  }));
  for (const { kind, name, expression, holds } of await query(EXPRESSIONS_SQL, [live.name, column])) {
    const read =
      holds === true ? `case when ${whole(String(expression))} then 1 end` : `row(${whole(String(expression))})`;
    if (!(await canRead(query, `select ${read} from ${asRetyped(live, column, to)}`)))
      found.push({ kind: String(kind), name: String(name) });
  }
  return found;
}

/** A default is written into every row, and PostgreSQL writes none anew of a type that a column elsewhere is of. */
async function rowTypeHolders(query: Query, table: string): Promise<Dependent[]> {
  return (await findDependents(async (sql, values) => query(sql, values), table, null, 'retype')).filter(
    ({ kind }) => kind === 'column',
  );
}

/** No rows of such a table; no value is known beforehand, so that nothing is computed of it. */
function asRetyped(live: LiveTable, column: string, to: Column): string {
  const columns = live.columns.map(
    (c) => `_saga_n::text::${c.name === column ? nativeType(to) : whole(c.native)} as ${quote(c.name)}`,
  );
  return `pg_catalog.generate_series(1, 0) _saga_n, lateral (select ${columns.join(', ')}) as ${quote(live.name)}`;
}

async function canRead(query: Query, sql: string): Promise<boolean> {
  await query('savepoint _saga_read');
  try {
    await query(sql);
    return true;
  } catch (error) {
    // Syntax and types (class 42): no such operator, function or cast; a literal that the type does not know (class
    // 22).
    if (error instanceof DatabaseError && /^(42|22)/.test(String(error.details['sqlstate']))) return false;
    throw error;
  } finally {
    await query('rollback to savepoint _saga_read');
  }
}
