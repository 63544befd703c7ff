import { parseSource, type Source } from '../introspect.js';
import { parseColumn, type Clause, type ColumnText, type TableText } from '../parser/parse.js';
import {
  closing,
  isName,
  isSymbol,
  isWord,
  mentions,
  normalise,
  replaceTokens,
  sameName,
  tokenAt,
  tokenize,
  type Token,
} from '../parser/tokens.js';
import { quote } from '../sql.js';

/** The text of a table of this name; what is not changed stays verbatim, comments included. */
export function renderTable(text: TableText, name: string): string {
  const columns = text.columns.map((c) => c.text).join(',');
  const constraints = text.constraints.map((c, i, all) => `${between(all[i - 1] ?? null, c)}${c.outer}`).join('');
  const head = name === text.name ? text.head : `CREATE TABLE ${quote(name)}(`;
  const sql = `${head}${columns}${constraints})${text.options}`;
  if (name === text.name) return sql;
  // A check may qualify its columns with the table's name, which is another one now.
  return replaceTokens(sql, (token, i, tokens) => {
    const isQualifier = (t: Token | undefined, next: Token | undefined): boolean =>
      isName(t) && sameName(t.value, text.name) && isSymbol(next, '.');
    return isQualifier(token, tokens[i + 1]) || isQualifier(tokens[i - 1], token) ? '' : null;
  });
}

/** What parts a table constraint from what stands before it (null: a column). */
function between(before: Clause | null, clause: Clause): string {
  if (before === null || !clause.glued) return ',';
  return /^[\s/-]/.test(clause.outer) || before.outer.endsWith(')') ? '' : ' ';
}

export function composeColumn(name: string, type: string, clauses: string[]): ColumnText {
  return parseColumn(` ${[quote(name), type, ...clauses].filter((part) => part !== '').join(' ')}`);
}

export function replaceColumn(text: TableText, name: string, column: ColumnText | null): TableText {
  if (column !== null) return { ...text, columns: text.columns.map((c) => (sameName(c.name, name) ? column : c)) };
  const at = text.columns.findIndex((c) => sameName(c.name, name));
  const columns = text.columns.filter((_, i) => i !== at);
  // ADD COLUMN puts a column behind what stands behind the last one: that is left to who had it.
  const [before, gone] = [text.columns[at - 1], text.columns[at]];
  if (before !== undefined && gone !== undefined && at === text.columns.length - 1)
    columns[at - 1] = parseColumn(before.text + trailing(gone.text));
  return { ...text, columns };
}

/** Blanks and comments behind the last token. */
function trailing(text: string): string {
  return text.slice(tokenize(text).at(-1)?.end ?? text.length);
}

/** The index's text for a table of this name. */
export function retitleIndex(sql: string, table: string): string {
  return replaceTokens(sql, (_, i, tokens) => (i === onAt(tokens) + 1 ? quote(table) : null));
}

/** The same index or trigger under another name. */
export function retitle(sql: string, kind: 'index' | 'trigger', name: string): string {
  const tokens = tokenize(sql);
  let at = tokens.findIndex((t) => isWord(t, kind)) + 1;
  if (isWord(tokens[at], 'if')) at += 3;
  if (isSymbol(tokens[at + 1], '.')) at += 2;
  return replaceTokens(sql, (_, i) => (i === at ? quote(name) : null));
}

function onAt(tokens: Token[]): number {
  return tokens.findIndex((t) => isWord(t, 'on'));
}

/** The texts as SQLite leaves them after RENAME TO: the table's own foreign keys, indexes and triggers follow. */
export function renamedTable(source: Source, to: string): Source {
  const from = parseSource(source).name;
  const isTable = (token: Token): boolean => isName(token) && sameName(token.value, from);
  const table = replaceTokens(source.table, (token, i, tokens) => {
    const isTitle = i === tokens.findIndex((t) => isSymbol(t, '(')) - 1;
    return isTitle || (isTable(token) && (isWord(tokens[i - 1], 'references') || isSymbol(tokens[i + 1], '.')))
      ? quote(to)
      : null;
  });
  return {
    table,
    indexes: source.indexes.map((sql) => retitleIndex(sql, to)),
    triggers: source.triggers.map((sql) =>
      replaceTokens(sql, (token, i, tokens) =>
        isTable(token) &&
        (isWord(tokens[i - 1], 'on', 'into', 'from', 'join', 'update', 'table') || isSymbol(tokens[i + 1], '.'))
          ? quote(to)
          : null,
      ),
    ),
  };
}

/**
 * The texts as SQLite leaves them after RENAME COLUMN. Where SQLite resolves names, this goes by how a trigger's
 * statements
 * qualify them; `dependents` lists every trigger that says the name.
 */
