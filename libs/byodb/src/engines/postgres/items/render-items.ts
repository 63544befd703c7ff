import type { Need } from '../../../engine.js';
import { DatabaseError } from '../../../errors.js';
import { isAside } from '../../../live.js';
import { fitName, literal, optionClause, quote } from '../sql.js';
import { foreignKeyClause, withColumns, type Item, type Source, type Statistics } from './table-items.js';

/** Something whose name others could need: an index or sequence is known to the whole schema. */
export interface Named {
  sort: 'constraint' | 'index' | 'sequence' | 'statistics';
  name: string;
  to: string;
}

/**
 * What gives up its name together with the table, or with one column, in an order that follows from `source` alone. The
 * names of checks
 * and foreign keys are the table's own, so they stay when the whole table goes. What was set aside before keeps that
 * name.
 */
export function setAsideNames(
  source: Source,
  column: string | null,
  aside: string,
  without: readonly Item[] = [],
): Named[] {
  const hangs = (mentions: readonly string[]): boolean => column === null || mentions.includes(column);
  const items = source.items.filter(
    (item) =>
      hangs(item.mentions) &&
      !without.some((w) => w.name === item.name) &&
      (item.kind === 'index' ||
        item.unique ||
        item.kind === 'exclude' ||
        (column !== null && item.kind === 'foreign key')),
  );
  return [
    ...items.map((item) => ({
      sort: item.kind === 'index' ? ('index' as const) : ('constraint' as const),
      name: item.name,
    })),
    ...source.sequences.filter((s) => hangs([s.column])).map((s) => ({ sort: 'sequence' as const, name: s.name })),
    ...source.statistics.filter((s) => hangs(s.mentions)).map((s) => ({ sort: 'statistics' as const, name: s.name })),
  ]
    .map((named, i) => ({ ...named, to: fitName(aside, `_${i + 1}`) }))
    .filter((named) => !isAside(named.name));
}

/** The way back, for those that are there under the name that they were given. */
export function bringBackNames(
  live: Source,
  given: readonly Named[],
  former: (name: string) => string = (name) => name,
): Named[] {
  const there = new Set([...live.items, ...live.sequences, ...live.statistics].map((x) => x.name));
  return given
    .filter((named) => there.has(named.to))
    .map((named) => ({ sort: named.sort, name: named.to, to: former(named.name) }));
}

export function renameStatements(table: string, names: readonly Named[]): string[] {
  return names.map(({ sort, name, to }) =>
    sort === 'constraint'
      ? `alter table ${quote(table)} rename constraint ${quote(name)} to ${quote(to)}`
      : `alter ${sort} ${quote(name)} rename to ${quote(to)}`,
  );
}

export function renameIn(source: Source, names: readonly Named[]): Source {
  const to = new Map(names.map((named) => [named.name, named.to]));
  const renamed = <T extends { name: string }>(x: T): T => ({ ...x, name: to.get(x.name) ?? x.name });
  return {
    ...source,
    items: source.items.map(renamed),
    sequences: source.sequences.map(renamed),
    statistics: source.statistics.map(renamed),
  };
}

export function renameColumnIn(source: Source, from: string, to: string): Source {
  const renamed = (names: readonly string[]): string[] => names.map((name) => (name === from ? to : name));
  return {
    ...source,
    items: source.items.map((item) => withColumns(item, renamed(item.columns), renamed(item.mentions))),
    sequences: source.sequences.map((s) => ({ ...s, column: s.column === from ? to : s.column })),
    statistics: source.statistics.map((s) => ({ ...s, mentions: renamed(s.mentions) })),
    ...(source.partitionKey === undefined
      ? {}
      : { partitionKey: source.partitionKey.map((name) => (name === from ? to : name)) }),
    ...(source.numbers === undefined
      ? {}
      : {
          numbers: Object.fromEntries(
            Object.entries(source.numbers).map(([name, number]) => [name === from ? to : name, number]),
          ),
        }),
  };
}

/** PostgreSQL knows no unique over all partitions but one that holds the partition key. Throws `unsupported_change`. */
export function refuseUniqueApart(table: string, source: Source, columns: readonly string[]): void {
  const missing = (source.partitionKey ?? []).find((name) => name === null || !columns.includes(name));
  if (missing === undefined) return;
  throw new DatabaseError(
    'unsupported_change',
    `postgres: ${table} is partitioned${missing === null ? ' by an expression' : ` by ${missing}`}, so ` +
      `that ${columns.join(', ')} alone cannot be unique over all of its partitions`,
  );
}

