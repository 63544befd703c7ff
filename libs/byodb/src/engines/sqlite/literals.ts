import { parseTable, type Clause } from './parse.js';
import { isWord, literal, replaceTokens, sameName, tokenize, type Token } from './tokens.js';

/** Names of the collations that a text of the schema uses. */
export function collationsIn(sql: string): string[] {
  const tokens = tokenize(sql);
  return tokens.flatMap((token, i) => (isWord(tokens[i - 1], 'collate') ? [token.value] : []));
}

/**
 * Programs that are built so take a word in double quotes for a text where no column has that name
 * (https://www.sqlite.org/quirks.html, "Double-quoted String Literals Are Accepted"); this one is not. In a table's text such words
 * stand in defaults, checks and generated columns.
 */
export function singleQuoted(sql: string): string {
  const text = parseTable(sql);
  if (text === null) return sql;
  const spans = textSpans(sql, [...text.columns.flatMap((c) => c.clauses), ...text.constraints]);
  const columns = text.columns.map((c) => c.name);
  return replaceTokens(sql, (token, i, tokens) => (spans.has(i) && isText(token, tokens[i - 1], tokens[i + 1], columns) ? literal(token.value) : null));
}

/** The first such text, as it stands; null: there is none. */
export function doubleQuotedText(sql: string): string | null {
  return singleQuoted(sql) === sql ? null : tokenize(sql).find((token) => token.text.startsWith('"') && !singleQuoted(sql).includes(token.text))?.text ?? '""';
}

function isText(token: Token, before: Token | undefined, after: Token | undefined, columns: string[]): boolean {
  if (token.kind !== 'quoted' || !token.text.startsWith('"') || isWord(before, 'collate', 'constraint')) return false;
  return before?.text !== '.' && after?.text !== '.' && after?.text !== '(' && !columns.some((name) => sameName(name, token.value));
}

/** The positions of the tokens of defaults, checks and generated columns. */
function textSpans(sql: string, clauses: readonly Clause[]): Set<number> {
  const wanted = clauses.filter(({ kind }) => kind === 'default' || kind === 'check' || kind === 'generated');
  const tokens = tokenize(sql);
  const found = new Set<number>();
  for (const { body } of wanted) {
    const inside = tokenize(body);
    const start = tokens.findIndex((_, i) => inside.every((token, j) => tokens[i + j]?.text === token.text));
    if (start !== -1) for (let i = 0; i < inside.length; i++) found.add(start + i);
  }
  return found;
}
