import type { Other } from '../../engine.js';
import { isAside, isReserved, RESERVED } from '../../live.js';
import type { Querying } from './driver/querying.js';
import { literal } from './sql.js';

/** Tables as information_schema calls them; the second has WITH SYSTEM VERSIONING. */
export const KINDS = ['BASE TABLE', 'SYSTEM VERSIONED'];

export async function listTables(session: Querying): Promise<string[]> {
  const rows = await session.query(
    'select table_name as name from information_schema.tables where table_schema = database() and ' +
      `table_type in (${KINDS.map(literal).join(', ')}) order by table_name`,
  );
  return rows.map((r) => String(r['name'])).filter((n) => !isAside(n));
}

/** Views, sequences, and whatever else has a table's name. Temporary tables are their own session's alone. */
export async function listOthers(session: Querying): Promise<Other[]> {
  const rows = await session.query(
    'select table_name as name, table_type as type from information_schema.tables where table_schema = ' +
      'database() order by table_name',
  );
  return rows
    .map((row) => ({ name: String(row['name']), type: String(row['type']) }))
    .filter(({ name, type }) => isReserved(name) || (!isAside(name) && !KINDS.includes(type)))
    .map(({ name, type }) => {
      if (KINDS.includes(type)) return { name, kind: 'table', reason: RESERVED };
      const kind = type.includes('VIEW') ? 'view' : type.toLowerCase();
      return { name, kind, reason: `it is a ${kind}` };
    });
}
