import { foldName, type Extra, type LiveColumn, type LiveTable } from '../../live.js';
import {
  clauseColumns,
  parseIndex,
  parseTable,
  type Clause,
  type ColumnText,
  type IndexText,
  type TableText,
} from './parser/parse.js';
import { repairIndex, repairTable } from './parser/repair.js';
import { isWord, normalise, sameName, tokenize } from './parser/tokens.js';
import { readDefault, readType, type Shape } from './types.js';

/**
 * All that SQLite keeps of a table are the texts that made it, so a `LiveTable` is a pure function of them: what a
 * renderer
 * predicts is read from the texts it will leave, by the same function that reads those found in the file.
 */
export interface Source {
  table: string;
  indexes: string[];
  triggers: string[];
  /** Missing in what earlier versions read. */
  around?: Surroundings;
}

/** What stands around the table in its file, as far as rendering needs it. */
export interface Surroundings {
  /**
   * Why SQLite refuses every rename in this file, which then goes without: an object that it cannot read, and what it
   * says of it.
   * `total`: also with legacy_alter_table, under which it does not look at views and triggers.
   */
  broken?: { object: string; why: string; total: boolean };
  /** What of the table could not be made again here, and why. */
  unmakeable?: { object: string; why: string }[];
  /** The tables that its foreign keys refer to, by folded name: the key, or null for one that is not there. */
  parents?: Record<string, string[] | null>;
  /** Folded names of all other indexes and triggers: of a table that is set aside, which may take its names back. */
  taken?: { indexes: string[]; triggers: string[] };
  /** The planner's statistics that the file has. */
  statistics?: string[];
}

export function sourceOf(live: LiveTable): Source {
  if (live.source === null) throw new TypeError(`${live.name} was not read by the SQLite engine`);
  return JSON.parse(live.source) as Source;
}

export function textOf(live: LiveTable): TableText {
  return parseSource(sourceOf(live));
}

export function parseSource(source: Source): TableText {
  const text = parseTable(source.table);
  if (text === null) throw new TypeError('not an ordinary table');
  return text;
}

/** A column that must be there. Errors: TypeError. */
export function columnText(text: TableText, name: string): ColumnText {
  const column = text.columns.find((one) => sameName(one.name, name));
  if (column === undefined) throw new TypeError(`the text of ${text.name} has no column ${name}`);
  return column;
}

/**
 * A row of sqlite_schema (https://www.sqlite.org/schematab.html). `sql` is null for what a constraint brings with it.
 */
export interface SchemaRow {
  type: string;
  name: string;
  tbl_name: string;
  sql: string | null;
}

/** Made by a statement of its own. */
export type WrittenRow = SchemaRow & { sql: string };

export function isWritten(row: SchemaRow): row is WrittenRow {
  return row.sql !== null;
}

export function readSchemaRow(row: Record<string, unknown>): SchemaRow {
  return {
    type: String(row['type']),
    name: String(row['name']),
    tbl_name: String(row['tbl_name']),
    sql: row['sql'] === null ? null : String(row['sql']),
  };
}

/** Null: no ordinary table (a virtual one's columns are its module's affair). */
export function readRows(rows: SchemaRow[], around?: Surroundings): LiveTable | null {
  const table = rows.find((row) => row.type === 'table');
  if (table === undefined || table.sql === null) return null;
  const sql = repairTable(table.sql);
  const text = parseTable(sql);
  if (text === null) return null;
  const texts = (type: string): string[] =>
    rows
      .filter(isWritten)
      .filter((row) => row.type === type)
      .map((row) => row.sql);
  const source: Source = {
    table: sql,
    indexes: texts('index').map((index) => repairIndex(index, text)),
    triggers: texts('trigger'),
  };
  return { ...readParsed({ ...source, ...(around === undefined ? {} : { around }) }, text), name: table.name };
}

export function readSource(source: Source): LiveTable {
  return readParsed(source, parseSource(source));
}

/** `text`: of the source's table. */
function readParsed(source: Source, text: TableText): LiveTable {
  const indexes = source.indexes.map((sql) => ({ sql, index: parseIndex(sql) }));
  return {
    name: text.name,
    columns: readColumns(text),
    primaryKey: primaryKeyOf(text),
    uniques: [
      ...text.columns.flatMap((column) =>
        column.clauses.filter((c) => c.kind === 'unique').map((c) => ({ name: c.name ?? '', columns: [column.name] })),
      ),
      ...text.constraints
        .filter((c) => c.kind === 'unique')
        .map((c) => ({ name: c.name ?? '', columns: storedNames(text, clauseColumns(c)) })),
      ...indexes
        .map(({ index }) => index)
        .filter(isPlainUnique)
        .map((index) => ({ name: index.name, columns: storedNames(text, index.columns) })),
    ],
    extras: [
      ...text.constraints.flatMap((clause) => constraintExtra(text, clause)),
      ...indexes
        .filter(({ index }) => !isPlainUnique(index))
        .map(({ sql, index }) => ({ kind: 'index', name: index.name, definition: normalise(sql, text.name) })),
      ...source.triggers.map((sql) => ({ kind: 'trigger', name: triggerName(sql), definition: normalise(sql) })),
      ...(tokenize(text.options).length > 0
        ? [{ kind: 'options', name: '', definition: normalise(text.options) }]
        : []),
    ],
    owner: null,
    source: JSON.stringify(source),
  };
}

