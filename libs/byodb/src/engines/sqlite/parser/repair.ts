import { literal } from '../sql.js';
import { parseTable, type Clause, type TableText } from './parse.js';
import { isSymbol, isWord, listAt, replaceTokens, sameName, tokenize, type Token } from './tokens.js';

/**
 * Texts in double quotes. SQLite takes a quoted name that is no column for a text where its build allows it, as the
 * sqlite3 tool
 * and Python do; this build, which must make the same table again, does not
 * (https://www.sqlite.org/quirks.html#dblquote).
 * So such words are read, and written, as the texts that they are.
 */
export function repairTable(sql: string): string {
  const text = parseTable(sql);
  if (text === null) return sql;
  const clauses = [...text.columns.flatMap((column) => column.clauses), ...text.constraints].filter(isExpression);
  return clauses.reduce((repaired, { text: span }) => repaired.replace(span, () => repairExpression(span, text)), sql);
}

/** An index over the table of that text. */
export function repairIndex(sql: string, table: TableText): string {
  const all = tokenize(sql);
  const on = all.findIndex((t) => isWord(t, 'on'));
  // A term that is nothing but a name is always a column.
  const names = listAt(
    all,
    all.findIndex((t, i) => i > on && isSymbol(t, '(')),
  ).flatMap(([term]) => term?.start ?? []);
  return replaceTokens(sql, (token, i, tokens) =>
    i > on + 1 && !names.includes(token.start) && isText(token, i, tokens, table) ? literal(token.value) : null,
  );
}

function isExpression(clause: Clause): boolean {
  return (
    clause.kind === 'check' ||
    clause.kind === 'generated' ||
    (clause.kind === 'default' && /^default\s*\(/i.test(clause.body))
  );
}

function repairExpression(sql: string, table: TableText): string {
  const open = tokenize(sql).findIndex((t) => isSymbol(t, '('));
  return replaceTokens(sql, (token, i, tokens) =>
    i > open && isText(token, i, tokens, table) ? literal(token.value) : null,
  );
}

function isText(token: Token, i: number, tokens: Token[], table: TableText): boolean {
  if (token.kind !== 'quoted' || token.text[0] !== '"') return false;
  if (
    isSymbol(tokens[i + 1], '.') ||
    isSymbol(tokens[i + 1], '(') ||
    isSymbol(tokens[i - 1], '.') ||
    isWord(tokens[i - 1], 'collate')
  )
    return false;
  return ![...table.columns.map((c) => c.name), 'rowid', '_rowid_', 'oid'].some((name) => sameName(name, token.value));
}
