import type { Dependent, Touch } from '../../session.js';
import { ARGUMENTS_SQL, BODIES_SQL, CATALOG_SQL } from './catalog/dependents-query.js';
import { textsOf } from '../../texts-of.js';
import type { Row } from './driver/pooled-client.js';
import { namesColumn, namesRow, namesTable, tokensOf } from './parser/routine-bodies.js';

type Query = (sql: string, values: unknown[]) => Promise<Row[]>;

export async function findDependents(
  query: Query,
  table: string,
  column: string | null,
  change: Touch,
): Promise<Dependent[]> {
  const known = (await query(CATALOG_SQL, [table, column, change])).map((row) => ({
    kind: String(row['kind']),
    name: String(row['name']),
  }));
  const texts = await inTexts(query, table, column);
  const all = [...known, ...texts].filter(
    (one, i, list) => list.findIndex((other) => other.kind === one.kind && other.name === one.name) === i,
  );
  return all.sort((a, b) => (a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : a.name < b.name ? -1 : 1));
}

async function inTexts(query: Query, table: string, column: string | null): Promise<Dependent[]> {
  const found: Dependent[] = [];
  for (const row of await query(BODIES_SQL, [table])) {
    const [body, triggers] = [String(row['body']), textsOf(row['triggers'] ?? [])];
    const known = row['language'] === 'plpgsql' || row['language'] === 'sql';
    const tokens = tokensOf(body);
    // Of another language no more is known than that it names it.
    const reads = known
      ? namesTable(tokens, table) && (column === null || namesColumn(tokens, column))
      : triggers.length === 0 && body.includes(table) && (column === null || body.includes(column));
    if (reads) found.push({ kind: 'function', name: String(row['name']) });
    if (column === null || triggers.length === 0) continue;
    if (known ? namesRow(tokens, column) : body.includes(column))
      found.push(...triggers.map((name) => ({ kind: 'trigger', name })));
  }
  if (column === null) return found;
  for (const row of await query(ARGUMENTS_SQL, [table])) {
    const values = Buffer.from(String(row['arguments']), 'hex').toString('utf8').split('\0');
    if (values.includes(column)) found.push({ kind: 'trigger', name: String(row['name']) });
  }
  return found;
}
