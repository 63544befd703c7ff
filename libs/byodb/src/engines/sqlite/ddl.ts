import type { Ddl, Rendered } from '../../ddl.js';
import type { LiveTable } from '../../live.js';
import { keyNames, type Column } from '../../schema/column.js';
import { alterColumn, restoreColumn } from './alter.js';
import { lost, metadataOnly } from './conversion.js';
import { definition, uniqueIndex } from './definition/column-definition.js';
import { detachColumn, dropColumn, reattachColumn, sameKey } from './detach.js';
import { createIndex, dropIndex, renameIndex } from './indexes/index-ddl.js';
import { columnText, isStrict, parseSource, primaryKeyOf, readSource, sourceOf, textOf } from './introspect.js';
import { giveBackValues, keepValues } from './kept-values.js';
import type { TableText } from './parser/parse.js';
import { composeColumn, renamedColumn, renderTable } from './rebuild/edit-text.js';
import { rebuild, withIndexes } from './rebuild/rebuild.js';
import { renameTable } from './rebuild/rename-table.js';
import { bringBackColumn, bringBackTable, setAsideColumn, setAsideTable } from './set-aside.js';
import { quote } from './sql.js';
import { isConstantDefault } from './types.js';

export const ddl: Ddl = {
  quote,
  createTable,
  dropTable,
  renameTable,
  setAsideTable,
  bringBackTable,
  addColumn,
  dropColumn,
  renameColumn,
  setAsideColumn,
  bringBackColumn,
  detachColumn,
  reattachColumn,
  sameKey,
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

function createTable(
  table: string,
  columns: Column[],
  _owner: string,
  uniqueName: (column: string) => string,
): Rendered {
  const key = keyNames(columns);
  const items = columns.map((column) => definition(column, key.length === 1 && column.primary_key, false));
  if (key.length > 1) items.push(` primary key (${key.map(quote).join(', ')})`);
  const indexes = columns.filter((c) => c.unique).map((c) => uniqueIndex(uniqueName(c.name), table, c.name));
  const sql = `CREATE TABLE ${quote(table)}(${items.join(',')})`;
  return { statements: [sql, ...indexes], live: readSource({ table: sql, indexes, triggers: [] }) };
}

function dropTable(live: LiveTable): Rendered {
  return { statements: [`drop table ${quote(live.name)}`], live: null };
}

function addColumn(live: LiveTable, column: Column, uniqueName: string): Rendered {
  const text = textOf(live);
  const indexes = column.unique ? [uniqueIndex(uniqueName, live.name, column.name)] : [];
  const isSoleKey = column.primary_key && primaryKeyOf(text).length === 0;
  const added = composeColumn(column.name, '', [
    definition(column, isSoleKey, isStrict(text)).slice(` ${quote(column.name)} `.length),
  ]);
  const next: TableText = { ...text, columns: [...text.columns, added] };
  const old = sourceOf(live);
  // What ADD COLUMN refuses: keys, expressions, NOT NULL without a default.
  // https://www.sqlite.org/lang_altertable.html#altertabaddcol
  const isNative = !isSoleKey && isConstantDefault(column) && (column.nullable || column.default !== null);
  if (!isNative) {
    const rebuilt = rebuild(live, {
      text: next,
      indexes: old.indexes,
      triggers: old.triggers,
      values: { [column.name]: null },
    });
    return withIndexes(rebuilt, indexes);
  }
  const native = {
    statements: [`alter table ${quote(live.name)} add column${added.text}`],
    live: { ...readSource({ ...old, table: renderTable(next, live.name) }), name: live.name },
  };
  return withIndexes(native, indexes);
}

function renameColumn(live: LiveTable, from: string, to: string): Rendered {
  const source = sourceOf(live);
  const renamed = renamedColumn(source, from, to);
  if (source.around?.broken !== undefined) {
    const was = columnText(textOf(live), from).name;
    return rebuild(live, {
      text: parseSource(renamed),
      indexes: renamed.indexes,
      triggers: renamed.triggers,
      values: { [to]: quote(was) },
    });
  }
  return {
    statements: [`alter table ${quote(live.name)} rename column ${quote(from)} to ${quote(to)}`],
    live: readSource({ ...source, ...renamed }),
  };
}
