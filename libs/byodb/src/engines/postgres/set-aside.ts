import type { Rendered } from '../../ddl.js';
import type { LiveColumn, LiveTable } from '../../live.js';
import { foreignKeys, needsOf } from './foreign-keys.js';
import { itemsGoneWith } from './items/gone-with-column.js';
import {
  bringBackNames,
  renameColumnIn,
  renameIn,
  renameStatements,
  setAsideNames,
  type Named,
} from './items/rename-items.js';
import { affectsInserts, alterTable, dropParts, remakeParts } from './items/render-items.js';
import {
  columnOf,
  definitionOf,
  sourceOf,
  tableFacts,
  withSource,
  type Item,
  type Source,
} from './items/table-items.js';
import { fitName, quote } from './sql.js';
import { withoutTriggers } from './triggers/without-triggers.js';

export function setAsideTable(live: LiveTable, aside: string): Rendered {
  const source = sourceOf(live);
  const names = renameable(live, setAsideNames(source, null, aside));
  const keys = foreignKeys(source);
  const left = { ...source, items: source.items.filter((item) => !keys.includes(item)) };
  return {
    statements: [
      `alter table ${quote(live.name)} rename to ${quote(aside)}`,
      ...renameStatements(aside, names),
      ...alterTable(aside, dropParts(keys).clauses),
    ],
    live: withSource({ ...live, name: aside }, { ...renameIn(left, names), table: aside }),
  };
}

export function bringBackTable(live: LiveTable, was: LiveTable): Rendered {
  const [source, former] = [sourceOf(live), sourceOf(was)];
  // Restored under another name: the former names of its indexes may be in use by the table that has its name now.
  const nameOf =
    was.name === former.table ? undefined : (name: string): string => otherName(name, former.table, was.name);
  const names = renameable(live, bringBackNames(source, setAsideNames(former, null, live.name), nameOf));
  const keys = foreignKeys(former).filter(
    (key) => !source.items.some((item) => item.kind === 'foreign key' && item.name === key.name),
  );
  const made = remakeParts(was.name, keys);
  const back = renameIn(source, names);
  return {
    statements: [
      `alter table ${quote(live.name)} rename to ${quote(was.name)}`,
      ...renameStatements(was.name, names),
      ...alterTable(was.name, made.clauses),
      ...made.statements,
    ],
    live: withSource({ ...live, name: was.name }, { ...back, items: [...back.items, ...keys], table: was.name }),
    takes: names.map(({ to }) => to),
    needs: needsOf(keys, was.name, {
      from: quote(live.name),
      valued: (column) => `${quote(live.name)}.${quote(column)}`,
      column: null,
    }),
  };
}

/** Of a table of a type PostgreSQL renames no constraint, only the index behind it, and the constraint with that. */
function renameable(live: LiveTable, names: Named[]): Named[] {
  return tableFacts(live).type == null
    ? names
    : names.map((named) => (named.sort === 'constraint' ? { ...named, sort: 'index' } : named));
}

function otherName(name: string, former: string, table: string): string {
  return name.startsWith(former) ? fitName(table, name.slice(former.length)) : fitName(name, `_${table}`);
}

/** What setting a column aside takes from it, told from the table before, so that the way back knows it too. */
interface Taken {
  items: Item[];
  hasDefault: boolean;
  notNull: boolean;
  /** Of a domain that may refuse or fill in values. */ domain: { base: string; notNull: boolean } | null;
}

