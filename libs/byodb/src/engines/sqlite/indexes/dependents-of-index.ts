import type { LiveTable } from '../../../live.js';
import type { Dependent } from '../../../session.js';
import { keysTo } from '../dependents.js';
import { primaryKeyOf, sourceOf, textOf, type SchemaRow } from '../introspect.js';
import { clauseColumns, parseIndex, type Clause } from '../parser/parse.js';
import { isWord, sameName, tokenize } from '../parser/tokens.js';
import { membersOf } from './read-indexes.js';

/**
 * Foreign keys that need this index to be unique over just the columns that they refer to, in whatever order; without
 * one every change of their tables would fail (https://www.sqlite.org/foreignkeys.html#fk_indexes).
 */
export function dependentsOfIndex(rows: SchemaRow[], live: LiveTable, name: string): Dependent[] {
  const text = textOf(live);
  const uniques = sourceOf(live).indexes.filter((sql) => parseIndex(sql).unique);
  const covers = (sql: string): string[][] => {
    const members = membersOf(live, sql);
    return members === null ? [] : [members.map((member) => member.name)];
  };
  const own = uniques.filter((sql) => sameName(parseIndex(sql).name, name)).flatMap(covers);
  const others = [
    primaryKeyOf(text),
    ...text.columns.flatMap((column) => (column.clauses.some(isPlainUnique) ? [[column.name]] : [])),
    ...text.constraints.filter(isPlainUnique).map(clauseColumns),
    ...uniques.filter((sql) => !sameName(parseIndex(sql).name, name)).flatMap(covers),
  ];
  return keysTo(rows, live.name)
    .filter(
      ({ columns }) =>
        own.some((members) => sameColumns(members, columns)) &&
        !others.some((members) => sameColumns(members, columns)),
    )
    .map(({ dependent }) => dependent);
}

/** One that has a collation of its own serves no foreign key that compares by the column's. */
function isPlainUnique(clause: Clause): boolean {
  return clause.kind === 'unique' && !tokenize(clause.body).some((token) => isWord(token, 'collate'));
}

function sameColumns(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.some((other) => sameName(name, other)));
}
