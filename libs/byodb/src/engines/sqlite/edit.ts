import { triggerName, type Source } from './introspect.js';
import { parseColumn, parseTable, type ColumnText, type TableText } from './parse.js';
import { closing, isName, isSymbol, isWord, mentions, quote, replaceTokens, sameName, tokenize, type Token } from './tokens.js';

/** The text of a table of this name; what is not changed stays verbatim, comments included. */
export function renderTable(text: TableText, name: string): string {
  const items = [...text.columns.map((c) => c.text), ...text.constraints.map((c) => ` ${c.text}`)];
  const sql = `CREATE TABLE ${quote(name)}(${items.join(',')})${text.options}`;
  // A check may qualify its columns with the table's name, which is another one while the table is being rebuilt.
  return replaceTokens(sql, (token, i, tokens) => {
    const isQualifier = (t: Token | undefined, next: Token | undefined): boolean => isName(t) && sameName(t.value, text.name) && isSymbol(next, '.');
    return isQualifier(token, tokens[i + 1]) || isQualifier(tokens[i - 1], token) ? '' : null;
  });
}

export function composeColumn(name: string, type: string, clauses: string[]): ColumnText {
  return parseColumn(` ${[quote(name), type, ...clauses].filter((part) => part !== '').join(' ')}`);
}

export function replaceColumn(text: TableText, name: string, column: ColumnText | null): TableText {
  return { ...text, columns: text.columns.flatMap((c) => (sameName(c.name, name) ? (column === null ? [] : [column]) : [c])) };
}

/** The index's text for a table of this name. */
export function retitleIndex(sql: string, table: string): string {
  return replaceTokens(sql, (_, i, tokens) => (i === onAt(tokens) + 1 ? quote(table) : null));
}

/** The index's text with another name of its own. */
export function renamedIndex(sql: string, nameOf: (name: string) => string): string {
  return replaceTokens(sql, (token, i, tokens) => (i === onAt(tokens) - 1 && nameOf(token.value) !== token.value ? quote(nameOf(token.value)) : null));
}

/** The trigger's text with another name of its own. */
export function renamedTrigger(sql: string, nameOf: (name: string) => string): string {
  const name = triggerName(sql);
  const to = nameOf(name);
  let isDone = to === name;
  return replaceTokens(sql, (token, i, tokens) => {
    if (isDone || i <= tokens.findIndex((t) => isWord(t, 'trigger')) || token.value !== name || isSymbol(tokens[i + 1], '.')) return null;
    isDone = true;
    return quote(to);
  });
}

function onAt(tokens: Token[]): number {
  return tokens.findIndex((t) => isWord(t, 'on'));
}

/** The texts as SQLite leaves them after RENAME TO: the table's own foreign keys, indexes and triggers follow. */
export function renamedTable(source: Source, to: string): Source {
  const from = parseTable(source.table)!.name;
  const isTable = (token: Token): boolean => isName(token) && sameName(token.value, from);
  const table = replaceTokens(source.table, (token, i, tokens) => {
    const isTitle = i === tokens.findIndex((t) => isSymbol(t, '(')) - 1;
    return isTitle || (isTable(token) && (isWord(tokens[i - 1], 'references') || isSymbol(tokens[i + 1], '.'))) ? quote(to) : null;
  });
  return {
    table,
    indexes: source.indexes.map((sql) => retitleIndex(sql, to)),
    triggers: source.triggers.map((sql) => replaceTokens(sql, (token, i, tokens) => (
      isTable(token) && (isWord(tokens[i - 1], 'on', 'into', 'from', 'join', 'update', 'table') || isSymbol(tokens[i + 1], '.')) ? quote(to) : null))),
  };
}

/**
 * The texts as SQLite leaves them after RENAME COLUMN. Where SQLite resolves names, this goes by how a trigger's statements
 * qualify them; `dependents` lists every trigger that says the name.
 */