export function isPlainUnique(index: IndexText): index is IndexText & { columns: string[] } {
  return index.unique && !index.partial && index.columns !== null;
}

/** What tells of each column is found once for all: a wide table would cost with the square of its columns. */
function readColumns(text: TableText): LiveColumn[] {
  const key = new Set(primaryKeyOf(text).map(foldName));
  const rowid = rowidOf(text);
  const hasMarks = isStrict(text);
  return text.columns.map((column) =>
    readColumn(text, column, {
      isKey: key.has(foldName(column.name)),
      isRowid: rowid !== null && sameName(rowid, column.name),
      hasMarks,
    }),
  );
}

/** `hasMarks`: the names of constraints that say nothing tell what columns were asked as. */
function readColumn(
  text: TableText,
  column: ColumnText,
  { isKey, isRowid: generated, hasMarks }: { isKey: boolean; isRowid: boolean; hasMarks: boolean },
): LiveColumn {
  const isExpression = column.clauses.some((c) => c.kind === 'generated');
  const marked = hasMarks ? markedType(column) : null;
  const shape = isExpression ? null : generated ? numbered(text) : readType(marked ?? column.type);
  const byDefault = column.clauses.find((c) => c.kind === 'default');
  return {
    name: column.name,
    type: shape?.type ?? null,
    length: shape?.length ?? null,
    precision: shape?.precision ?? null,
    scale: shape?.scale ?? null,
    native: column.type,
    nullable: !column.clauses.some((c) => c.kind === 'not null') && !isKey,
    default: byDefault === undefined ? null : readDefault(shape, byDefault.body.slice('default'.length).trim()),
    generated,
    definition: normalise([column.type, ...column.clauses.map((c) => c.text)].join(' '), text.name),
  };
}

/**
 * What a column of a STRICT table, which knows six types alone, was asked as: the name of a constraint that says
 * nothing.
 */
function markedType(column: ColumnText): string | null {
  return column.clauses.find((c) => c.kind === 'null')?.name ?? null;
}

export function isStrict(text: TableText): boolean {
  return tokenize(text.options).some((t) => isWord(t, 'strict'));
}

/** A column that is the rowid must be declared exactly INTEGER, so the name of its key says what it was asked as. */
function numbered(text: TableText): Shape {
  const name = keyClause(text)?.clause.name?.toLowerCase();
  return {
    type: name === 'smallint' || name === 'bigint' ? name : 'integer',
    length: null,
    precision: null,
    scale: null,
  };
}

/** The PRIMARY KEY clause, and the column it stands in (null: it is a table constraint). */
export function keyClause(text: TableText): { clause: Clause; column: string | null } | null {
  for (const column of text.columns) {
    const clause = column.clauses.find((c) => c.kind === 'primary key');
    if (clause !== undefined) return { clause, column: column.name };
  }
  const clause = text.constraints.find((c) => c.kind === 'primary key');
  return clause === undefined ? null : { clause, column: null };
}

export function primaryKeyOf(text: TableText): string[] {
  const key = keyClause(text);
  if (key === null) return [];
  return key.column !== null ? [key.column] : storedNames(text, clauseColumns(key.clause));
}

/**
 * Whether the column is the rowid, which SQLite numbers (https://www.sqlite.org/lang_createtable.html#rowid): declared
 * exactly
 * INTEGER, alone in the key, and not `integer primary key desc`, an old quirk that is none.
 */
export function isRowid(text: TableText, name: string): boolean {
  const rowid = rowidOf(text);
  return rowid !== null && sameName(rowid, name);
}

/** The column that is the rowid; null: none is. */
function rowidOf(text: TableText): string | null {
  const key = keyClause(text);
  const [name, ...others] = primaryKeyOf(text);
  if (key === null || name === undefined || others.length > 0 || withoutRowid(text)) return null;
  const column = text.columns.find((c) => sameName(c.name, name));
  const isDescending = key.column !== null && tokenize(key.clause.body).some((t) => isWord(t, 'desc'));
  return column !== undefined && column.type.toLowerCase() === 'integer' && !isDescending ? column.name : null;
}

export function withoutRowid(text: TableText): boolean {
  return tokenize(text.options).some((t) => isWord(t, 'without'));
}

/** A list may name a column in another case than the column itself. */
function storedNames(text: TableText, names: string[]): string[] {
  return names.map((name) => text.columns.find((c) => sameName(c.name, name))?.name ?? name);
}

function constraintExtra(text: TableText, clause: Clause): Extra[] {
  const definition = normalise(clause.body, text.name);
  const isPlain =
    (clause.kind === 'unique' || clause.kind === 'primary key') &&
    !/ (collate|desc|asc|autoincrement|conflict) /.test(`${definition} `);
  const isSaid = clause.kind === 'unique' || (clause.kind === 'primary key' && clause.name === null);
  return isPlain && isSaid ? [] : [{ kind: clause.kind, name: clause.name ?? '', definition }];
}

export function triggerName(sql: string): string {
  const tokens = tokenize(sql);
  let at = tokens.findIndex((t) => isWord(t, 'trigger')) + 1;
  if (isWord(tokens[at], 'if')) at += 3;
  return (tokens[at + 1]?.text === '.' ? tokens[at + 2] : tokens[at])?.value ?? '';
}
