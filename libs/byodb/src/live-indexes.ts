import type { Engine } from './engine.js';
import { findNamed, foldName, isAside, type LiveTable } from './live.js';
import type { Plan } from './operation.js';
import { sameIndex, type Index, type LiveIndex } from './schema/table-index.js';

/** The indexes of a table that work. Each is taken from a text: read them once for all that is asked of them. */
export function wholeIndexes(engine: Engine, live: LiveTable): LiveIndex[] {
  return engine.indexes(live).filter(({ valid }) => valid);
}

/**
 * A managed index among those of its table (`wholeIndexes`); undefined: it is not there. It is the last of the names
 * that it may have: one before that was another's when it was made.
 */
export function indexAmong(there: readonly LiveIndex[], { called }: Pick<Index, 'called'>): LiveIndex | undefined {
  for (const name of [...called].reverse()) {
    const found = findNamed(there, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The same of one index alone. */
export function indexNow(engine: Engine, live: LiveTable, index: Pick<Index, 'called'>): LiveIndex | undefined {
  return indexAmong(wholeIndexes(engine, live), index);
}

/**
 * Managed indexes of a table that came back under another name. Where somebody has their names by then, they come back
 * under others, which are learnt here. `former`: the table as it was set aside; `back`: as it comes back.
 */
export function asRestored(engine: Engine, former: LiveTable, back: LiveTable, indexes: readonly Index[]): Index[] {
  if (indexes.length === 0) return [];
  const [before, after] = [wholeIndexes(engine, former), wholeIndexes(engine, back)];
  const names = new Set(before.map(({ name }) => name));
  const renamed = after.filter(({ name }) => !names.has(name));
  return indexes.map((index) => {
    const was = indexAmong(before, index);
    if (was === undefined || indexAmong(after, index) !== undefined) return index;
    const now = renamed.find((one) => sameIndex(one, was));
    if (now === undefined) return index;
    renamed.splice(renamed.indexOf(now), 1);
    return { ...index, called: [...index.called, now.name] };
  });
}

/** All names that managed indexes may have in a database. */
export function namesOf(indexes: readonly Index[]): string[] {
  return indexes.flatMap(({ called }) => called);
}

/** The managed indexes that stand there before a step. */
export function indexesBefore({ before }: Pick<Plan, 'before'>): Index[] {
  return before.flatMap(({ indexes = [] }) => indexes);
}

/** Whether the table has an index of this name, portable or not, that is whole. */
export function isIndexThere(engine: Engine, live: LiveTable, name: string): boolean {
  const broken = engine.indexes(live).some((index) => !index.valid && foldName(index.name) === foldName(name));
  return hasObject(live, name) && !broken;
}

/** Whether a unique, index or the like of the table has this name, in any case of letters. */
export function hasObject(live: LiveTable, name: string): boolean {
  return findNamed([...live.uniques, ...live.extras], name) !== undefined;
}

/**
 * The table without the uniques that are managed indexes, or were and are about to go: they say nothing of whether a
 * column is unique by itself.
 */
export function withoutOwnIndexes(engine: Engine, live: LiveTable, indexes: readonly Index[]): LiveTable {
  const there = indexes.length === 0 ? [] : wholeIndexes(engine, live);
  const own = new Set(indexes.flatMap((index) => indexAmong(there, index)?.name ?? []));
  const isDropped = (name: string): boolean => isAside(name) && !isAside(live.name);
  const uniques = live.uniques.filter(({ name }) => !own.has(name) && !isDropped(name));
  return uniques.length === live.uniques.length ? live : { ...live, uniques };
}

/** Managed indexes as they are found, without those that are gone. */
export function indexesFound(engine: Engine, live: LiveTable, known: readonly Index[]): Index[] {
  const there = known.length === 0 ? [] : wholeIndexes(engine, live);
  return known.flatMap((index) => {
    const now = indexAmong(there, index);
    return now === undefined ? [] : [{ ...index, columns: now.columns, unique: now.unique }];
  });
}

/**
 * What an adopted table brings along that every engine could have. A unique index of one column is told as the column's
 * uniqueness, and one that a foreign key rests on alone goes with that.
 */
export function adoptableIndexes(engine: Engine, live: LiveTable): Index[] {
  const seen = new Set<string>();
  return engine.indexes(live).flatMap(({ name, columns, unique, valid, servesForeignKey }): Index[] => {
    const key = foldName(name);
    const isPartOfOther = (unique && columns.length === 1) || servesForeignKey === true;
    if (!valid || isPartOfOther || isAside(name) || columns.some((column) => isAside(column.name)) || seen.has(key))
      return [];
    seen.add(key);
    return [{ name, columns, unique, called: [name], adopted: true }];
  });
}
