import { findColumn, isAside, type LiveTable } from '../../../live.js';
import type { IndexColumn, LiveIndex } from '../../../schema/table-index.js';
import { sourceOf } from '../introspect.js';
import { parseIndex } from '../parser/parse.js';
import { closing, isName, isSymbol, isWord, listAt, tokenize, type Token } from '../parser/tokens.js';

/** Those that CREATE INDEX made; what a constraint brought along has no text. */
export function indexes(live: LiveTable): LiveIndex[] {
  return sourceOf(live).indexes.flatMap((sql) => {
    const columns = membersOf(live, sql);
    const { name, unique } = parseIndex(sql);
    if (columns === null || isAside(name) || columns.some((column) => isAside(column.name))) return [];
    return [{ name, columns, unique, valid: true }];
  });
}

/**
 * Null: it is made of more than columns, of one of them twice, of those that it sorts by a collation of its own, or not
 * of all rows.
 */
export function membersOf(live: LiveTable, sql: string): IndexColumn[] | null {
  const tokens = tokenize(sql);
  const on = tokens.findIndex((token) => isWord(token, 'on'));
  const open = tokens.findIndex((token, i) => i > on && isSymbol(token, '('));
  if (open < 0 || closing(tokens, open) < tokens.length - 1) return null;
  const members: IndexColumn[] = [];
  for (const term of listAt(tokens, open)) {
    const member = memberOf(live, term);
    if (member === null || members.some(({ name }) => name === member.name)) return null;
    members.push(member);
  }
  return members;
}

/** A name that no column has is a text to some builds of SQLite: then it is an expression. */
function memberOf(live: LiveTable, [name, order, ...more]: Token[]): IndexColumn | null {
  if (name === undefined || more.length > 0) return null;
  const isPlain = (name.kind === 'string' || isName(name)) && (order === undefined || isWord(order, 'asc', 'desc'));
  const column = isPlain ? findColumn(live, name.value) : undefined;
  return column === undefined ? null : { name: column.name, order: isWord(order, 'desc') ? 'desc' : 'asc' };
}
