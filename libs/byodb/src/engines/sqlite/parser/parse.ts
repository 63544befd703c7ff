import { closing, isName, isSymbol, isWord, listAt, tokenAt, tokenize, verbatim, type Token } from './tokens.js';

export type ClauseKind =
  | 'primary key'
  | 'not null'
  | 'null'
  | 'unique'
  | 'check'
  | 'default'
  | 'collate'
  | 'references'
  | 'generated'
  | 'foreign key'
  | 'other';

/** A column constraint, or a table constraint. */
export interface Clause {
  kind: ClauseKind;
  /** What CONSTRAINT names it. */
  name: string | null;
  /** Verbatim, the name included. */
  text: string;
  /** Without the name. */
  body: string;
  start: number;
  end: number;
  /** Of a table constraint: verbatim with the blanks and comments around it. */
  outer: string;
  /** It follows another one without a comma, which SQLite allows. */
  glued: boolean;
}

export interface ColumnText {
  name: string;
  /**
   * As declared, unquoted, blanks collapsed, to be read; '' when there is none. Never to be printed: quotes may hold
   * anything.
   */
  type: string;
  /** The type's tokens verbatim, to be printed. */
  declared: string;
  clauses: Clause[];
  /** Verbatim, with the comments around it. Clauses' positions are in this text. */
  text: string;
}

export interface TableText {
  name: string;
  /** Verbatim up to the opening parenthesis, which is its end. */
  head: string;
  columns: ColumnText[];
  constraints: Clause[];
  /** What follows the closing parenthesis: WITHOUT ROWID, STRICT. */
  options: string;
}

export interface IndexText {
  name: string;
  unique: boolean;
  /** Column names; null when a term is an expression or has an order or collation of its own. */
  columns: string[] | null;
  /** A term is more than a name with an order and a collation. */
  computed: boolean;
  /** Terms and WHERE as text, to be searched for names. */
  body: string;
  partial: boolean;
}

/** Characters of the texts that are remembered: a few thousand tables, in some megabytes. */
const MOST_REMEMBERED = 4_000_000;

/**
 * Tables by their texts, the last used last. A look reads the whole schema, of which little has changed since the one
 * before: taking all of it apart each time stops everybody else for as long as there are tables. Shared: nobody may
 * change what is given.
 */
const remembered = new Map<string, TableText | null>();
let rememberedLength = 0;

/**
 * Takes the text of a table apart (https://www.sqlite.org/lang_createtable.html); null: not an ordinary table's text.
 */
export function parseTable(sql: string): TableText | null {
  const known = remembered.get(sql);
  if (known !== undefined) {
    remembered.delete(sql);
    remembered.set(sql, known);
    return known;
  }
  const text = takeApart(sql);
  remembered.set(sql, text);
  rememberedLength += sql.length;
  for (const oldest of remembered.keys()) {
    if (rememberedLength <= MOST_REMEMBERED) break;
    remembered.delete(oldest);
    rememberedLength -= oldest.length;
  }
  return text;
}

function takeApart(sql: string): TableText | null {
  const tokens = tokenize(sql);
  const table = tokens.findIndex((t) => isWord(t, 'table'));
  if (!isWord(tokens[0], 'create') || table < 0 || table > 2 || isWord(tokens[1], 'virtual')) return null;
  const open = tokens.findIndex((t) => isSymbol(t, '('));
  if (open <= table) return null;
  const end = closing(tokens, open);
  if (!isSymbol(tokens[end], ')')) return null;
  const [opening, ending] = [tokenAt(tokens, open), tokenAt(tokens, end)];
  const result: TableText = {
    name: tokenAt(tokens, open - 1).value,
    head: sql.slice(0, opening.end),
    columns: [],
    constraints: [],
    options: sql.slice(ending.end),
  };
  let from = opening.end;
  // Lists come in the order of the tokens: each goes on where the one before it ended.
  let place = open;
  for (const list of listAt(tokens, open)) {
    const start = list.at(-1)?.end ?? from;
    while (tokenAt(tokens, place).start < start && place < end) place += 1;
    const after = tokenAt(tokens, place);
    const text = sql.slice(from, after.start);
    from = after.end;
    if (list.length === 0) continue;
    if (isWord(list[0], 'constraint', 'primary', 'unique', 'check', 'foreign'))
      result.constraints.push(...withSurroundings(text, parseClauses(text, tokenize(text))));
    else result.columns.push(parseColumn(text));
  }
  return result;
}

function withSurroundings(text: string, clauses: Clause[]): Clause[] {
  return clauses.map((clause, i) => ({
    ...clause,
    glued: i > 0,
    outer: text.slice(clauses[i - 1]?.end ?? 0, i === clauses.length - 1 ? text.length : clause.end),
  }));
}

const STARTS = [
  'constraint',
  'primary',
  'not',
  'null',
  'unique',
  'check',
  'default',
  'collate',
  'references',
  'generated',
  'as',
];

export function parseColumn(text: string): ColumnText {
  const tokens = tokenize(text);
  let at = 1;
  while (at < tokens.length && !isWord(tokens[at], ...STARTS))
    at = isSymbol(tokens[at], '(') ? closing(tokens, at) + 1 : at + 1;
  const type = tokens.slice(1, at);
  return {
    name: tokenAt(tokens, 0).value,
    type: typeText(type),
    declared: verbatim(text, type),
    clauses: parseClauses(text, tokens.slice(at)),
    text,
  };
}

function typeText(tokens: Token[]): string {
  return tokens
    .map((t) => t.value)
    .join(' ')
    .replace(/ ?([(),]) ?/g, '$1')
    .replace(/\)(?=\w)/g, ') ');
}

