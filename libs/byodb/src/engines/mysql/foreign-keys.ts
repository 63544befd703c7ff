import type { Need } from '../../ddl.js';
import { foldName, isAside, isOnlyColumn, type Extra, type LiveTable } from '../../live.js';
import { pairs } from '../../pairs.js';
import { isForeignKey } from './keys/set-aside-keys.js';
import { blank, namesIn, parts, tokens, wordAt } from './parser/ddl-text.js';
import { literal, quote, unquote } from './sql.js';

/** One foreign key of a table, taken apart. */
export interface ForeignKey {
  extra: Extra;
  /** As the database knows it; '' where it is InnoDB's own and its table's text is not at hand. */
  name: string;
  columns: string[];
  /** Quoted, with its database where the text names one. */
  parent: string;
  /** Null: in another database. */
  parentTable: string | null;
  parentColumns: string[];
  /** From FOREIGN KEY on. */
  rule: string;
}

/**
 * What a parent is called where its rows are looked up: it may be the table itself. Locked under that name too (see
 * `freeze`).
 */
export const PARENT = '_saga_parent';

/** Longest identifier, in characters. */
const LONGEST_NAME = 64;

export function foreignKeys(live: LiveTable): ForeignKey[] {
  return live.extras.filter(isForeignKey).map((extra) => {
    const rule = extra.definition.replace(/^CONSTRAINT `(?:[^`]|``)+` /, '');
    const words = tokens(rule);
    const at = words.findIndex((word) => word.toUpperCase() === 'REFERENCES');
    const elsewhere = words[at + 2] === '.';
    const parent = elsewhere ? words.slice(at + 1, at + 4).join('') : wordAt(words, at + 1);
    const groups = words.filter((word) => word.startsWith('('));
    return {
      extra,
      name: extra.name === '' ? givenName(live, extra) : extra.name,
      rule,
      parent,
      parentTable: elsewhere ? null : unquote(parent),
      columns: namesIn(wordAt(groups, 0)),
      parentColumns: namesIn(wordAt(groups, 1)),
    };
  });
}

/** Those of one column alone: an index over it alone serves no others. */
export function keysOver(live: LiveTable, column: string): ForeignKey[] {
  return foreignKeys(live).filter((key) => isOnlyColumn(key.columns, column));
}

export function keysThatSetNull(live: LiveTable, column: string): ForeignKey[] {
  return foreignKeys(live).filter(
    (key) => key.columns.some((c) => foldName(c) === foldName(column)) && / SET NULL\b/i.test(blank(key.rule)),
  );
}

/** From the table to itself: it goes and comes with it, and acts on nobody else. */
export function isOwn(key: ForeignKey, live: Pick<LiveTable, 'name'>): boolean {
  return key.parentTable !== null && foldName(key.parentTable) === foldName(live.name);
}

/** InnoDB's own name of a key that got none: in the text alone, as it changes with the table's. */
export function givenName(live: LiveTable, key: Extra): string {
  const part = parts(live.source ?? '()').find((p) => p.endsWith(key.definition) && p.startsWith('CONSTRAINT `'));
  return part === undefined ? '' : unquote(wordAt(tokens(part), 1));
}

export function dropKey(key: ForeignKey): string {
  return `DROP FOREIGN KEY ${quote(key.name)}`;
}

/** Keys that `was` had and `live` has no more, whose columns are all there: they are to be made again. */
export function missingKeys(live: LiveTable, was: LiveTable, columns: readonly string[]): ForeignKey[] {
  const there = foreignKeys(live).map((key) => key.rule);
  const has = (name: string): boolean => columns.some((column) => foldName(column) === foldName(name));
  return foreignKeys(was).filter((key) => !there.includes(key.rule) && key.columns.every(has));
}

/**
 * The clauses that make keys again. A key makes an index of its own where it finds none that its owner made, and takes
 * the place of one that an earlier key made so: an index over the same columns is made again with it, so that it keeps
 * its name, and those behind it, so that it keeps its place. The server sees that they are the same, and builds none of
 * them.
 */
export function addKeys(live: LiveTable, was: LiveTable, keys: readonly ForeignKey[]): string[] {
  const all = live.extras.filter((extra) => extra.kind === 'KEY');
  const first = all.findIndex((index) => keys.some((key) => sameColumns(index, key.columns)));
  // One that the server named after a key that was renamed gets that key's new name from it.
  const indexes = first === -1 ? [] : all.slice(first).filter((index) => !isAside(index.name));
  return [
    ...indexes.flatMap((index) => [`DROP INDEX ${quote(index.name)}`, `ADD ${index.definition}`]),
    ...keys.map((key) => `ADD CONSTRAINT ${quote(nameFor(key, was))} ${key.rule}`),
  ];
}

export function nameFor(key: ForeignKey, was: LiveTable): string {
  return key.name === '' ? `${was.name}_ibfk_1` : nameBack(key.name, was);
}

/** As it was; for a table that comes back under another name, one that the table which has its name now cannot have. */
export function nameBack(name: string, was: LiveTable): string {
  const former = formerName(was);
  if (former === was.name) return name;
  const number = name.startsWith(`${former}_ibfk_`) ? name.slice(former.length) : `_${name}`;
  return `${was.name.slice(0, LONGEST_NAME - Math.min(number.length, 40))}${number}`.slice(0, LONGEST_NAME);
}

export function freeKeyNames(names: readonly string[], table: string): Need[] {
  return names.map((name) => ({
    need: 'free',
    from: 'information_schema.referential_constraints',
    like: `constraint_schema = database() and lower(constraint_name) = lower(${literal(name)})`,
    of: `foreign key ${name} of ${table}`,
  }));
}

/**
 * What these keys of `table` need when they are made again. `child`: the table as it is called until then, `asCalled` a
 * column of it.
 */
export function needsOf(
  keys: readonly ForeignKey[],
  table: string,
  child: string,
  asCalled: (column: string) => string = (column) => column,
): Need[] {
  return keys.flatMap((key): Need[] => {
    const of = `foreign key ${key.name} of ${table}`;
    const columns = key.columns.map((column) => `${quote(child)}.${quote(asCalled(column))}`);
    const same = pairs(columns, key.parentColumns)
      .map(([column, parent]) => `${column} = ${quote(PARENT)}.${quote(parent)}`)
      .join(' and ');
    const like =
      `${columns.map((column) => `${column} is not null`).join(' and ')} and not exists (select 1 from ` +
      `${key.parent} as ${quote(PARENT)} where ${same})`;
    const there: Need[] =
      key.parentTable === null ? [] : [{ need: 'table', table: key.parentTable, columns: key.parentColumns, of }];
    return [...there, { need: 'no_rows', from: quote(child), like, of }];
  });
}

/** What the table was called when it was read; `was` may bear the name that it is to get. */
export function formerName(was: LiveTable): string {
  const [, name] = /^CREATE TABLE (`(?:[^`]|``)+`)/.exec(was.source ?? '') ?? [];
  return name === undefined ? was.name : unquote(name);
}

function sameColumns(index: Extra, columns: readonly string[]): boolean {
  const group = tokens(index.definition).find((word) => word.startsWith('('));
  if (group === undefined || !/^\((`(?:[^`]|``)+`,?)+\)$/.test(group)) return false;
  return namesIn(group).map(foldName).join() === columns.map(foldName).join();
}