export function renamedColumn(source: Source, from: string, to: string): Source {
  const text = parseTable(source.table)!;
  const columns = text.columns.map((column): ColumnText => {
    const inside = column.clauses.filter((c) => c.kind === 'check' || c.kind === 'generated');
    const references = column.clauses.filter((c) => c.kind === 'references');
    return parseColumn(replaceTokens(column.text, (token, i, tokens) => {
      const within = (c: { start: number; end: number }): boolean => token.start > c.start && token.end <= c.end;
      const isOwn = i === 0 && sameName(column.name, from);
      const isMeant = mentions(token, from) && (inside.some(within) || references.some((c) => within(c) && inSelfReference(tokens, i, text.name)));
      return isOwn || isMeant ? quote(to) : null;
    }));
  });
  const constraints = text.constraints.map((clause) => `${clause.name === null ? '' : `constraint ${quote(clause.name)} `}${replaceTokens(clause.body, (token, i, tokens) => {
    if (!mentions(token, from)) return null;
    const isOwnList = clause.kind !== 'foreign key' || i < closing(tokens, tokens.findIndex((t) => isSymbol(t, '(')));
    return isOwnList || inSelfReference(tokens, i, text.name) ? quote(to) : null;
  })}`);
  const table = `CREATE TABLE ${quote(text.name)}(${[...columns.map((c) => c.text), ...constraints].join(', ')})${text.options}`;
  const swap = (after: (tokens: Token[]) => number) => (sql: string): string => (
    replaceTokens(sql, (token, i, tokens) => (i > after(tokens) && mentions(token, from) ? quote(to) : null)));
  const triggers = source.triggers.map((sql) => renamedInTrigger(sql, text.name, from, to));
  return { table, indexes: source.indexes.map(swap((tokens) => onAt(tokens) + 1)), triggers };
}

function renamedInTrigger(sql: string, table: string, from: string, to: string): string {
  const begin = tokenize(sql).findIndex((t) => isWord(t, 'begin'));
  return replaceTokens(sql, (token, i, tokens) => {
    if (!mentions(token, from) || isSymbol(tokens[i + 1], '.') || isSymbol(tokens[i + 1], '(')) return null;
    const before = tokens[i - 1];
    if (i < begin && !isSymbol(before, '.')) return i < onAt(tokens) && (isWord(before, 'of') || isSymbol(before, ',')) ? quote(to) : null;
    const start = Math.max(begin, tokens.findLastIndex((t, at) => at < i && isSymbol(t, ';'))) + 1;
    const end = tokens.findIndex((t, at) => at > i && isSymbol(t, ';'));
    const statement = tokens.slice(start, end < 0 ? tokens.length : end);
    const own = statement.filter((t) => isName(t) && sameName(t.value, table));
    // The table's alias in the statement, if it has one.
    const aliases = own.map((t) => statement[statement.indexOf(t) + (isWord(statement[statement.indexOf(t) + 1], 'as') ? 2 : 1)]?.value ?? '');
    if (isSymbol(before, '.')) return ['new', 'old', table, ...aliases].some((name) => sameName(tokens[i - 2]?.value ?? '', name)) ? quote(to) : null;
    const target = statement.findIndex((t) => isWord(t, 'into')) + 1;
    const isOthersList = target > 0 && !sameName(statement[target]!.value, table) && i - start > target && i - start < closing(statement, target + 1);
    return own.length > 0 && !isOthersList && !isWord(before, 'into', 'from', 'join', 'update', 'as') ? quote(to) : null;
  });
}

/** The token stands in the column list of a REFERENCES to the table itself. */
function inSelfReference(tokens: Token[], i: number, table: string): boolean {
  const at = tokens.findIndex((t) => isWord(t, 'references'));
  return at >= 0 && sameName(tokens[at + 1]?.value ?? '', table) && i > at + 2 && i < closing(tokens, at + 2);
}

/** Whether the text, a list or an expression, names the column. */
export function names(sql: string, column: string): boolean {
  return tokenize(sql).some((token) => mentions(token, column) || (token.kind === 'string' && sameName(token.value, column)));
}
