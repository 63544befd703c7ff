import type { Rendered } from '../../../ddl.js';
import { existingColumn, isApart, isOnlyColumn, type LiveTable } from '../../../live.js';
import { columnText, isPlainUnique, parseSource, primaryKeyOf, readSource, sourceOf, textOf } from '../introspect.js';
import {
  clauseColumns,
  parseColumn,
  parseIndex,
  type Clause,
  type ColumnText,
  type TableText,
} from '../parser/parse.js';
import { isWord, normalise, sameName, tokenAt, tokenize } from '../parser/tokens.js';
import { literal } from '../sql.js';
import { mergeBack, namesColumn, renderTable, replaceColumn, respell, respellAll } from './edit-text.js';
import { dropIndexes, rebuild, type Value } from './rebuild.js';
import { asCalled } from './rename-table.js';

/** Another member of the primary key. */
export function isMember(text: TableText, name: string): (column: ColumnText) => boolean {
  const others = primaryKeyOf(text).filter((c) => !sameName(c, name));
  return (column) => others.some((other) => sameName(other, column.name));
}

/**
 * What a member of the key is without saying so has to be said when the key is gone: else it would hold NULLs, which
 * keep the key away.
 */
export function notNull(column: ColumnText): ColumnText {
  if (column.clauses.some((c) => c.kind === 'not null')) return column;
  const { end } = tokenAt(tokenize(column.text), -1);
  return parseColumn(`${column.text.slice(0, end)} not null${column.text.slice(end)}`);
}

/** The members of a key that comes back, as they were. */
export function withMembers(columns: ColumnText[], former: TableText, name: string): ColumnText[] {
  if (!primaryKeyOf(former).some((c) => sameName(c, name))) return columns;
  const members = former.columns.filter(isMember(former, name));
  return columns.map(
    (column) => members.find((was) => normalise(notNull(was).text) === normalise(column.text)) ?? column,
  );
}

/** Table constraints that go and come with a column: the keys it is part of, and what is over it alone. */
export function hangsOn(text: TableText, clause: Clause, name: string): boolean {
  if (clause.kind === 'primary key') return namesColumn(clause.body, name);
  if (clause.kind === 'foreign key') return clauseColumns(clause).some((c) => sameName(c, name));
  if (clause.kind === 'unique') return clauseColumns(clause).length === 1 && namesColumn(clause.body, name);
  return (
    clause.kind === 'check' &&
    namesColumn(clause.body, name) &&
    !text.columns.some((c) => !sameName(c.name, name) && namesColumn(clause.body, c.name))
  );
}

/** A plain unique index over this column alone, made by CREATE INDEX. */
export function isUniqueOf(sql: string, column: string): boolean {
  const index = parseIndex(sql);
  return isPlainUnique(index) && isOnlyColumn(index.columns, column);
}

/** The same, where it is the column's uniqueness. */
export function isOwnUniqueOf(sql: string, column: string, apart: readonly string[]): boolean {
  return isUniqueOf(sql, column) && !isApart(parseIndex(sql).name, apart);
}

/**
 * What rows that were written without the column get where it must not be NULL: what an insert that leaves it out gives
 * them.
 */
export function fillOf(column: ColumnText, was: LiveTable): string | null {
  const live = existingColumn(was, column.name);
  const byDefault = column.clauses.find((c) => c.kind === 'default');
  if (
    live.nullable ||
    live.generated ||
    byDefault === undefined ||
    was.primaryKey.some((k) => sameName(k, column.name))
  )
    return null;
  if (was.uniques.some((u) => isOnlyColumn(u.columns, column.name))) return null;
  const [, token, ...more] = tokenize(byDefault.body);
  if (token === undefined || (token.kind === 'word' && sameName(token.text, 'null') && more.length === 0)) return null;
  const isText =
    more.length === 0 &&
    (token.kind === 'quoted' ||
      (token.kind === 'word' && !isWord(token, 'true', 'false', 'current_time', 'current_date', 'current_timestamp')));
  return isText ? literal(token.value) : byDefault.body.slice('default'.length).trim();
}

/**
 * The column's text, the constraints that go with it and its unique indexes as they were. `live` is what stands there,
 * `now` the
 * same with the column under its own name; `value` converts or fetches, undefined copies, null leaves it to be
 * computed.
 */
export function putBack(
  live: LiveTable,
  now: LiveTable,
  name: string,
  was: LiveTable,
  value: string | null | undefined,
  apart: readonly string[] = [],
): Rendered {
  const then = asCalled(sourceOf(was), now.name);
  const [text, former] = [textOf(now), parseSource(then)];
  const column = columnText(former, name);
  const missing = former.constraints.filter((clause) => hangsOn(former, clause, name));
  const isSame = (a: Clause, b: Clause): boolean => normalise(a.text, text.name) === normalise(b.text, text.name);
  const stay = text.constraints.filter((clause) => !hangsOn(text, clause, name));
  const constraints = mergeBack(stay, former.constraints, missing, isSame);
  const replaced = replaceColumn(text, name, column);
  const next = respell(
    {
      ...replaced,
      columns: withMembers(replaced.columns, former, name),
      constraints,
      options: primaryKeyOf(former).some((c) => sameName(c, name)) ? former.options : text.options,
    },
    former,
  );
  const { indexes, triggers } = sourceOf(now);
  const wanted = then.indexes.filter((sql) => isOwnUniqueOf(sql, name, apart));
  const kept = indexes.filter(
    (sql) => !isOwnUniqueOf(sql, name, apart) || wanted.some((other) => normalise(other) === normalise(sql)),
  );
  const added = wanted.filter((sql) => !kept.some((other) => normalise(other) === normalise(sql)));
  if (
    live === now &&
    value === undefined &&
    normalise(renderTable(next, next.name)) === normalise(renderTable(text, text.name))
  ) {
    return reindex(
      now,
      indexes.filter((sql) => !kept.includes(sql)),
      kept,
      added,
    );
  }
  const values: Record<string, Value> = value === undefined ? {} : { [column.name]: value };
  return rebuild(live, {
    text: next,
    indexes: mergeBack(respellAll(kept, then.indexes), then.indexes, added, isSameText),
    triggers: respellAll(triggers, then.triggers),
    values,
    parents: then.around?.parents,
  });
}

function isSameText(a: string, b: string): boolean {
  return normalise(a) === normalise(b);
}

export function reindex(live: LiveTable, dropped: string[], kept: string[], added: string[]): Rendered {
  return {
    statements: [...dropIndexes(dropped), ...added],
    live: { ...readSource({ ...sourceOf(live), indexes: [...kept, ...added] }), name: live.name },
  };
}
