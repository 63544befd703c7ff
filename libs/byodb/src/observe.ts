import { compareColumn } from './expectation.js';
import type { Connection, Engine } from './engine.js';
import { findColumn, foldName, isAside, type LiveColumn, type LiveTable } from './live.js';
import { MAX_STRING, type Column } from './schema.js';

/**
 * A live table's columns as history writes them, in the order in which they stand; what the project set aside is left out. A
 * column that the engine keeps as one of `known` was asked for is given as that one. Pure.
 */
export function observe(engine: Engine, live: LiveTable, known: Column[] = []): Column[] {
  return live.columns.filter((column) => !isAside(column.name)).map((column) => {
    const isKey = live.primaryKey.some((name) => foldName(name) === foldName(column.name));
    return known.find((asked) => asked.name === column.name && asked.primary_key === isKey && compareColumn(engine, asked, live) === null) ?? observed(engine, live, column, isKey);
  });
}

function observed(engine: Engine, live: LiveTable, column: LiveColumn, isKey: boolean): Column {
  const portable = column.type !== null && (column.length ?? 0) <= MAX_STRING;
  const raw = column.default !== null && 'raw' in column.default ? column.default.raw : null;
  return {
    name: column.name, type: portable ? column.type! : 'native',
    length: portable ? column.length : null, precision: portable ? column.precision : null, scale: portable ? column.scale : null,
    nullable: column.nullable, default: column.default !== null && 'value' in column.default ? column.default.value : null,
    primary_key: isKey, generated: column.generated,
    unique: live.uniques.some((u) => u.columns.length === 1 && findColumn(live, u.columns[0]!) === column),
    ...(portable && raw === null ? {} : { native: { engine: engine.name, ...(portable ? {} : { type: column.native }), ...(raw === null ? {} : { default: raw }) } }),
  };
}

/** What stands under each of these names now, without locks; null: no table. */
export async function observeTables(connection: Connection, tables: { name: string; known?: Column[] }[]): Promise<(Column[] | null)[]> {
  return connection.look(async (session) => {
    const found: (Column[] | null)[] = [];
    for (const { name, known } of tables) {
      const live = await session.introspect(name);
      found.push(live === null ? null : observe(connection.engine, live, known));
    }
    return found;
  });
}