export function renamedColumn(source: Source, from: string, to: string): Source {
  const text = parseSource(source);
  const columns = text.columns.map((column): ColumnText => {
    const inside = column.clauses.filter((c) => c.kind === 'check' || c.kind === 'generated');
    const references = column.clauses.filter((c) => c.kind === 'references');
    return parseColumn(
      replaceTokens(column.text, (token, i, tokens) => {
        const within = (c: { start: number; end: number }): boolean => token.start > c.start && token.end <= c.end;
        const isOwn = i === 0 && sameName(column.name, from);
        const isMeant =
          mentions(token, from) &&
          (inside.some(within) || references.some((c) => within(c) && inSelfReference(tokens, i, text.name)));
        return isOwn || isMeant ? quote(to) : null;
      }),
    );
  });
  const constraints = text.constraints.map((clause) => ({
    ...clause,
    outer: replaceTokens(clause.outer, (token, i, tokens) => {
      const own = tokens.findIndex((t) => isSymbol(t, '('));
      if (i < own || !mentions(token, from)) return null;
      const isOwnList = clause.kind !== 'foreign key' || i < closing(tokens, own);
      return isOwnList || inSelfReference(tokens, i, text.name) ? quote(to) : null;
    }),
  }));
  const table = renderTable({ ...text, columns, constraints }, text.name);
  const swap =
    (after: (tokens: Token[]) => number) =>
    (sql: string): string =>
      replaceTokens(sql, (token, i, tokens) => (i > after(tokens) && mentions(token, from) ? quote(to) : null));
  const triggers = source.triggers.map((sql) => renamedInTrigger(sql, text.name, from, to));
  return { table, indexes: source.indexes.map(swap((tokens) => onAt(tokens) + 1)), triggers };
}

function renamedInTrigger(sql: string, table: string, from: string, to: string): string {
  const begin = tokenize(sql).findIndex((t) => isWord(t, 'begin'));
  return replaceTokens(sql, (token, i, tokens) => {
    if (!mentions(token, from) || isSymbol(tokens[i + 1], '.') || isSymbol(tokens[i + 1], '(')) return null;
    const before = tokens[i - 1];
    if (i < begin && !isSymbol(before, '.'))
      return i < onAt(tokens) && (isWord(before, 'of') || isSymbol(before, ',')) ? quote(to) : null;
    const start =
      Math.max(
        begin,
        tokens.findLastIndex((t, at) => at < i && isSymbol(t, ';')),
      ) + 1;
    const end = tokens.findIndex((t, at) => at > i && isSymbol(t, ';'));
    const statement = tokens.slice(start, end < 0 ? tokens.length : end);
    const own = statement.filter((t) => isName(t) && sameName(t.value, table));
    // The table's alias in the statement, if it has one.
    const aliases = own.map(
      (t) => statement[statement.indexOf(t) + (isWord(statement[statement.indexOf(t) + 1], 'as') ? 2 : 1)]?.value ?? '',
    );
    if (isSymbol(before, '.'))
      return ['new', 'old', table, ...aliases].some((name) => sameName(tokens[i - 2]?.value ?? '', name))
        ? quote(to)
        : null;
    const target = statement.findIndex((t) => isWord(t, 'into')) + 1;
    const isOthersList =
      target > 0 &&
      !sameName(tokenAt(statement, target).value, table) &&
      i - start > target &&
      i - start < closing(statement, target + 1);
    return own.length > 0 && !isOthersList && !isWord(before, 'into', 'from', 'join', 'update', 'as')
      ? quote(to)
      : null;
  });
}

/** The token stands in the column list of a REFERENCES to the table itself. */
function inSelfReference(tokens: Token[], i: number, table: string): boolean {
  const at = tokens.findIndex((t) => isWord(t, 'references'));
  return at >= 0 && sameName(tokens[at + 1]?.value ?? '', table) && i > at + 2 && i < closing(tokens, at + 2);
}

/**
 * The items of `next` in the spelling of `former` where they mean the same: SQLite quotes names when it rewrites a
 * text, and
 * what comes back must be to the letter what it was.
 */
export function respell(next: TableText, former: TableText): TableText {
  const isSame = (a: string, b: string): boolean => normalise(a, next.name) === normalise(b, former.name);
  return {
    ...next,
    head: next.name === former.name ? former.head : next.head,
    columns: next.columns.map((column) => former.columns.find((c) => isSame(c.text, column.text)) ?? column),
    constraints: next.constraints.map(
      (clause) => former.constraints.find((c) => isSame(c.text, clause.text)) ?? clause,
    ),
    options: isSame(next.options, former.options) ? former.options : next.options,
  };
}

/** The same for texts of indexes and triggers. */
export function respellAll(texts: string[], former: string[]): string[] {
  return texts.map((text) => former.find((other) => normalise(other) === normalise(text)) ?? text);
}

/**
 * `items` with what is missing of `former` put back where it stood: behind the nearest one before it that is still
 * there, else
 * before the nearest one behind it, else last.
 */
export function mergeBack<T>(items: T[], former: T[], missing: T[], isSame: (a: T, b: T) => boolean): T[] {
  return missing.reduce((merged, item) => {
    const place = former.indexOf(item);
    const found = (one: T): number => merged.findIndex((other) => isSame(one, other));
    const before = former
      .slice(0, place)
      .map(found)
      .filter((at) => at >= 0)
      .at(-1);
    const behind = former
      .slice(place + 1)
      .map(found)
      .find((at) => at >= 0);
    const at = before !== undefined ? before + 1 : (behind ?? merged.length);
    return [...merged.slice(0, at), item, ...merged.slice(at)];
  }, items);
}

/** Whether the text, a list or an expression, names the column. */
export function namesColumn(sql: string, column: string): boolean {
  return tokenize(sql).some(
    (token) => mentions(token, column) || (token.kind === 'string' && sameName(token.value, column)),
  );
}
