import type { Other } from '../../engine.js';
import { isAside, isReserved, RESERVED } from '../../live.js';
import type { SqliteSession } from './session.js';

export async function listTables(session: SqliteSession): Promise<string[]> {
  const rows = await session.query(
    "select name from pragma_table_list where schema = 'main' and type = 'table' and name not like " +
      "'sqlite\\_%' escape '\\' and name not like '\\_saga\\_%' escape '\\' order by name",
  );
  return rows.map((row) => String(row['name']));
}

/** Virtual tables, what they keep their content in, views, and tables of reserved names. */
export async function listOthers(session: SqliteSession): Promise<Other[]> {
  const rows = await session.query(
    "select name, type from pragma_table_list where schema = 'main' and name not " +
      "like 'sqlite\\_%' escape '\\' order by name",
  );
  return rows
    .map((row) => ({ name: String(row['name']), type: String(row['type']) }))
    .filter(({ name, type }) => isReserved(name) || (!isAside(name) && type !== 'table'))
    .map(({ name, type }) => {
      if (type === 'table') return { name, kind: type, reason: RESERVED };
      const kind = type === 'shadow' ? 'shadow table' : type === 'virtual' ? 'virtual table' : type;
      return {
        name,
        kind,
        reason: kind === 'shadow table' ? 'it holds the content of a virtual table' : `it is a ${kind}`,
      };
    });
}