function takenFrom(column: LiveColumn, source: Source): Taken {
  const definition = definitionOf(column);
  return {
    items: source.items.filter((item) => affectsInserts(item, column.name, column.generated)),
    // It would be run for every row that is written: it may fail, be slow, or take numbers from a sequence.
    hasDefault: !column.generated && definition.default !== undefined,
    notNull: !column.nullable && !column.generated && definition.expression === undefined,
    domain: column.generated || definition.expression !== undefined ? null : (definition.domain ?? null),
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
  const columns = live.columns.map((c) => (c === column ? disarmed(c, aside, taken) : c));
  return {
    statements: [
      `alter table ${quote(live.name)} rename column ${quote(column.name)} to ${quote(aside)}`,
      ...dropped.statements,
      ...alterTable(live.name, [
        ...dropped.clauses,
        ...(taken.hasDefault ? [`${alter} drop default`] : []),
        ...(taken.notNull ? [`${alter} drop not null`] : []),
        ...(taken.domain === null ? [] : [`${alter} type ${taken.domain.base}`]),
      ]),
      ...renameStatements(live.name, names),
    ],
    live: withSource({ ...live, columns }, renameColumnIn(renameIn(left, names), column.name, aside)),
  };
}

function disarmed(column: LiveColumn, aside: string, taken: Taken): LiveColumn {
  const { default: own, domain: _domain, ...definition } = definitionOf(column);
  return {
    ...column,
    name: aside,
    nullable: column.nullable || taken.notNull,
    ...(taken.hasDefault ? { default: null } : {}),
    ...(taken.domain === null ? {} : { native: taken.domain.base }),
    definition: JSON.stringify({ ...(taken.hasDefault || own === undefined ? {} : { default: own }), ...definition }),
  };
}

export function bringBackColumn(
  live: LiveTable,
  aside: string,
  was: LiveTable,
  name: string,
  others: readonly LiveTable[] = [],
): Rendered {
  const [column, former] = [columnOf(live, aside), columnOf(was, name)];
  const definition = definitionOf(former);
  const [source, formerSource] = [sourceOf(live), sourceOf(was)];
  const taken = takenFrom(former, formerSource);
  const names = bringBackNames(source, setAsideNames(formerSource, former.name, aside, taken.items));
  const columns = live.columns.map((c) => (c === column ? { ...former } : c));
  const whole = renameColumnIn(renameIn(source, names), column.name, former.name);
  // A key over two columns that are both set aside is made again with the last of them.
  const { items } = itemsGoneWith(
    { ...formerSource, items: taken.items, statistics: [] },
    others.map(sourceOf),
    whole,
    former.name,
  );
  const made = remakeParts(live.name, items);
  const alter = `alter column ${quote(former.name)}`;
  const mustHold = taken.notNull || taken.domain?.notNull === true;
  const fills = taken.hasDefault && mustHold;
  const [table, kept] = [quote(live.name), `${quote(live.name)}.${quote(aside)}`];
  const collate = definition.collation === undefined ? '' : ` collate ${definition.collation}`;
  return {
    statements: [
      `alter table ${table} rename column ${quote(column.name)} to ${quote(former.name)}`,
      ...renameStatements(live.name, names),
      ...alterTable(live.name, taken.hasDefault ? [`${alter} set default ${definition.default}`] : []),
      // Rows that were written without it: what an insert that leaves it out gives them.
      ...(fills
        ? [
            withoutTriggers(
              live,
              `update ${table} set ${quote(former.name)} = default where ${quote(former.name)} is null`,
            ),
          ]
        : []),
      ...alterTable(live.name, [
        ...(taken.domain === null ? [] : [`${alter} type ${former.native}${collate}`]),
        ...(taken.notNull ? [`${alter} set not null`] : []),
        ...made.clauses,
      ]),
      ...made.statements,
    ],
    live: withSource({ ...live, columns }, { ...whole, items: [...whole.items, ...items] }),
    needs: [
      ...(taken.domain?.notNull === true && !fills
        ? [
            {
              need: 'no_rows' as const,
              from: table,
              like: `${kept} is null`,
              of: `the type ${former.native} of ${former.name}`,
            },
          ]
        : []),
      ...needsOf(items, live.name, {
        from: table,
        valued: (c) => (c === former.name ? kept : `${table}.${quote(c)}`),
        column: former.name,
      }),
    ],
    ...(fills ? { fills: true } : {}),
  };
}
