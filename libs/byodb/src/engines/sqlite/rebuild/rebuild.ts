import type { RenderedTable } from '../../../ddl.js';
import { DatabaseError } from '../../../errors.js';
import type { LiveTable } from '../../../live.js';
import { isRowid, readSource, sourceOf, textOf, withoutRowid, type Source, type Surroundings } from '../introspect.js';
import { parseIndex, type TableText } from '../parser/parse.js';
import { isName, isSymbol, isWord, replaceTokens, sameName, tokenize } from '../parser/tokens.js';
import { literal, quote } from '../sql.js';
import { renderTable } from './edit-text.js';

const NEW = '_saga_new';
const OLD = '_saga_old';

/**
 * How a column gets its values: an expression over the old table, which goes by the name that is given; null: none, it
 * is new.
 */
export type Value = string | null | ((from: string) => string);

export interface Remake {
  /** What its foreign keys refer to, of a text that has more of them than what stands there. */
  parents?: Surroundings['parents'];
  /** The table's new text, under the name that it is to have. */
  text: TableText;
  indexes: string[];
  triggers: string[];
  values?: Record<string, Value>;
}

/**
 * The table made anew with another text and its rows copied (https://www.sqlite.org/lang_altertable.html, "Making Other
 * Kinds
 * Of Table Schema Changes"). The old one is moved away first, so that the new one is made by its own text, to the
 * letter.
 */
export function rebuild(live: LiveTable, { text, indexes, triggers, values = {}, parents }: Remake): RenderedTable {
  refuseUnmakeable(live);
  const around = sourceOf(live).around;
  const before = textOf(live);
  const table = renderTable(text, text.name);
  const copy = (from: string, into: string): string[] => copyRows({ before, after: text, values, from, into });
  const make = (from: string): string[] => [
    table,
    ...copy(from, text.name),
    ...counterStatements(before, text, from),
    `drop table ${quote(from)}`,
  ];
  const inPlace = sameName(live.name, text.name);
  const statements = !inPlace
    ? make(live.name)
    : around?.broken?.total === true || saysItsName(live)
      ? makeTwice(before, live.name, text, copy)
      : [
          // Else the rename would take the foreign keys, triggers and views of others along that name the table, or
          // fail on one of them.
          'pragma legacy_alter_table = on',
          `alter table ${quote(live.name)} rename to ${quote(OLD)}`,
          'pragma legacy_alter_table = off',
          ...make(OLD),
        ];
  const surroundings = withParents(around, parents);
  const source: Source = { table, indexes, triggers, ...(surroundings === undefined ? {} : { around: surroundings }) };
  return {
    statements: [
      ...keepStatistics(live, inPlace),
      ...statements,
      ...indexes,
      ...triggers,
      ...giveStatistics(live, inPlace),
    ],
    live: { ...readSource(source), name: text.name },
  };
}

export function withParents(
  around: Surroundings | undefined,
  parents: Surroundings['parents'],
): Surroundings | undefined {
  return parents === undefined ? around : { ...around, parents: { ...parents, ...around?.parents } };
}

/** A column of its own qualified by the table's name, which such a rename leaves as it is and then does not find. */
function saysItsName(live: LiveTable): boolean {
  const { table, indexes } = sourceOf(live);
  return [table, ...indexes].some((sql) =>
    tokenize(sql).some(
      (token, i, tokens) => isName(token) && sameName(token.value, live.name) && isSymbol(tokens[i + 1], '.'),
    ),
  );
}

/** Where SQLite refuses the rename: copied away and back. */
function makeTwice(
  before: TableText,
  name: string,
  text: TableText,
  copy: (from: string, into: string) => string[],
): string[] {
  const plain = (from: string, into: string): string[] =>
    copyRows({ before: text, after: text, values: {}, from, into });
  return [
    renderTable(text, NEW),
    ...copy(name, NEW),
    ...counterStatements(before, text, name, NEW),
    `drop table ${quote(name)}`,
    renderTable(text, text.name),
    ...plain(NEW, text.name),
    ...counterStatements(text, text, NEW, text.name),
    `drop table ${quote(NEW)}`,
  ];
}

