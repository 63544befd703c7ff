import type { Engine } from './engine.js';
import { findNamed, foldName, isAside, type LiveTable } from './live.js';
import type { Plan } from './operation.js';
import { sameIndex, type Index, type LiveIndex } from './schema/table-index.js';

/**
 * A managed index as it stands in a database; undefined: it does not. It is the last of the names that it may have: one
 * before that was another's when it was made.
 */
export function indexNow(engine: Engine, live: LiveTable, index: Index): LiveIndex | undefined {
  const there = engine.indexes(live).filter(({ valid }) => valid);
  for (const name of [...index.called].reverse()) {
    const found = findNamed(there, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Managed indexes of a table that came back under another name. Where somebody has their names by then, they come back
 * under others, which are learnt here. `former`: the table as it was set aside; `back`: as it comes back.
 */
export function asRestored(engine: Engine, former: LiveTable, back: LiveTable, indexes: readonly Index[]): Index[] {
  const names = new Set(engine.indexes(former).map(({ name }) => name));
  const renamed = engine.indexes(back).filter(({ name }) => !names.has(name));
  return indexes.map((index) => {
    const was = indexNow(engine, former, index);
    if (was === undefined || indexNow(engine, back, index) !== undefined) return index;
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
  const own = new Set(indexes.flatMap((index) => indexNow(engine, live, index)?.name ?? []));
  const isDropped = (name: string): boolean => isAside(name) && !isAside(live.name);
  const uniques = live.uniques.filter(({ name }) => !own.has(name) && !isDropped(name));
  return uniques.length === live.uniques.length ? live : { ...live, uniques };
}

/** Managed indexes as they are found, without those that are gone. */
export function indexesFound(engine: Engine, live: LiveTable, known: readonly Index[]): Index[] {
  return known.flatMap((index) => {
    const now = indexNow(engine, live, index);
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
