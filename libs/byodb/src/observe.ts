import type { Connection, Engine } from './engine.js';
import { compareColumn } from './expectation.js';
import { adoptableIndexes, indexesFound, withoutOwnIndexes } from './live-indexes.js';
import { findColumn, foldName, isAside, type LiveColumn, type LiveTable } from './live.js';
import { MAX_STRING, type Column } from './schema/column.js';
import type { Index, Managed } from './schema/table-index.js';

/**
 * A live table's columns as history writes them, in the order in which they stand; what the project set aside is left
 * out. A
 * column that the engine keeps as one of `known` was asked for is given as that one. Pure.
 */
export function observe(engine: Engine, live: LiveTable, known: Column[] = []): Column[] {
  const columns = live.columns.filter((column) => !isAside(column.name));
  const key = live.primaryKey.filter((name) => !isAside(name)).map(foldName);
  const inOrder =
    key.join() ===
    columns
      .map((c) => foldName(c.name))
      .filter((name) => key.includes(name))
      .join();
  return columns.map((column) => {
    const at = key.indexOf(foldName(column.name));
    const seen = {
      ...observed(engine, live, column),
      primary_key: at !== -1,
      ...(at === -1 || inOrder ? {} : { key_place: at + 1 }),
    };
    return (
      known.find(
        (k) =>
          k.name === seen.name &&
          k.primary_key === seen.primary_key &&
          k.key_place === seen.key_place &&
          compareColumn(engine, k, live) === null,
      ) ?? seen
    );
  });
}

function observed(engine: Engine, live: LiveTable, column: LiveColumn): Omit<Column, 'primary_key'> {
  const fits = (column.length ?? 0) <= MAX_STRING && engine.isOwn?.(column, live) !== true;
  const type = fits ? column.type : null;
  const portable = type !== null;
  const raw = column.default !== null && 'raw' in column.default ? column.default.raw : null;
  return {
    name: column.name,
    type: type ?? 'native',
    length: portable ? column.length : null,
    precision: portable ? column.precision : null,
    scale: portable ? column.scale : null,
    nullable: column.nullable,
    default: column.default !== null && 'value' in column.default ? column.default.value : null,
    generated: column.generated,
    unique: live.uniques.some(
      (u) => u.columns.length === 1 && u.columns.every((name) => findColumn(live, name) === column),
    ),
    ...(portable && raw === null
      ? {}
      : {
          native: {
            engine: engine.name,
            ...(portable ? {} : { type: column.native }),
            ...(raw === null ? {} : { default: raw }),
          },
        }),
  };
}

/**
 * What stands under each of these names now, without locks; null: no table. With `known`, its managed indexes as they
 * are found, without what others added; else all that it brings along.
 */
export async function observeTables(
  connection: Connection,
  tables: { name: string; known?: Managed }[],
): Promise<(Managed | null)[]> {
  return connection.look(async (session) => {
    const found: (Managed | null)[] = [];
    for (const { name, known } of tables) {
      const live = await session.introspect(name);
      found.push(live === null ? null : managedIn(connection.engine, live, known));
    }
    return found;
  });
}

function managedIn(engine: Engine, live: LiveTable, known: Managed | undefined): Managed {
  const indexes: Index[] =
    known === undefined ? adoptableIndexes(engine, live) : indexesFound(engine, live, known.indexes);
  return { columns: observe(engine, withoutOwnIndexes(engine, live, indexes), known?.columns), indexes };
}