function copyRows({
  before,
  after,
  values,
  from,
  into,
}: {
  before: TableText;
  after: TableText;
  values: Record<string, Value>;
  from: string;
  into: string;
}): string[] {
  const copied = after.columns.filter(
    (c) => values[c.name] !== null && !c.clauses.some((clause) => clause.kind === 'generated'),
  );
  const value = (name: string): string => {
    const given = values[name];
    return typeof given === 'function' ? given(from) : (given ?? quote(name));
  };
  const targets = copied.map((c) => quote(c.name));
  const sources = copied.map((c) => value(c.name));
  const rowid = sharedRowid(before, after);
  if (rowid !== null) {
    targets.unshift(rowid);
    sources.unshift(rowid);
  }
  return targets.length === 0
    ? []
    : [`insert into ${quote(into)} (${targets.join(', ')}) select ${sources.join(', ')} from ${quote(from)}`];
}

/** Else numbers of deleted rows would be given out again. */
function counterStatements(before: TableText, after: TableText, from: string, to = after.name): string[] {
  if (!countsUp(before) || !countsUp(after)) return [];
  return [
    `delete from sqlite_sequence where name = ${literal(to)}`,
    `insert into sqlite_sequence (name, seq) select ${literal(to)}, seq from sqlite_sequence where name ` +
      `= ${literal(from)}`,
  ];
}

/** DROP TABLE takes the planner's statistics along; under another name they outlive it. */
function keepStatistics(live: LiveTable, inPlace: boolean): string[] {
  return inPlace
    ? statistics(live).map(
        (table) => `update ${quote(table)} set tbl = ${literal(NEW)} where tbl = ${literal(live.name)}`,
      )
    : [];
}

function giveStatistics(live: LiveTable, inPlace: boolean): string[] {
  if (!inPlace) return [];
  return statistics(live).flatMap((table) => [
    `update ${quote(table)} set tbl = ${literal(live.name)} where tbl = ${literal(NEW)} and (idx is null ` +
      `or idx in (select name from sqlite_schema where type = 'index' and tbl_name = ` +
      `${literal(live.name)}))`,
    `delete from ${quote(table)} where tbl = ${literal(NEW)}`,
  ]);
}

function statistics(live: LiveTable): string[] {
  return sourceOf(live).around?.statistics ?? [];
}

/** What cannot be made again is not taken away: nobody but its owner's program could ever bring it back. */
export function refuseUnmakeable(live: LiveTable): void {
  const found = sourceOf(live).around?.unmakeable?.[0];
  if (found !== undefined)
    throw new DatabaseError(
      'unsupported_change',
      `${found.object} ${found.why}: this change, or its way back, makes it again, which cannot be done from here`,
      { details: found },
    );
}

/** Indexes that are dropped to be made again. */
export function dropIndexes(indexes: string[]): string[] {
  return indexes.map((sql) => `drop index ${quote(parseIndex(sql).name)}`);
}

function countsUp(text: TableText): boolean {
  return [...text.columns.flatMap((c) => c.clauses), ...text.constraints].some(
    (c) => c.kind === 'primary key' && tokenize(c.body).some((t) => isWord(t, 'autoincrement')),
  );
}

/**
 * A hidden rowid that both have: others' rows may point at it (full text search does). Null: none, or every name of it
 * is taken by a column.
 */
function sharedRowid(before: TableText, after: TableText): string | null {
  for (const text of [before, after]) {
    if (withoutRowid(text) || text.columns.some((c) => isRowid(text, c.name))) return null;
  }
  return hiddenRowid(before, after);
}

/** A name by which the hidden rowid can be reached in all of these. */
export function hiddenRowid(...texts: TableText[]): string | null {
  return (
    ['rowid', '_rowid_', 'oid'].find(
      (name) => !texts.some((text) => text.columns.some((c) => sameName(c.name, name))),
    ) ?? null
  );
}

export function withRowid(options: string): string {
  return replaceTokens(options, (token, i, tokens) => {
    const isOption = (at: number): boolean => isWord(tokens[at], 'without') || isWord(tokens[at - 1], 'without');
    return isOption(i) || token.text === ',' ? '' : null;
  });
}

export function withIndexes(rendered: RenderedTable, indexes: string[]): RenderedTable {
  const source = sourceOf(rendered.live);
  return {
    statements: [...rendered.statements, ...indexes],
    live: readSource({ ...source, indexes: [...source.indexes, ...indexes] }),
  };
}
