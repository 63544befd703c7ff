import type { Need } from '../../ddl.js';
import { DatabaseError } from '../../errors.js';
import { isAside, type LiveTable } from '../../live.js';
import type { Row } from './driver/pooled-client.js';
import { sourceOf, type Item, type Reference, type Source } from './items/table-items.js';
import { quote, quoteAll } from './sql.js';

/** $1: numbers of tables; $2: names in our schema. */
const TABLES_SQL = `
select c.oid::bigint as oid, case when n.nspname <> current_schema() then n.nspname end as schema, c.relname as name,
  (select json_object_agg(a.attname, a.attnum) from pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
  (select json_agg((i.indkey::int2[])[0:i.indnkeyatts - 1]) from pg_index i
    where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate
      and i.indpred is null and i.indexprs is null) as keys
from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p')
  and (c.oid = any ($1::bigint[]) or (n.nspname = current_schema() and c.relname = any ($2::text[])))`;

interface Found {
  oid: number;
  schema: string | null;
  name: string;
  columns: Record<string, number>;
  keys: number[][] | null;
}

/** The table with its foreign keys told in the names that what they refer to has by now. */
export async function followReferences(
  query: (sql: string, values: unknown[]) => Promise<Row[]>,
  was: LiveTable,
): Promise<LiveTable> {
  const source = sourceOf(was);
  const referring = source.items.flatMap(({ refers }) => (refers === undefined || refers.self ? [] : [refers]));
  if (referring.length === 0) return was;
  const rows = await query(TABLES_SQL, [
    referring.map((r) => r.oid),
    referring.filter((r) => r.schema === null).map((r) => r.table),
  ]);
  const found = rows.map((row) => ({ ...row, oid: Number(row['oid']) }) as unknown as Found);
  const items = source.items.map((item) =>
    item.refers === undefined || item.refers.self
      ? item
      : { ...item, refers: follow(item, item.refers, found, was.name) },
  );
  return { ...was, source: JSON.stringify({ ...source, items }) };
}

function follow(item: Item, refers: Reference, found: readonly Found[], table: string): Reference {
  const of = `foreign key ${item.name} of ${table}`;
  const missing = (what: string, todo: string): never => {
    throw new DatabaseError(
      'dependents_exist',
      `${of} is to come back, and ${what}, to which it refers, is not there: ${todo}`,
      { details: { missing: what, of } },
    );
  };
  // Set aside is as good as gone. Its owner may have made it anew under its name.
  const same = found.find((one) => one.oid === refers.oid && !isAside(one.name));
  const parent = same ?? found.find((one) => one.schema === refers.schema && one.name === refers.table);
  if (parent === undefined) return missing(`table ${refers.table}`, 'bring that back first');
  const columns = refers.columns.map((name, i) => {
    const now =
      parent === same
        ? Object.entries(parent.columns).find(([, number]) => number === refers.numbers[i])?.[0]
        : undefined;
    const called = now ?? (name in parent.columns ? name : undefined);
    return called === undefined || isAside(called)
      ? missing(`column ${name} of ${parent.name}`, 'bring that back first')
      : called;
  });
  const numbers = columns.map((name) => parent.columns[name]!);
  const sorted = (list: readonly number[]): string => [...list].sort((a, b) => a - b).join();
  if (!(parent.keys ?? []).some((key) => sorted(key) === sorted(numbers)))
    missing(`a primary key or unique constraint over ${columns.join(', ')} of ${parent.name}`, 'make it again first');
  return { ...refers, oid: parent.oid, schema: parent.schema, table: parent.name, columns, numbers };
}

/**
 * A foreign key of what is set aside would go on acting: refuse the parent's owner, or take rows along. One to its own
 * table has nobody to act on when all of it goes.
 */
export function foreignKeys(source: Source): Item[] {
  return source.items.filter((item) => item.kind === 'foreign key' && item.refers?.self !== true);
}

/**
 * Where the rows stand until then: quoted, or joined with what is kept; `valued` tells where the value of one of its
 * columns is; `column`: the one that comes back.
 */
export interface Rows {
  from: string;
  valued: (column: string) => string;
  column: string | null;
}

/** What foreign keys and checks that come back need: what they refer to, and no rows that do not fit. */
export function needsOf(items: readonly Item[], table: string, { from, valued, column }: Rows): Need[] {
  return items.flatMap((item): Need[] => {
    const { refers, condition } = item;
    if (condition !== undefined && column !== null) {
      const whole =
        '(select ' +
        `${[...new Set(item.mentions)].map((name) => `${valued(name)} as ${quote(name)}`).join(', ')} from ` +
        `${from}) ${quote(table)}`;
      return [{ need: 'no_rows', from: whole, like: `not (${condition})`, of: `check ${item.name} of ${table}` }];
    }
    if (refers === undefined || !refers.valid || refers.self) return [];
    const of = `foreign key ${item.name} of ${table}`;
    const parent = `${refers.schema === null ? '' : `${quote(refers.schema)}.`}${quote(refers.table)}`;
    const values = item.columns.map(valued);
    const orphan =
      `not exists (select 1 from ${parent} _saga_parent where ` +
      `${refers.columns.map((column, i) => `_saga_parent.${quote(column)} = ${values[i]}`).join(' and ')})`;
    const some = values.map((value) => `${value} is not null`);
    const like =
      refers.match === 'f'
        ? `(${some.join(' or ')}) and not (${some.join(' and ')} and not ${orphan})`
        : `${some.join(' and ')} and ${orphan}`;
    const there: Need[] =
      refers.schema === null ? [{ need: 'table', table: refers.table, columns: refers.columns, of }] : [];
    return [...there, { need: 'no_rows', from, like, of }];
  });
}

const ACTIONS: Record<string, string> = { r: 'restrict', c: 'cascade', n: 'set null', d: 'set default' };

/**
 * What makes a foreign key of a table that is called `table` by now; `named` tells the names of its own columns by now.
 */
export function foreignKeyClause(
  item: Item,
  table: string,
  named: (column: string) => string = (name) => name,
): string {
  const { refers } = item;
  if (refers === undefined) return item.definition;
  const to = refers.self
    ? quote(table)
    : `${refers.schema === null ? '' : `${quote(refers.schema)}.`}${quote(refers.table)}`;
  const own = (columns: readonly string[]): string => quoteAll(columns.map(named));
  const others = refers.self ? own(refers.columns) : quoteAll(refers.columns);
  return [
    `foreign key (${own(item.columns)}) references ${to} (${others})`,
    ...(refers.match === 'f' ? ['match full'] : []),
    ...(refers.onUpdate === 'a' ? [] : [`on update ${ACTIONS[refers.onUpdate]}`]),
    ...(refers.onDelete === 'a' ? [] : [`on delete ${ACTIONS[refers.onDelete]}`]),
    ...(refers.onDelete === 'a' || refers.onDeleteColumns.length === 0 ? [] : [`(${own(refers.onDeleteColumns)})`]),
    ...(refers.deferrable ? [`deferrable${refers.deferred ? ' initially deferred' : ''}`] : []),
    ...(refers.valid ? [] : ['not valid']),
  ].join(' ');
}
