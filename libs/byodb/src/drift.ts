import type { Connection } from './engine.js';
import { differencesIn } from './expectation.js';
import { findColumn, foldName, isAside } from './live.js';
import type { Managed } from './schema/table-index.js';

/** A table as history knows it. `beside`: columns that somebody else added and that were accepted. */
export interface Known extends Managed {
  table_id: string;
  table: string;
  beside?: string[];
}

/**
 * Where a database is not what history says. `missing`: the table is not there; `added`: nobody here made it;
 * `changed`: column by column (null: the table as a whole).
 */
export interface Drift {
  kind: 'missing' | 'added' | 'changed';
  table: string;
  table_id: string | null;
  differences: { column: string | null; expected: string; found: string }[];
}

/** Looks, without locks. What the project set aside itself is no drift. */
export async function findDrift(connection: Connection, known: Known[]): Promise<Drift[]> {
  const names = await connection.tables();
  const tables = new Set(known.map(({ table }) => foldName(table)));
  const added = names
    .filter((name) => !tables.has(foldName(name)))
    .map((table): Drift => ({
      kind: 'added',
      table,
      table_id: null,
      differences: [{ column: null, expected: 'no table', found: 'a table' }],
    }));
  const others = await connection.look(async (session) => {
    const found: Drift[] = [];
    for (const { table_id, table, columns, indexes, beside = [] } of known) {
      const live = await session.introspect(table);
      if (live === null) {
        found.push({
          kind: 'missing',
          table,
          table_id,
          differences: [{ column: null, expected: 'a table', found: 'no table' }],
        });
        continue;
      }
      const differences = differencesIn(connection.engine, { table, columns, indexes }, live).map(
        ({ column, expected, found: is }) => ({ column, expected, found: is }),
      );
      const managed = new Set(columns.map(({ name }) => foldName(name)));
      const accepted = new Set(beside.map(foldName));
      for (const { name, native } of live.columns) {
        const key = foldName(name);
        if (!isAside(name) && !accepted.has(key) && !managed.has(key))
          differences.push({ column: name, expected: 'no column', found: `a column of type ${native}` });
      }
      const order = live.columns.map(({ name }) => name).filter((name) => managed.has(foldName(name)));
      const kept = columns.filter((c) => findColumn(live, c.name) !== undefined).map((c) => c.name);
      if (order.map(foldName).join() !== kept.map(foldName).join())
        differences.push({
          column: null,
          expected: `columns in the order ${kept.join(', ')}`,
          found: order.join(', '),
        });
      if (differences.length > 0) found.push({ kind: 'changed', table, table_id, differences });
    }
    return found;
  });
  return [...others, ...added];
}