function parseClauses(text: string, tokens: Token[]): Clause[] {
  const clauses: Clause[] = [];
  let at = 0;
  while (at < tokens.length) {
    const first = tokenAt(tokens, at);
    let name: string | null = null;
    if (isWord(tokens[at], 'constraint') && at + 1 < tokens.length) {
      name = tokenAt(tokens, at + 1).value;
      at += 2;
    }
    const body = Math.min(at, tokens.length - 1);
    const [kind, end] = at < tokens.length ? clauseAt(tokens, at) : ['other' as const, at];
    at = Math.max(end, body + 1);
    const last = tokenAt(tokens, Math.min(at, tokens.length) - 1);
    const outer = text.slice(first.start, last.end);
    clauses.push({
      kind,
      name,
      text: outer,
      body: text.slice(tokenAt(tokens, body).start, last.end),
      start: first.start,
      end: last.end,
      outer,
      glued: false,
    });
  }
  return clauses;
}

/** The kind of the clause at this token and where it ends; what it does not know is taken token by token. */
function clauseAt(tokens: Token[], at: number): [ClauseKind, number] {
  const word = (i: number, ...words: string[]): boolean => isWord(tokens[i], ...words);
  const pastList = (i: number): number => (isSymbol(tokens[i], '(') ? closing(tokens, i) + 1 : i);
  const pastConflict = (i: number): number => (word(i, 'on') && word(i + 1, 'conflict') ? i + 3 : i);
  if (word(at, 'primary')) {
    let end = pastList(at + 2);
    if (word(end, 'asc', 'desc')) end++;
    end = pastConflict(end);
    return ['primary key', word(end, 'autoincrement') ? end + 1 : end];
  }
  if (word(at, 'not') && word(at + 1, 'null')) return ['not null', pastConflict(at + 2)];
  if (word(at, 'null')) return ['null', pastConflict(at + 1)];
  if (word(at, 'unique')) return ['unique', pastConflict(pastList(at + 1))];
  if (word(at, 'check')) return ['check', pastConflict(pastList(at + 1))];
  if (word(at, 'default'))
    return [
      'default',
      isSymbol(tokens[at + 1], '(')
        ? pastList(at + 1)
        : at + (isSymbol(tokens[at + 1], '-') || isSymbol(tokens[at + 1], '+') ? 3 : 2),
    ];
  if (word(at, 'collate')) return ['collate', at + 2];
  if (word(at, 'references')) return ['references', pastReference(tokens, at)];
  if (word(at, 'foreign')) {
    const list = pastList(at + 2);
    return ['foreign key', word(list, 'references') ? pastReference(tokens, list) : list];
  }
  if (word(at, 'generated', 'as')) {
    const list = word(at, 'as') ? at + 1 : at + 3;
    const end = pastList(list);
    return ['generated', word(end, 'stored', 'virtual') ? end + 1 : end];
  }
  return ['other', at + 1];
}

function pastReference(tokens: Token[], at: number): number {
  let end = at + 2;
  if (isSymbol(tokens[end], '(')) end = closing(tokens, end) + 1;
  for (;;) {
    if (isWord(tokens[end], 'on') && isWord(tokens[end + 1], 'delete', 'update'))
      end += isWord(tokens[end + 2], 'set', 'no') ? 4 : 3;
    else if (isWord(tokens[end], 'match')) end += 2;
    else if (isWord(tokens[end], 'not') && isWord(tokens[end + 1], 'deferrable')) end += 2;
    else if (isWord(tokens[end], 'deferrable')) end += 1;
    else if (isWord(tokens[end], 'initially')) end += 2;
    else return end;
  }
}

/** The columns that a key or unique clause of a table lists. */
export function clauseColumns(clause: Clause): string[] {
  const tokens = tokenize(clause.body);
  const open = tokens.findIndex((t) => isSymbol(t, '('));
  return open < 0 ? [] : firstWords(listAt(tokens, open));
}

function firstWords(terms: readonly Token[][]): string[] {
  return terms.flatMap(([first]) => (first === undefined ? [] : [first.value]));
}

/** What a REFERENCES clause points at; no columns: at the primary key. */
export function referenceOf(clause: Clause): { table: string; columns: string[] } | null {
  const tokens = tokenize(clause.body);
  const at = tokens.findIndex((t) => isWord(t, 'references'));
  const target = tokens[at + 1];
  if (at < 0 || target === undefined) return null;
  return {
    table: target.value,
    columns: isSymbol(tokens[at + 2], '(') ? listAt(tokens, at + 2).map((term) => term[0]?.value ?? '') : [],
  };
}

export function parseIndex(sql: string): IndexText {
  const tokens = tokenize(sql);
  const on = tokens.findIndex((t) => isWord(t, 'on'));
  const open = tokens.findIndex((t, i) => i > on && isSymbol(t, '('));
  const terms = open < 0 ? [] : listAt(tokens, open);
  const isNamed = (term: Token[]): boolean =>
    term.every((t, i) => i === 0 || isWord(t, 'asc', 'desc', 'collate') || isWord(term[i - 1], 'collate'));
  const plain = terms.every(
    ([name, order, ...more]) =>
      name !== undefined &&
      (name.kind === 'string' || isName(name)) &&
      more.length === 0 &&
      (order === undefined || isWord(order, 'asc')),
  );
  return {
    name: tokens[on - 1]?.value ?? '',
    unique: isWord(tokens[1], 'unique'),
    columns: plain ? firstWords(terms) : null,
    computed: !terms.every(
      (term) => isNamed(term) && term[0] !== undefined && (term[0].kind === 'string' || isName(term[0])),
    ),
    body: open < 0 ? '' : sql.slice(tokenAt(tokens, open).start),
    partial: open >= 0 && closing(tokens, open) < tokens.length - 1,
  };
}
