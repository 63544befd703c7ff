import type { RenderedTable } from '../../../ddl.js';
import { existingColumn, type LiveTable } from '../../../live.js';
import type { Index } from '../../../schema/table-index.js';
import { readSource, sourceOf } from '../introspect.js';
import { parseIndex } from '../parser/parse.js';
import { sameName } from '../parser/tokens.js';
import { retitle } from '../rebuild/edit-text.js';
import { literal, quote } from '../sql.js';

export function createIndex(
  live: LiveTable,
  { columns, unique }: Pick<Index, 'columns' | 'unique'>,
  as: string,
): RenderedTable {
  const members = columns.map(
    ({ name, order }) => `${quote(existingColumn(live, name).name)}${order === 'desc' ? ' DESC' : ''}`,
  );
  const sql = `CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${quote(as)} ON ${quote(live.name)}(${members.join(', ')})`;
  return { statements: [sql], live: withIndexes(live, [...sourceOf(live).indexes, sql]) };
}

export function dropIndex(live: LiveTable, name: string): RenderedTable {
  return { statements: [`drop index ${quote(name)}`], live: withIndexes(live, others(live, name)) };
}

/** SQLite renames no index: it is made again, to the letter but for its name. */
export function renameIndex(live: LiveTable, from: string, to: string): RenderedTable {
  const { indexes, around } = sourceOf(live);
  const renamed = indexes.map((sql) => (isNamed(sql, from) ? retitle(sql, 'index', to) : sql));
  const made = renamed.filter((sql) => !indexes.includes(sql));
  // Else the planner would know nothing of the index until somebody has the file analysed again.
  const counted = (around?.statistics ?? []).map(
    (table) => `update ${quote(table)} set idx = ${literal(to)} where idx = ${literal(from)}`,
  );
  const dropped = dropIndex(live, from).statements;
  return {
    // To SQLite a name that differs in case alone is taken: by the index itself.
    statements: sameName(from, to) ? [...counted, ...dropped, ...made] : [...made, ...counted, ...dropped],
    live: withIndexes(live, renamed),
  };
}

function withIndexes(live: LiveTable, indexes: string[]): LiveTable {
  return { ...readSource({ ...sourceOf(live), indexes }), name: live.name };
}

function others(live: LiveTable, name: string): string[] {
  return sourceOf(live).indexes.filter((sql) => !isNamed(sql, name));
}

function isNamed(sql: string, name: string): boolean {
  return sameName(parseIndex(sql).name, name);
}
