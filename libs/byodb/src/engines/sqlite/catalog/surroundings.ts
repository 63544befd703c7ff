import { foldName, isAside } from '../../../live.js';
import {
  isWritten,
  primaryKeyOf,
  triggerName,
  type Surroundings,
  type SchemaRow,
  type WrittenRow,
} from '../introspect.js';
import { foreignKeys } from '../foreign-keys.js';
import { parseIndex, parseTable, type Clause, type TableText } from '../parser/parse.js';
import { repairIndex, repairTable } from '../parser/repair.js';
import { isName, isSymbol, isWord, sameName, tokenize } from '../parser/tokens.js';

/** What this build knows, in lower case. */
export interface Known {
  collations: Set<string>;
  functions: Set<string>;
}

/** The whole schema as this build can read it. */
export interface Repaired {
  rows: SchemaRow[];
  broken: NonNullable<Surroundings['broken']> | null;
}

/**
 * Texts in double quotes written as what they are; the first table or index that SQLite could not read here is told as
 * broken.
 */
export function repairAll(rows: SchemaRow[], known: Known): Repaired {
  let broken: Repaired['broken'] = null;
  const tables = new Map<string, TableText>();
  for (const row of rows) {
    const text = row.type === 'table' && row.sql !== null ? parseTable(row.sql) : null;
    if (text !== null) tables.set(foldName(row.name), text);
  }
  const repaired = rows.map((row): SchemaRow => {
    const table = tables.get(foldName(row.tbl_name));
    if (row.sql === null || table === undefined || row.type === 'trigger') return row;
    const sql = row.type === 'index' ? repairIndex(row.sql, table) : repairTable(row.sql);
    const collation = row.type === 'index' ? unknownCollation(row.sql, table, known) : null;
    if (sql !== row.sql)
      broken ??= { object: `${row.type} ${row.name}`, why: 'has a text in double quotes', total: true };
    if (collation !== null)
      broken ??= {
        object: `index ${row.name}`,
        why: `sorts by the collation ${collation}, which only its owner's program has`,
        total: true,
      };
    return { ...row, sql };
  });
  return { rows: repaired, broken };
}

/** Of one table, from the repaired schema. */
export function surroundingsOf(table: SchemaRow, { rows, broken }: Repaired, known: Known): Surroundings {
  const text = table.sql === null ? null : parseTable(table.sql);
  if (text === null) return {};
  const own = (row: SchemaRow): boolean => sameName(row.tbl_name, table.name);
  const unmakeable = [
    ...whyNotTable(text, known).map((why) => ({ object: `table ${table.name}`, why })),
    ...rows
      .filter(isWritten)
      .filter((row) => row.type === 'index' && own(row))
      .flatMap((row) => whyNotIndex(row.sql, text, known).map((why) => ({ object: `index ${row.name}`, why }))),
  ];
  const others = rows.filter(isWritten).filter((row) => !own(row));
  const statistics = rows.filter((row) => /^sqlite_stat[14]$/.test(row.name)).map((row) => row.name);
  const parents = Object.fromEntries(
    foreignKeys(text).map(({ parent }): [string, string[] | null] => [foldName(parent), keyOf(rows, parent)]),
  );
  return {
    ...(broken === null ? {} : { broken }),
    ...(unmakeable.length === 0 ? {} : { unmakeable }),
    ...(Object.keys(parents).length === 0 ? {} : { parents }),
    ...(isAside(table.name)
      ? {
          taken: {
            indexes: names(others, 'index', (row) => row.name),
            triggers: names(others, 'trigger', (row) => triggerName(row.sql)),
          },
        }
      : {}),
    ...(statistics.length === 0 ? {} : { statistics }),
  };
}

function names(rows: WrittenRow[], type: string, name: (row: WrittenRow) => string): string[] {
  return rows.filter((row) => row.type === type).map((row) => foldName(name(row)));
}

function keyOf(rows: SchemaRow[], table: string): string[] | null {
  const row = rows.find((one) => one.type === 'table' && sameName(one.name, table));
  const text = row?.sql == null ? null : parseTable(row.sql);
  return text === null ? null : primaryKeyOf(text);
}

function isComputed(clause: Clause): boolean {
  return clause.kind === 'check' || clause.kind === 'generated';
}

function whyNotTable(text: TableText, known: Known): string[] {
  const clauses = [...text.columns.flatMap((c) => c.clauses), ...text.constraints];
  const collation = clauses.map((c) => unknownIn(c.body, known)).find((name) => name !== null);
  const callee = clauses
    .filter(isComputed)
    .map((c) => unknownFunction(c.body, known))
    .find((name) => name !== null);
  return [...(collation == null ? [] : [collationWhy(collation)]), ...(callee == null ? [] : [functionWhy(callee)])];
}

function whyNotIndex(sql: string, table: TableText, known: Known): string[] {
  const collation = unknownCollation(sql, table, known);
  const callee = unknownFunction(parseIndex(sql).body, known);
  return [...(collation === null ? [] : [collationWhy(collation)]), ...(callee === null ? [] : [functionWhy(callee)])];
}

function collationWhy(name: string): string {
  return `sorts by the collation ${name}, which only its owner's program has`;
}

function functionWhy(name: string): string {
  return `calls the function ${name}, which only its owner's program has`;
}

/** Of the index itself, or of a column that it is over. */
function unknownCollation(sql: string, table: TableText, known: Known): string | null {
  const own = unknownIn(sql, known);
  if (own !== null) return own;
  const said = tokenize(parseIndex(sql).body).map((t) => t.value);
  for (const column of table.columns.filter((c) => said.some((name) => sameName(name, c.name)))) {
    const inherited = column.clauses
      .filter((c) => c.kind === 'collate')
      .map((c) => unknownIn(c.body, known))
      .find((name) => name !== null);
    if (inherited != null) return inherited;
  }
  return null;
}

function unknownIn(sql: string, { collations }: Known): string | null {
  const tokens = tokenize(sql);
  return (
    tokens.find((token, i) => isWord(tokens[i - 1], 'collate') && !collations.has(foldName(token.value)))?.value ?? null
  );
}

// Words that may stand before a parenthesis without being a function.
const GRAMMAR = new Set(
  (
    'and or not in exists cast case when then else between like glob match regexp is isnull notnull null ' +
    'collate on values select from ' +
    'where over filter primary unique check foreign references generated always as stored virtual ' +
    'constraint default key raise'
  ).split(' '),
);

function unknownFunction(sql: string, { functions }: Known): string | null {
  const tokens = tokenize(sql);
  return (
    tokens.find(
      (token, i) =>
        isName(token) &&
        isSymbol(tokens[i + 1], '(') &&
        !functions.has(foldName(token.value)) &&
        !(token.kind === 'word' && GRAMMAR.has(foldName(token.value))),
    )?.value ?? null
  );
}
