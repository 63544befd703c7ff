import {
  builtElsewhere,
  DatabaseError,
  engineOf,
  ENGINE_NAMES,
  uniqueName,
  type Engine,
  type EngineName,
} from '#byodb';
import { indexesOf, type Table } from '../table/table.js';

/** Statements that build the table anew, by engine; none, and in `missing` the reason, where an engine cannot. */
export function ddlOf(table: Table): {
  ddl: Record<EngineName, string[]>;
  missing: Partial<Record<EngineName, string>>;
} {
  const ddl: Record<EngineName, string[]> = { postgres: [], mysql: [], sqlite: [] };
  const missing: Partial<Record<EngineName, string>> = {};
  const unique = (column: string): string =>
    uniqueName(
      table.table_id,
      table.columns.findIndex((c) => c.name === column),
    );
  for (const name of ENGINE_NAMES) {
    const engine = engineOf(name);
    const reason = table.exists ? refusal(engine, table) : 'the table is not there';
    try {
      if (reason === null) ddl[name] = building(engine, table, unique);
      else missing[name] = reason;
    } catch (error) {
      // What was read of a column may be more than the engine's renderers print.
      if (!(error instanceof DatabaseError)) throw error;
      missing[name] = error.message;
    }
  }
  return { ddl, missing };
}

/** Why the engine cannot build the table with its indexes; null: it can. */
function refusal(engine: Engine, table: Table): string | null {
  const portable = table.columns.filter((column) => column.type !== 'native');
  const [unindexable = null] = indexesOf(table).flatMap((index) => engine.refusesIndex(portable, index) ?? []);
  return builtElsewhere(table.columns, engine.name) ?? engine.refuses(portable) ?? unindexable;
}

function building({ ddl }: Engine, table: Table, uniqueName: (column: string) => string): string[] {
  const made = ddl.createTable(table.name, table.columns, table.table_id, uniqueName);
  const statements = [...made.statements];
  let { live } = made;
  for (const index of indexesOf(table)) {
    if (live === null) break;
    const [as = index.name] = index.called;
    const done = ddl.createIndex(live, index, as, false);
    statements.push(...done.statements);
    live = done.live;
  }
  return statements;
}
