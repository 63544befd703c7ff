import type { Need } from '../../engine.js';
import { composeColumn } from './edit.js';
import { clauseColumns, referenceOf, type Clause, type TableText } from './parse.js';
import { quote, sameName } from './tokens.js';

/** A foreign key to another table, as the text of a table says it. */
export interface Reference { clause: Clause; columns: string[]; table: string; parents: string[] }

/** Without those from the table to itself: they go and come with it, and act on nobody else. */
export function references(text: TableText): Reference[] {
  const inColumns = text.columns.flatMap((column) => column.clauses.map((clause) => ({ clause, columns: [column.name] })));
  const inTable = text.constraints.map((clause) => ({ clause, columns: clauseColumns(clause) }));
  return [...inColumns, ...inTable].flatMap(({ clause, columns }) => {
    const target = clause.kind === 'references' || clause.kind === 'foreign key' ? referenceOf(clause) : null;
    return target === null || sameName(target.table, text.name) ? [] : [{ clause, columns, table: target.table, parents: target.columns }];
  });
}

/** The text without them; the same object where there are none. */
export function withoutReferences(text: TableText): TableText {
  const gone = references(text).map(({ clause }) => clause);
  if (gone.length === 0) return text;
  return {
    ...text,
    constraints: text.constraints.filter((clause) => !gone.includes(clause)),
    columns: text.columns.map((column) => {
      const left = column.clauses.filter((clause) => !gone.includes(clause));
      return left.length === column.clauses.length ? column : composeColumn(column.name, column.type, left.map((clause) => clause.text));
    }),
  };
}

/**
 * What these keys of `table` need when they are made again. `child`: where the values stand until then, `asCalled` what a column is
 * called there. A key that names no columns refers to its parent's primary key, which is not known here: it is left to the look
 * before the commit.
 */
export function needsOf(keys: readonly Reference[], child: string, table: string, asCalled: (column: string) => string = (column) => column): Need[] {
  return keys.flatMap(({ clause, columns, table: parent, parents }): Need[] => {
    const of = `foreign key ${clause.name ?? `(${columns.join(', ')})`} of ${table}`;
    const there: Need = { need: 'table', table: parent, columns: parents, of };
    if (parents.length !== columns.length) return [there];
    const values = columns.map((column) => `${quote(child)}.${quote(asCalled(column))}`);
    const same = values.map((value, i) => `p.${quote(parents[i]!)} = ${value}`).join(' and ');
    const like = `${values.map((value) => `${value} is not null`).join(' and ')} and not exists (select 1 from ${quote(parent)} as p where ${same})`;
    return [there, { need: 'no_rows', from: quote(child), like, of }];
  });
}
