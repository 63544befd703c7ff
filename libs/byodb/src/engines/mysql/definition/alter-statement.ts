import type { RenderedTable } from '../../../ddl.js';
import { foldName, type Extra, type LiveColumn, type LiveTable } from '../../../live.js';
import type { Column } from '../../../schema/column.js';
import { uniqueClause, uniqueExtra } from '../keys/primary-and-unique.js';
import { isForeignKey, renameWithKeys, type keysAway } from '../keys/set-aside-keys.js';
import { renameIn, tokens } from '../parser/ddl-text.js';
import { quote } from '../sql.js';
import { definitionOf, readColumn } from '../types.js';

export function alterTable(live: LiveTable, clauses: string[], left: Partial<LiveTable>): RenderedTable {
  return {
    statements: clauses.length === 0 ? [] : [`ALTER TABLE ${quote(live.name)} ${clauses.join(', ')}`],
    live: { ...live, ...left },
  };
}

export function renameTable(
  live: LiveTable,
  to: string,
  keys: ReturnType<typeof keysAway> = [],
  more: readonly string[] = [],
): RenderedTable {
  const extras = live.extras.map((e) => ({
    ...e,
    name: keys.find((k) => k.from === e.name && isForeignKey(e))?.to ?? e.name,
  }));
  return { statements: [renameWithKeys(live.name, to, keys, more)], live: { ...live, name: to, extras, source: null } };
}

export function withoutUniques(live: LiveTable, gone: LiveTable['uniques']): Extra[] {
  return live.extras.filter((e) => !gone.some((u) => e === uniqueExtra(live, u)));
}

export function withColumnRenamed(
  live: LiveTable,
  from: string,
  to: string,
  change: (c: LiveColumn) => LiveColumn,
): Pick<LiveTable, 'columns' | 'extras' | 'primaryKey' | 'uniques'> {
  const swap = (name: string): string => (sameName(name, from) ? to : name);
  const others = (c: LiveColumn): LiveColumn => ({ ...c, definition: renameIn(c.definition, from, to) });
  return {
    columns: live.columns.map((c) => (sameName(c.name, from) ? change(c) : others(c))),
    extras: live.extras.map((e) => (e.kind === 'trigger' ? e : { ...e, definition: renamedIn(e, from, to) })),
    primaryKey: live.primaryKey.map(swap),
    uniques: live.uniques.map((u) => ({ ...u, columns: u.columns.map(swap) })),
  };
}

/** An index keeps its own name, which is often the column's. */
function renamedIn({ kind, name, definition }: Extra, from: string, to: string): string {
  const head = `${kind} ${quote(name)} `;
  return definition.startsWith(head)
    ? head + renameIn(definition.slice(head.length), from, to)
    : renameIn(definition, from, to);
}

export function liveOf(column: Column): LiveColumn {
  const read = readColumn(column.name, definitionOf(column));
  if (column.native !== undefined) return read;
  return {
    ...read,
    type: column.type,
    length: column.length,
    precision: column.precision,
    scale: column.scale,
    default: column.default === null ? null : { value: column.default },
  };
}

/** Whether it is made of that column, and not just refers to one of that name elsewhere. */
export function namesColumn(extra: Extra, name: string): boolean {
  const group = tokens(extra.definition).find((word) => word.includes('('));
  return group !== undefined && group.toLowerCase().includes(quote(name).toLowerCase());
}

export const quotedList = (names: string[]): string => names.map(quote).join(', ');
export const addUnique = (of: LiveTable, u: LiveTable['uniques'][number]): string => `ADD ${uniqueClause(of, u)}`;
export const sameName = (a: string, b: string): boolean => foldName(a) === foldName(b);
