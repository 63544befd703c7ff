import type { Rendered } from '../../ddl.js';
import { existingColumn, isApart, isOnlyColumn, type LiveTable } from '../../live.js';
import { sameType, type Column } from '../../schema/column.js';
import { addUnique, alterTable, liveOf, sameName, withoutUniques } from './definition/alter-statement.js';
import { changedDefinition, defaultsAgree, refuseDrawing } from './definition/column-definition.js';
import { refuseManyKeys, uniqueExtra } from './keys/primary-and-unique.js';
import { refuseLongRow } from './limits/row-size.js';
import { quote } from './sql.js';

export function alterColumn(
  live: LiveTable,
  name: string,
  to: Column,
  uniqueName: string,
  apart: readonly string[] = [],
): Rendered {
  const column = existingColumn(live, name);
  refuseDrawing(live);
  const changes =
    column.type === null ||
    !sameType(to, { ...column, type: column.type }) ||
    column.nullable !== to.nullable ||
    !defaultsAgree(column, to);
  const mine = uniquesOf(live, name, apart);
  const gone = to.unique ? [] : mine;
  const come = to.unique && mine.length === 0 ? [{ name: uniqueName, columns: [column.name] }] : [];
  if (come.length > gone.length) refuseManyKeys(live);
  const definition = changedDefinition(column, to);
  const clauses = [
    ...(changes ? [`MODIFY COLUMN ${quote(column.name)} ${definition}`] : []),
    ...gone.map((u) => `DROP INDEX ${quote(u.name)}`),
    ...come.map((u) => addUnique(live, u)),
  ];
  const after = changes ? { ...liveOf({ ...to, name: column.name }), definition } : column;
  const columns = live.columns.map((c) => (c === column ? after : c));
  refuseLongRow(live, columns);
  return alterTable(live, clauses, {
    columns,
    uniques: [...live.uniques.filter((u) => !gone.includes(u)), ...come],
    extras: withoutUniques(live, gone),
  });
}

/** Those that are the column's uniqueness. */
function uniquesOf(live: LiveTable, name: string, apart: readonly string[]): LiveTable['uniques'] {
  return live.uniques.filter((u) => isOnlyColumn(u.columns, name) && !isApart(u.name, apart));
}

export function restoreColumn(live: LiveTable, name: string, was: LiveTable, apart: readonly string[] = []): Rendered {
  const column = existingColumn(was, name);
  const single = (t: LiveTable): LiveTable['uniques'] => uniquesOf(t, name, apart);
  const gone = single(live).filter((u) => !single(was).some((w) => w.name === u.name));
  const come = single(was).filter((w) => !single(live).some((u) => u.name === w.name));
  const clauses = [
    `MODIFY COLUMN ${quote(column.name)} ${column.definition}`,
    ...gone.map((u) => `DROP INDEX ${quote(u.name)}`),
    ...come.map((u) => addUnique(was, u)),
  ];
  return alterTable(live, clauses, {
    columns: live.columns.map((c) => (sameName(c.name, name) ? column : c)),
    uniques: [...live.uniques.filter((u) => !gone.includes(u)), ...come],
    extras: [...withoutUniques(live, gone), ...come.flatMap((u) => uniqueExtra(was, u) ?? [])],
  });
}
