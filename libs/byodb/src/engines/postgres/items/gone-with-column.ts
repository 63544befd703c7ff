import { DatabaseError } from '../../../errors.js';
import { isAside } from '../../../live.js';
import { withColumns, type Item, type Source, type Statistics } from './table-items.js';

/**
 * What hung on a column and went with it, or with `others` that went before it and are back by now, told in the names
 * that the table's columns have `now`; the column itself
 * is there again under its former name. What hung on others that are set aside too is made with the last of them.
 * Throws
 * `unsupported_change` for what is known by its text alone and names a column that is called otherwise by now.
 */
export function itemsGoneWith(
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
