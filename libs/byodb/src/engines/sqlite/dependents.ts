import { isAside } from '../../live.js';
import type { Dependent, Touch } from '../../session.js';
import { isWritten, primaryKeyOf, triggerName, type SchemaRow, type WrittenRow } from './introspect.js';
import { parseIndex, parseTable, referenceOf, type Clause, type TableText } from './parser/parse.js';
import { isSymbol, isWord, mentions, sameName, tokenize, type Token } from './parser/tokens.js';

/**
 * What in the whole schema hangs on a table, or on one column of it; by names in the texts, so rather one too many than
 * one too
 * few. `carried`: what SQLite itself rewrites in a rename, and what minds no other type, is left out where `change` is
 * such.
 */
export function dependentsOf(
  rows: SchemaRow[],
  table: string,
  column: string | null,
  change: Touch = 'remove',
): Dependent[] {
  const virtual = rows
    .filter(isVirtual)
    .filter((row) => !sameName(row.name, table) && says(row.sql, table) && (column === null || says(row.sql, column)))
    .map((row): Dependent => ({ kind: 'virtual table', name: row.name }));
  return change === 'remove' ? [...virtual, ...hanging(rows, table, column)] : virtual;
}

/**
 * Of a rename: what SQLite has to rewrite beside the table's own text, which it does only while it can read the whole
 * schema.
 */
export function carriedIn(rows: SchemaRow[], table: string, column: string | null): Dependent[] {
  return hanging(rows, table, column).filter((one) => ['view', 'trigger', 'foreign key'].includes(one.kind));
}

export function isVirtual(row: SchemaRow): row is WrittenRow {
  if (row.type !== 'table' || !isWritten(row)) return false;
  return parseTable(row.sql) === null && isWord(tokenize(row.sql)[1], 'virtual');
}

function hanging(rows: SchemaRow[], table: string, column: string | null): Dependent[] {
  const own = rows.find((row) => row.type === 'table' && sameName(row.name, table));
  const text = own?.sql == null ? null : parseTable(own.sql);
  const found: Dependent[] = [];
  for (const row of rows.filter(isWritten)) {
    const isOwn = sameName(row.tbl_name, table);
    const hit =
      says(row.sql, table) &&
      (column === null ||
        saysColumn(row.sql, column) ||
        (row.type === 'view' && tokenize(row.sql).some((t) => isSymbol(t, '*'))));
    if (row.type === 'view' && hit && !sameName(row.name, table)) found.push({ kind: 'view', name: row.name });
    if (row.type === 'trigger' && !isOwn && hit) found.push({ kind: 'trigger', name: triggerName(row.sql) });
    if (row.type === 'trigger' && isOwn && column !== null && saysColumn(row.sql, column))
      found.push({ kind: 'trigger', name: triggerName(row.sql) });
    if (row.type === 'index' && isOwn && column !== null && text !== null && leansOn(row.sql, text, column))
      found.push({ kind: 'index', name: row.name });
    if (row.type === 'table') found.push(...foreignKeys(row, table, column, text));
  }
  return column === null || text === null ? found : [...found, ...ownClauses(text, column)];
}

function says(sql: string, name: string): boolean {
  return tokenize(sql).some((t) => names(t, name));
}

/** Any spelling counts, also one in single quotes, which SQLite takes for a name where it must be one. */
function names(token: Token, name: string): boolean {
  return mentions(token, name) || (token.kind === 'string' && sameName(token.value, name));
}

/** A table may have the column's name: where only a table can stand, the column is not meant. */
function saysColumn(sql: string, column: string): boolean {
  const tokens = tokenize(sql);
  const watched = isTrigger(tokens) ? tokens.findIndex((t) => isWord(t, 'on')) + 1 : -1;
  return tokens.some((t, i) => names(t, column) && i !== watched && !isTable(tokens, i));
}

function isTrigger(tokens: readonly Token[]): boolean {
  return isWord(tokens[1], 'trigger') || isWord(tokens[2], 'trigger');
}

function isTable(tokens: readonly Token[], i: number): boolean {
  const [before, ahead] = [tokens[i - 1], tokens[i - 2]];
  return (
    isSymbol(tokens[i + 1], '.') ||
    isWord(before, 'into', 'update', 'join') ||
    (isWord(before, 'from') && !isWord(ahead, 'distinct'))
  );
}

/**
 * An expression or a WHERE over other columns as well: what is over the column alone goes and comes with it, as a plain
 * index does.
 */
function leansOn(sql: string, text: TableText, column: string): boolean {
  const index = parseIndex(sql);
  return (
    (index.computed || index.partial) &&
    says(index.body, column) &&
    text.columns.some((c) => !sameName(c.name, column) && says(index.body, c.name))
  );
}

function clausesOf(text: TableText): Clause[] {
  return [...text.columns.flatMap((c) => c.clauses), ...text.constraints];
}

/** A foreign key to a table, with the columns that it refers to; none: the primary key. */
interface KeyTo {
  dependent: Dependent;
  columns: string[];
}

export function keysTo(rows: SchemaRow[], table: string): KeyTo[] {
  return rows.filter((row) => row.type === 'table' && isWritten(row)).flatMap((row) => keysOf(row, table));
}

function keysOf(row: SchemaRow, table: string): KeyTo[] {
  const text = row.sql === null ? null : parseTable(row.sql);
  if (text === null) return [];
  return clausesOf(text).flatMap((clause) => {
    const target = clause.kind === 'references' || clause.kind === 'foreign key' ? referenceOf(clause) : null;
    if (target === null || !sameName(target.table, table)) return [];
    // Nobody but this service knows the name of what an earlier version of it set aside.
    const name = isAside(row.name) ? 'a table that was dropped and is still kept' : row.name;
    const dependent = { kind: 'foreign key', name: clause.name === null ? name : `${name}.${clause.name}` };
    return [{ dependent, columns: target.columns }];
  });
}

function foreignKeys(row: WrittenRow, table: string, column: string | null, parent: TableText | null): Dependent[] {
  if (sameName(row.name, table) && column === null) return [];
  return keysOf(row, table)
    .filter(({ columns: said }) => {
      const columns = said.length > 0 || parent === null ? said : primaryKeyOf(parent);
      return column === null || columns.some((c) => sameName(c, column));
    })
    .map(({ dependent }) => dependent);
}

/** Checks over other columns too, and generated columns: what names the column alone goes and comes with it. */
function ownClauses(text: TableText, column: string): Dependent[] {
  const others = text.columns.filter((c) => !sameName(c.name, column)).map((c) => c.name);
  const leans = (clause: Clause): boolean => says(clause.body, column);
  const inColumns = text.columns
    .filter((c) => !sameName(c.name, column))
    .flatMap((c) =>
      c.clauses
        .filter((clause) => (clause.kind === 'generated' || clause.kind === 'check') && leans(clause))
        .map((clause) => ({
          kind: clause.kind === 'check' ? 'check' : 'generated column',
          name: clause.name ?? c.name,
        })),
    );
  const ownColumn = text.columns.find((c) => sameName(c.name, column));
  const shared = [...text.constraints, ...(ownColumn?.clauses ?? [])]
    .filter(
      (clause) =>
        clause.kind === 'check' &&
        (ownColumn?.clauses.includes(clause) || leans(clause)) &&
        others.some((name) => says(clause.body, name)),
    )
    .map((clause) => ({ kind: 'check', name: clause.name ?? clause.body }));
  return [...inColumns, ...shared];
}
