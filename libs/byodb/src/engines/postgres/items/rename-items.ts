import { isAside } from '../../../live.js';
import { fitName, quote } from '../sql.js';
import { withColumns, type Item, type Source } from './table-items.js';

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
