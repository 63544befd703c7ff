import { foldName } from '../../../live.js';
import { quote } from '../sql.js';

export interface Token {
  /** `quoted`: an identifier in "", `` or []; `string`: a text literal, blobs included. */
  kind: 'word' | 'quoted' | 'string' | 'number' | 'symbol';
  text: string;
  /** Unquoted. */
  value: string;
  start: number;
  end: number;
}

// Every alternative is tried at the current position alone (sticky); trivia first.
const PATTERNS: [Token['kind'] | 'trivia', RegExp][] = [
  // Blanks as SQLite has them: others (U+00A0) are letters of a name to it, and `\s` would take them out of one.
  ['trivia', /[ \t\n\f\r\ufeff]+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$)/y],
  ['string', /[xX]?'(?:[^']|'')*'/y],
  ['quoted', /"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]/y],
  ['number', /0[xX][0-9a-fA-F_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?/y],
  ['word', /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y],
  ['symbol', /[\s\S]/y],
];

/** Splits SQL as SQLite does (https://www.sqlite.org/lang.html); never fails: what it does not know is a symbol. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    for (const [kind, pattern] of PATTERNS) {
      pattern.lastIndex = at;
      const text = pattern.exec(sql)?.[0];
      if (text === undefined) continue;
      if (kind !== 'trivia') tokens.push({ kind, text, value: unquote(kind, text), start: at, end: at + text.length });
      at += text.length;
      break;
    }
  }
  return tokens;
}

function unquote(kind: Token['kind'], text: string): string {
  if (kind === 'quoted') {
    const inner = text.slice(1, -1);
    const mark = text.charAt(0);
    return mark === '[' ? inner : inner.split(mark + mark).join(mark);
  }
  return kind === 'string' && text[0] === "'" ? text.slice(1, -1).split("''").join("'") : text;
}

/** The token at this place; -1: the last one. Errors: TypeError (the text ends before it). */
export function tokenAt(tokens: readonly Token[], place: number): Token {
  const token = tokens.at(place);
  if (token === undefined) throw new TypeError(`a text ends too early: ${tokens.map((t) => t.text).join(' ')}`);
  return token;
}

/** As they stand in their text, from the first to the last; '' for none. */
export function verbatim(sql: string, tokens: readonly Token[]): string {
  return tokens.length === 0 ? '' : sql.slice(tokenAt(tokens, 0).start, tokenAt(tokens, -1).end);
}

/** The token is this word of the language, not a quoted name that looks like it. */
export function isWord(token: Token | undefined, ...words: string[]): boolean {
  return token !== undefined && token.kind === 'word' && words.includes(token.text.toLowerCase());
}

export function isSymbol(token: Token | undefined, symbol: string): boolean {
  return token !== undefined && token.kind === 'symbol' && token.text === symbol;
}

export function sameName(a: string, b: string): boolean {
  return foldName(a) === foldName(b);
}

/** Position of the parenthesis that closes the one at `open`, or the last token where it is missing. */
export function closing(tokens: Token[], open: number): number {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    if (isSymbol(tokens[i], '(')) depth++;
    else if (isSymbol(tokens[i], ')') && --depth === 0) return i;
  }
  return tokens.length - 1;
}

/**
 * An expression's tokens, nothing cut short: parentheses in balance, no end of a statement, no quote or bracket that
 * never closes.
 */
export function balanced(tokens: Token[]): boolean {
  let depth = 0;
  for (const token of tokens) {
    if (isSymbol(token, '(')) depth++;
    if (isSymbol(token, ')') && --depth < 0) return false;
    if (token.kind === 'symbol' && [';', '"', "'", '`', '['].includes(token.text)) return false;
  }
  return depth === 0 && tokens.length > 0;
}

/** The tokens between the parenthesis at `open` and its end, split at the commas of that level. */
export function listAt(tokens: Token[], open: number): Token[][] {
  const end = closing(tokens, open);
  let item: Token[] = [];
  const list = [item];
  let depth = 0;
  for (const token of tokens.slice(open + 1, end)) {
    if (isSymbol(token, '(')) depth++;
    if (isSymbol(token, ')')) depth--;
    if (depth === 0 && isSymbol(token, ',')) {
      item = [];
      list.push(item);
    } else item.push(token);
  }
  return list;
}

/**
 * The same for texts that mean the same: SQLite quotes names when it rewrites a text after a rename and never unquotes
 * them
 * when it is renamed back, so quotes, case, comments and blanks must not count. `own`: a table's name that may qualify
 * a
 * column's name in its own checks.
 */
export function normalise(sql: string, own?: string): string {
  const tokens = tokenize(sql);
  const words: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokenAt(tokens, i);
    if (own !== undefined && isName(token) && sameName(token.value, own) && isSymbol(tokens[i + 1], '.')) i++;
    else words.push(normalToken(token));
  }
  return words.join(' ');
}

function normalToken(token: Token): string {
  if (token.kind === 'string') return token.text;
  if (token.kind === 'quoted' && !/^[A-Za-z_][A-Za-z0-9_$]*$/.test(token.value)) return quote(foldName(token.value));
  return foldName(token.value);
}

/** Can be a name: SQLite takes a bare word, or one in any of its quotes. */
export function isName(token: Token | undefined): token is Token {
  return token !== undefined && (token.kind === 'word' || token.kind === 'quoted');
}

// A bare one of these is grammar even when a column has the same (quoted) name.
// https://www.sqlite.org/lang_keywords.html
const RESERVED = new Set(
  (
    'add all alter and as asc autoincrement between case check collate commit constraint create default ' +
    'deferrable delete desc ' +
    'distinct drop else end escape exists foreign from group having in index insert intersect into is ' +
    'isnull join limit not notnull null on ' +
    'or order primary references returning select set table then to transaction union unique update ' +
    'using values when where'
  ).split(' '),
);

/** Whether the token, in an expression or a list of columns, can be the column or table of this name. */
export function mentions(token: Token | undefined, name: string): boolean {
  return isName(token) && sameName(token.value, name) && !(token.kind === 'word' && RESERVED.has(foldName(name)));
}

/** The text with some of its tokens replaced (null: as it is). */
export function replaceTokens(
  sql: string,
  change: (token: Token, index: number, tokens: Token[]) => string | null,
): string {
  const tokens = tokenize(sql);
  let out = '';
  let from = 0;
  tokens.forEach((token, index) => {
    const text = change(token, index, tokens);
    if (text === null) return;
    out += sql.slice(from, token.start) + text;
    from = token.end;
  });
  return out + sql.slice(from);
}
