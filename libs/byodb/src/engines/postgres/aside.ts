import type { Rendered } from '../../engine.js';
import type { LiveColumn, LiveTable } from '../../live.js';
import { alterTable, bites, bringBackNames, dropParts, remakeable, remakeParts, renameColumnIn, renameIn, renameStatements, setAsideNames } from './items.js';
import { columnOf, compose, definitionOf, sourceOf, type Item, type Source } from './source.js';
import { fitName, quote } from './sql.js';

export function setAsideTable(live: LiveTable, aside: string): Rendered {
  const source = sourceOf(live);
  const names = setAsideNames(source, null, aside);
  return {
    statements: [`alter table ${quote(live.name)} rename to ${quote(aside)}`, ...renameStatements(aside, names)],
    live: compose({ ...live, name: aside }, { ...renameIn(source, names), table: aside }),
  };
}

export function bringBackTable(live: LiveTable, was: LiveTable): Rendered {
  const [source, former] = [sourceOf(live), sourceOf(was)];
  // Restored under another name: the former names of its indexes may be in use by the table that has its name now.
  const nameOf = was.name === former.table ? undefined : (name: string): string => otherName(name, former.table, was.name);
  const names = bringBackNames(source, setAsideNames(former, null, live.name), nameOf);
  return {
    statements: [`alter table ${quote(live.name)} rename to ${quote(was.name)}`, ...renameStatements(was.name, names)],
    live: compose({ ...live, name: was.name }, { ...renameIn(source, names), table: was.name }),
    takes: names.map(({ to }) => to),
  };
}

function otherName(name: string, former: string, table: string): string {
  return name.startsWith(former) ? fitName(table, name.slice(former.length)) : fitName(name, `_${table}`);
}

/** What setting a column aside takes from it, told from the table before, so that the way back knows it too. */
interface Taken { items: Item[]; hasDefault: boolean; notNull: boolean }

function takenFrom(column: LiveColumn, source: Source): Taken {
  const items = source.items.filter((item) => bites(item, column.name, column.generated));
  const unique = source.items.some((item) => item.unique && item.mentions.includes(column.name) && !items.includes(item));
  const definition = definitionOf(column);
  return {
    items,
    // The same default in every row would be found twice by the unique constraint.
    hasDefault: unique && !column.generated && definition.default !== undefined,
    notNull: !column.nullable && !column.generated && definition.expression === undefined,
  };
}

export function setAsideColumn(live: LiveTable, name: string, aside: string): Rendered {
  const column = columnOf(live, name);
  const source = sourceOf(live);
  const taken = takenFrom(column, source);
  const names = setAsideNames(source, column.name, aside, taken.items);
  const dropped = dropParts(taken.items);
  const alter = `alter column ${quote(aside)}`;
  const left: Source = { ...source, items: source.items.filter((item) => !taken.items.includes(item)) };
  const columns = live.columns.map((c) => (c === column ? withoutDefault({ ...c, name: aside, nullable: c.nullable || taken.notNull }, taken.hasDefault) : c));
  return {
    statements: [
      `alter table ${quote(live.name)} rename column ${quote(column.name)} to ${quote(aside)}`,
      ...dropped.statements,
      ...alterTable(live.name, [...dropped.clauses, ...(taken.hasDefault ? [`${alter} drop default`] : []), ...(taken.notNull ? [`${alter} drop not null`] : [])]),
      ...renameStatements(live.name, names),
    ],
    live: compose({ ...live, columns }, renameColumnIn(renameIn(left, names), column.name, aside)),
  };
}

function withoutDefault(column: LiveColumn, drop: boolean): LiveColumn {
  if (!drop) return column;
  const { default: _dropped, ...definition } = definitionOf(column);
  return { ...column, default: null, definition: JSON.stringify(definition) };
}

export function bringBackColumn(live: LiveTable, aside: string, was: LiveTable, name: string): Rendered {
  const [column, former] = [columnOf(live, aside), columnOf(was, name)];
  const [source, formerSource] = [sourceOf(live), sourceOf(was)];
  const taken = takenFrom(former, formerSource);
  const names = bringBackNames(source, setAsideNames(formerSource, former.name, aside, taken.items));
  const columns = live.columns.map((c) => (c === column ? { ...former } : c));
  // A key over two columns that are both set aside is made again with the last of them.
  const items = remakeable(taken.items, { ...live, columns });
  const made = remakeParts(live.name, items);
  const alter = `alter column ${quote(former.name)}`;
  const whole = renameColumnIn(renameIn(source, names), column.name, former.name);
  return {
    statements: [
      `alter table ${quote(live.name)} rename column ${quote(column.name)} to ${quote(former.name)}`,
      ...renameStatements(live.name, names),
      ...alterTable(live.name, [
        ...(taken.hasDefault ? [`${alter} set default ${definitionOf(former).default}`] : []),
        ...(taken.notNull ? [`${alter} set not null`] : []),
        ...made.clauses,
      ]),
      ...made.statements,
    ],
    live: compose({ ...live, columns }, { ...whole, items: [...whole.items, ...items] }),
  };
}