/** Clauses of one ALTER TABLE, and what cannot stand in one. */
export interface Parts {
  clauses: string[];
  statements: string[];
}

/**
 * A foreign key of what is set aside would go on acting: refuse the parent's owner, or take rows along. One to its own
 * table has nobody to act on when all of it goes.
 */
export function foreignKeys(source: Source): Item[] {
  return source.items.filter((item) => item.kind === 'foreign key' && item.refers?.self !== true);
}

export function dropParts(items: readonly Item[]): Parts {
  return {
    clauses: items.filter((item) => item.kind !== 'index').map((item) => `drop constraint ${quote(item.name)}`),
    statements: items.filter((item) => item.kind === 'index').map((item) => `drop index ${quote(item.name)}`),
  };
}

/** Makes dropped items again, with all that hung on them. Keys come first: a foreign key may need them. */
export function remakeParts(table: string, items: readonly Item[], statistics: readonly Statistics[] = []): Parts {
  const clauses = items
    .filter((item) => item.kind !== 'index')
    .map((item) => `add constraint ${quote(item.name)} ${foreignKeyClause(item, table)}`);
  const statements = items.flatMap((item) => {
    const made =
      item.kind === 'index'
        ? [`create ${item.unique ? 'unique ' : ''}index ${quote(item.name)} on ${quote(table)} ${item.definition}`]
        : [];
    if (item.options.length > 0)
      made.push(`alter index ${quote(item.name)} set (${item.options.map(optionClause).join(', ')})`);
    if (item.tablespace !== null) made.push(`alter index ${quote(item.name)} set tablespace ${quote(item.tablespace)}`);
    if (item.clustered) made.push(`alter table ${quote(table)} cluster on ${quote(item.name)}`);
    if (item.replicaIdentity) made.push(`alter table ${quote(table)} replica identity using index ${quote(item.name)}`);
    if (item.comment !== null) {
      const thing =
        item.kind === 'index' ? `index ${quote(item.name)}` : `constraint ${quote(item.name)} on ${quote(table)}`;
      made.push(`comment on ${thing} is ${literal(item.comment)}`);
    }
    return made;
  });
  const counted = statistics.map((s) => `create statistics ${quote(s.name)} ${s.definition} from ${quote(table)}`);
  return { clauses, statements: [...statements, ...counted] };
}

export function alterTable(table: string, clauses: readonly string[]): string[] {
  return clauses.length === 0 ? [] : [`alter table ${quote(table)} ${clauses.join(', ')}`];
}

/**
 * What would make an insert fail that leaves the column out, once its value is NULL there, or act on rows elsewhere; an
 * index's expression may fail on NULL. A generated key still numbers itself.
 */
export function bites(item: Item, column: string, generated: boolean): boolean {
  return (
    (item.bitesNull || item.kind === 'foreign key' || (item.kind === 'index' && item.expression)) &&
    item.mentions.includes(column) &&
    !(item.kind === 'primary key' && generated)
  );
}

/**
 * What hung on a column and went with it, or with `others` that went before it and are back by now, told in the names
 * that the table's columns have `now`; the column itself
 * is there again under its former name. What hung on others that are set aside too is made with the last of them.
 * Throws
 * `unsupported_change` for what is known by its text alone and names a column that is called otherwise by now.
 */
export function goneWith(
  own: Source,
  others: readonly Source[],
  now: Source,
  column: string,
): { items: Item[]; statistics: Statistics[] } {
  // Of the others only what was gone already when this one went: about the rest its own table knows better.
  const goneBefore = (other: Source): Source => {
    const named = namesNow(other, own, column);
    const wentBefore = ({ mentions }: { mentions: string[] }): boolean => mentions.some((name) => named(name) === null);
    return { ...other, items: other.items.filter(wentBefore), statistics: other.statistics.filter(wentBefore) };
  };
  const each = [own, ...others.map(goneBefore)].map((former) => goneIn(former, now, column));
  const once = <T extends { name: string }>(all: T[]): T[] =>
    all.filter((x, i) => all.findIndex((other) => other.name === x.name) === i);
  return {
    items: once(each.flatMap(({ items }) => items)),
    statistics: once(each.flatMap(({ statistics }) => statistics)),
  };
}

