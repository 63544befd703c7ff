import type { Ddl, Rendered } from '../../ddl.js';
import type { Extra, LiveTable } from '../../live.js';
import { keyNames, type Column } from '../../schema/column.js';
import { alterColumn, restoreColumn } from './alter.js';
import { lost, metadataOnly } from './conversion.js';
import {
  addUnique,
  alterTable,
  liveOf,
  namesColumn,
  quotedList,
  renameTable,
  sameName,
  withColumnRenamed,
} from './definition/alter-statement.js';
import { refuseDrawing } from './definition/column-definition.js';
import { givenName } from './foreign-keys.js';
import { createIndex, dropIndex, renameIndex } from './indexes/index-ddl.js';
import { giveBackValues, keepValues } from './kept-values.js';
import { membersBefore, refuseManyKeys } from './keys/primary-and-unique.js';
import { isForeignKey } from './keys/set-aside-keys.js';
import { refuseLongRow } from './limits/row-size.js';
import { markOf } from './mark.js';
import { renameIn } from './parser/ddl-text.js';
import { bringBackColumn, bringBackTable, setAsideColumn, setAsideTable } from './set-aside.js';
import { literal, quote } from './sql.js';
import { definitionOf } from './types.js';

/** One statement each: what MySQL cannot commit with a ledger row must at least be atomic by itself. */
export const ddl: Ddl = {
  quote,
  createTable,
  dropTable,
  renameTable: (live, to) => renameTable(live, to),
  setAsideTable,
  bringBackTable,
  addColumn,
  dropColumn,
  renameColumn,
  setAsideColumn,
  bringBackColumn,
  createIndex,
  dropIndex,
  renameIndex,
  keepValues,
  alterColumn,
  restoreColumn,
  giveBackValues,
  metadataOnly,
  lost,
};

export function createTable(
  table: string,
  columns: Column[],
  owner: string,
  names: (column: string) => string,
): Rendered {
  const key = keyNames(columns);
  const uniques = columns
    .filter((c) => c.unique && !(c.primary_key && key.length === 1))
    .map((c) => ({ name: names(c.name), columns: [c.name] }));
  const lines = [
    ...columns.map((c) => `${quote(c.name)} ${definitionOf(c)}`),
    ...(key.length === 0 ? [] : [`PRIMARY KEY (${quotedList(key)})`]),
    ...uniques.map((u) => `UNIQUE KEY ${quote(u.name)} (${quotedList(u.columns)})`),
  ];
  const sql =
    `CREATE TABLE ${quote(table)} (${lines.join(', ')}) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 ` +
    `COLLATE utf8mb4_bin COMMENT=${literal(markOf(owner))}`;
  return {
    statements: [sql],
    live: {
      name: table,
      columns: columns.map((c) => liveOf(c)),
      primaryKey: key,
      uniques,
      extras: [],
      owner,
      source: null,
    },
  };
}

export function dropTable(live: LiveTable): Rendered {
  return { statements: [`DROP TABLE ${quote(live.name)}`], live: null };
}

export function addColumn(live: LiveTable, column: Column, uniqueName: string): Rendered {
  refuseDrawing(live);
  const unique = column.unique ? [{ name: uniqueName, columns: [column.name] }] : [];
  const columns = [...live.columns, liveOf(column)];
  refuseLongRow(live, columns);
  if (column.unique) refuseManyKeys(live);
  return alterTable(
    live,
    [`ADD COLUMN ${quote(column.name)} ${definitionOf(column)}`, ...unique.map((u) => addUnique(live, u))],
    { columns, uniques: [...live.uniques, ...unique] },
  );
}

export function dropColumn(live: LiveTable, name: string): Rendered {
  // A unique that lost a member would be another rule, and a foreign key forbids to drop it.
  const uniques = live.uniques.filter((u) => u.columns.some((c) => sameName(c, name)));
  const extras = live.extras
    .map((e) => ({ ...e, name: e.name === '' && isForeignKey(e) ? givenName(live, e) : e.name }))
    .filter((e) => (isForeignKey(e) || e.kind === 'UNIQUE KEY' || e.kind === 'PRIMARY KEY') && namesColumn(e, name));
  const key = live.primaryKey.length > 1 && live.primaryKey.some((k) => sameName(k, name));
  // As the server shortens an index that is not unique: a foreign key, of this table or to it, may rest on the
  // members that are left.
  const shortened = uniques
    .map((u) => ({ name: u.name, columns: membersBefore(u.columns, name) }))
    .filter((u) => u.columns.length > 0)
    .map((u): Extra => ({
      kind: 'KEY',
      name: u.name,
      definition: `KEY ${quote(u.name)} (${u.columns.map(quote).join(',')})`,
    }));
  const clauses = [
    ...extras.filter(isForeignKey).map((e) => `DROP FOREIGN KEY ${quote(e.name)}`),
    ...(key ? ['DROP PRIMARY KEY'] : []),
    ...new Set(
      [...uniques, ...extras.filter((e) => e.kind === 'UNIQUE KEY')].map((u) => `DROP INDEX ${quote(u.name)}`),
    ),
    ...shortened.map((k) => `ADD ${k.definition}`),
    `DROP COLUMN ${quote(name)}`,
  ];
  return alterTable(live, clauses, {
    columns: live.columns.filter((c) => !sameName(c.name, name)),
    uniques: live.uniques.filter((u) => !uniques.includes(u)),
    extras: [...live.extras.filter((e) => !extras.some((gone) => gone.definition === e.definition)), ...shortened],
    primaryKey: live.primaryKey.some((k) => sameName(k, name)) ? [] : live.primaryKey,
  });
}

export function renameColumn(live: LiveTable, from: string, to: string): Rendered {
  return alterTable(
    live,
    [`RENAME COLUMN ${quote(from)} TO ${quote(to)}`],
    withColumnRenamed(live, from, to, (c) => ({ ...c, name: to, definition: renameIn(c.definition, from, to) })),
  );
}