function goneIn(former: Source, now: Source, column: string): { items: Item[]; statistics: Statistics[] } {
  const named = namesNow(former, now, column);
  const there = new Set([...now.items, ...now.statistics].map((x) => x.name));
  const gone = <T extends { name: string; mentions: string[] }>(all: readonly T[]): T[] =>
    all.filter(
      (x) => x.mentions.includes(column) && !there.has(x.name) && x.mentions.every((name) => named(name) !== null),
    );
  return {
    items: gone(former.items).map((item) => inNames(item, named)),
    statistics: gone(former.statistics).map((s) => {
      refuseRenamed('statistics', s, named);
      return s;
    }),
  };
}

/** What a column of `former` is called now: by its number, else by its name; null: it is not there, or set aside. */
function namesNow(former: Source, now: Source, column: string): (name: string) => string | null {
  const byNumber = new Map(Object.entries(now.numbers ?? {}).map(([name, number]) => [number, name]));
  return (name) => {
    if (name === column) return column;
    const number = former.numbers?.[name];
    const found = number === undefined ? undefined : byNumber.get(number);
    const called = found ?? (now.numbers === undefined || name in now.numbers ? name : null);
    return called === null || isAside(called) ? null : called;
  };
}

function inNames(item: Item, named: (name: string) => string | null): Item {
  if (item.refers !== undefined) {
    const own = (names: readonly string[]): string[] => names.map((name) => named(name) ?? name);
    const refers = {
      ...item.refers,
      columns: item.refers.self ? own(item.refers.columns) : item.refers.columns,
      onDeleteColumns: own(item.refers.onDeleteColumns),
    };
    return { ...item, columns: own(item.columns), mentions: own(item.mentions), refers };
  }
  if (item.frame === null) refuseRenamed(item.kind, item, named);
  return withColumns(
    item,
    item.columns.map((name) => named(name)!),
    item.mentions.map((name) => named(name)!),
  );
}

function refuseRenamed(
  kind: string,
  { name, mentions }: { name: string; mentions: string[] },
  named: (name: string) => string | null,
): void {
  const renamed = mentions.find((mention) => named(mention) !== mention);
  if (renamed === undefined) return;
  throw new DatabaseError(
    'unsupported_change',
    `${kind} ${name} is to come back, and its column ${renamed} is called ${named(renamed)} by now: ` +
      'rename that one back first',
  );
}

/**
 * Where the rows stand until then: quoted, or joined with what is kept; `valued` tells where the value of one of its
 * columns is; `column`: the one that comes back.
 */
export interface Rows {
  from: string;
  valued: (column: string) => string;
  column: string | null;
}

/** What foreign keys and checks that come back need: what they refer to, and no rows that do not fit. */
export function needsOf(items: readonly Item[], table: string, { from, valued, column }: Rows): Need[] {
  return items.flatMap((item): Need[] => {
    const { refers, condition } = item;
    if (condition !== undefined && column !== null) {
      const whole =
        '(select ' +
        `${[...new Set(item.mentions)].map((name) => `${valued(name)} as ${quote(name)}`).join(', ')} from ` +
        `${from}) ${quote(table)}`;
      return [{ need: 'no_rows', from: whole, like: `not (${condition})`, of: `check ${item.name} of ${table}` }];
    }
    if (refers === undefined || !refers.valid || refers.self) return [];
    const of = `foreign key ${item.name} of ${table}`;
    const parent = `${refers.schema === null ? '' : `${quote(refers.schema)}.`}${quote(refers.table)}`;
    const values = item.columns.map(valued);
    const orphan =
      `not exists (select 1 from ${parent} _saga_parent where ` +
      `${refers.columns.map((column, i) => `_saga_parent.${quote(column)} = ${values[i]}`).join(' and ')})`;
    const some = values.map((value) => `${value} is not null`);
    const like =
      refers.match === 'f'
        ? `(${some.join(' or ')}) and not (${some.join(' and ')} and not ${orphan})`
        : `${some.join(' and ')} and ${orphan}`;
    const there: Need[] =
      refers.schema === null ? [{ need: 'table', table: refers.table, columns: refers.columns, of }] : [];
    return [...there, { need: 'no_rows', from, like, of }];
  });
}
