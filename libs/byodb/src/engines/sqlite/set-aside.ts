import type { Rendered } from '../../ddl.js';
import { DatabaseError } from '../../errors.js';
import { findColumn, foldName, type LiveTable } from '../../live.js';
import { foreignKeys, isReference, needsOf, unmatched } from './foreign-keys.js';
import {
  columnText,
  isRowid,
  parseSource,
  primaryKeyOf,
  readSource,
  sourceOf,
  textOf,
  triggerName,
  type Source,
} from './introspect.js';
import { parseIndex, type Clause, type ColumnText, type TableText } from './parser/parse.js';
import { sameName } from './parser/tokens.js';
import {
  composeColumn,
  renamedColumn,
  renamedTable,
  renderTable,
  replaceColumn,
  retitle,
} from './rebuild/edit-text.js';
import { fillOf, hangsOn, isMember, isUniqueOf, notNull, putBack } from './rebuild/put-back.js';
import { dropIndexes, rebuild, refuseUnmakeable, withParents, withRowid, type Value } from './rebuild/rebuild.js';
import { asCalled, renameTable } from './rebuild/rename-table.js';
import { quote } from './sql.js';

/**
 * In what is set aside: the rows whose foreign keys had no row to match before, so that they are no reason to refuse
 * the way back.
 */
const UNMATCHED = '_saga_unmatched';

/** The same of one column that is set aside. */
export function unmatchedName(aside: string): string {
  return `${aside}_u`;
}

/**
 * Names of indexes and triggers are the whole file's: they are given up, and taken again when the table comes back. So
 * are its
 * foreign keys, which would go on refusing, or deleting rows, for what nobody sees any more.
 */
export function setAsideTable(live: LiveTable, aside: string): Rendered {
  refuseUnmakeable(live);
  const source = sourceOf(live);
  const text = textOf(live);
  const keys = foreignKeys(text);
  const bare: Source = { ...source, indexes: [], triggers: [] };
  if (keys.some((key) => !sameName(key.parent, live.name))) {
    const others = keys.filter((key) => !sameName(key.parent, live.name));
    const values = { [UNMATCHED]: unmatchedMark(others, source, live.name) };
    const free = withoutKeys(text);
    const marked: TableText = { ...free, columns: [...free.columns, composeColumn(UNMATCHED, '', [])] };
    if (source.around?.broken !== undefined)
      return rebuild(live, { text: renamed(marked, aside), indexes: [], triggers: [], values });
    // By SQLite's own rename, which takes along what others made to refer to it meanwhile.
    const keyless = rebuild(live, { text: marked, indexes: [], triggers: [], values });
    const gone = renameTable(keyless.live, aside);
    return { ...gone, statements: [...keyless.statements, ...gone.statements] };
  }
  const moved = renameTable({ ...live, source: JSON.stringify(bare) }, aside);
  return {
    ...moved,
    statements: [
      ...dropIndexes(source.indexes),
      ...source.triggers.map((sql) => `drop trigger ${quote(triggerName(sql))}`),
      ...moved.statements,
    ],
  };
}

function unmatchedMark(keys: ReturnType<typeof foreignKeys>, source: Source, own: string): Value {
  return (from) => {
    const condition = unmatched(keys, { from: quote(from), source, own });
    return condition === null ? 'null' : `case when ${condition} then 1 end`;
  };
}

function renamed(text: TableText, name: string): TableText {
  return parseSource(renamedTable({ table: renderTable(text, text.name), indexes: [], triggers: [] }, name));
}

function withoutKeys(text: TableText): TableText {
  const columns = text.columns.map((column) =>
    column.clauses.some(isReference)
      ? composeColumn(
          column.name,
          column.declared,
          column.clauses.filter((c) => !isReference(c)).map((c) => c.text),
        )
      : column,
  );
  return { ...text, columns, constraints: text.constraints.filter((c) => !isReference(c)) };
}

export function bringBackTable(live: LiveTable, was: LiveTable): Rendered {
  const [now, former] = [sourceOf(live), sourceOf(was)];
  const around = withParents(now.around, former.around?.parents);
  const isElsewhere = parseSource(former).name !== was.name;
  const target = {
    ...freeNames(asCalled(former, was.name), around, isElsewhere),
    ...(around === undefined ? {} : { around }),
  };
  const next = parseSource(target);
  refuseOthers(textOf(live), next);
  const isMarked = findColumn(live, UNMATCHED) !== undefined;
  const from = quote(live.name);
  const keys = isMarked ? foreignKeys(next).filter((key) => !sameName(key.parent, next.name)) : [];
  const needs = needsOf(keys, `${from}.${quote(UNMATCHED)}`, { from, source: former, own: live.name });
  const rest = {
    ...(isElsewhere ? {} : { takes: target.indexes.map((sql) => parseIndex(sql).name) }),
    ...(needs.length === 0 ? {} : { needs }),
  };
  const native = renameTable({ ...live, source: JSON.stringify({ ...now, indexes: [] }) }, was.name);
  // Only a copy gives the text back to the letter where SQLite's rename quotes its name.
  const whole = { text: next, indexes: target.indexes, triggers: target.triggers, parents: former.around?.parents };
  if (around?.broken !== undefined) return { ...rest, ...rebuild(live, whole) };
  if (isMarked || sourceOf(native.live).table !== target.table) {
    const rebuilt = rebuild(native.live, whole);
    return { ...rest, ...rebuilt, statements: [...native.statements, ...rebuilt.statements] };
  }
  // What an earlier version set aside has its triggers still.
  const has = now.triggers.map((sql) => foldName(triggerName(sql)));
  const triggers = target.triggers.filter((sql) => !has.includes(foldName(triggerName(sql))));
  const hadIndexes = now.indexes.map((sql) => foldName(parseIndex(sql).name));
  const indexes = target.indexes.filter((sql) => !hadIndexes.includes(foldName(parseIndex(sql).name)));
  return {
    ...rest,
    statements: [...native.statements, ...indexes, ...triggers],
    live: { ...readSource(target), name: was.name },
  };
}

function refuseOthers(now: TableText, then: TableText): void {
  const [found, expected] = [
    now.columns.map((c) => c.name).filter((name) => name !== UNMATCHED),
    then.columns.map((c) => c.name),
  ];
  if (found.map(foldName).join('\n') === expected.map(foldName).join('\n')) return;
  throw new DatabaseError('drift_detected', `what was set aside of ${then.name} has other columns by now`, {
    details: { expected, found },
  });
}

/**
 * Under the former name what is taken by others is told; under another one the indexes and triggers get names that are
 * free.
 */
function freeNames(source: Source, around: Source['around'], isElsewhere: boolean): Source {
  const { indexes: takenIndexes = [], triggers: takenTriggers = [] } = around?.taken ?? {};
  const fresh = (name: string, taken: string[]): string => {
    for (let n = 2; ; n++) if (!taken.includes(foldName(`${name}_${n}`))) return `${name}_${n}`;
  };
  const rename =
    (kind: 'index' | 'trigger', taken: string[]) =>
    (sql: string): string => {
      const name = kind === 'index' ? parseIndex(sql).name : triggerName(sql);
      if (!taken.includes(foldName(name))) return sql;
      if (isElsewhere) return retitle(sql, kind, fresh(name, taken));
      throw new DatabaseError(
        'table_name_taken',
        `a ${kind} named ${name} is there already, which the table had: restore it under another name, or ` +
          'rename what has it',
        { details: { [kind]: name } },
      );
    };
  // An index that is taken is told by the names that the restore takes.
  const indexes = isElsewhere ? source.indexes.map(rename('index', takenIndexes)) : source.indexes;
  return { ...source, indexes, triggers: source.triggers.map(rename('trigger', takenTriggers)) };
}

/**
 * In its place for as long as the change can be undone: renamed, and made unable to refuse, to act or to cost anything:
 * what a new row gets there is NULL.
 */
export function setAsideColumn(live: LiveTable, name: string, aside: string): Rendered {
  const source = sourceOf(live);
  const ownUniques = source.indexes.filter((sql) => isUniqueOf(sql, name));
  const gone = renamedColumn(
    { ...source, indexes: source.indexes.filter((sql) => !ownUniques.includes(sql)) },
    name,
    aside,
  );
  const text = withoutConstraints(parseSource(gone), aside);
  const keys = foreignKeys(textOf(live), name);
  const marked: TableText =
    keys.length === 0 ? text : { ...text, columns: [...text.columns, composeColumn(unmatchedName(aside), '', [])] };
  const was = columnText(textOf(live), name);
  const values: Record<string, Value> = { [aside]: isComputed(was) ? null : quote(was.name) };
  if (keys.length > 0) values[unmatchedName(aside)] = unmatchedMark(keys, source, live.name);
  return rebuild(live, { text: marked, indexes: gone.indexes, triggers: gone.triggers, values });
}

function isComputed(column: ColumnText): boolean {
  return column.clauses.some((c) => c.kind === 'generated');
}

/**
 * The text in which the column is NULL in every new row, and nothing is asked of it. A key that numbers itself goes on
 * doing so.
 */
function withoutConstraints(text: TableText, name: string): TableText {
  const column = columnText(text, name);
  const stays = (clause: Clause): boolean =>
    clause.kind === 'collate' || clause.kind === 'null' || (clause.kind === 'primary key' && isRowid(text, name));
  const clauses = column.clauses.filter(stays);
  const constraints = text.constraints.filter(
    (clause) => !hangsOn(text, clause, name) || (clause.kind === 'primary key' && isRowid(text, name)),
  );
  const lostKey = primaryKeyOf(text).some((c) => sameName(c, name)) && !isRowid(text, name);
  const loosened = replaceColumn(
    text,
    name,
    composeColumn(
      column.name,
      column.declared,
      clauses.map((c) => c.text),
    ),
  );
  if (!lostKey) return { ...loosened, constraints };
  const isLeft = isMember(text, name);
  return {
    ...loosened,
    columns: loosened.columns.map((c) => (isLeft(c) ? notNull(c) : c)),
    constraints,
    options: withRowid(text.options),
  };
}

export function bringBackColumn(live: LiveTable, aside: string, was: LiveTable, name: string): Rendered {
  const marker = unmatchedName(aside);
  const isMarked = findColumn(live, marker) !== undefined;
  const back = renamedColumn(sourceOf(live), aside, name);
  const text = parseSource(back);
  const next: LiveTable = {
    ...readSource({ ...back, table: renderTable(isMarked ? replaceColumn(text, marker, null) : text, text.name) }),
    name: live.name,
  };
  const former = columnText(textOf(was), name);
  const filling = fillOf(former, was);
  const value = filling === null ? quote(aside) : `coalesce(${quote(aside)}, ${filling})`;
  const from = quote(live.name);
  const keys = foreignKeys({ ...textOf(was), name: live.name }, name);
  const needs = isMarked
    ? needsOf(keys, `${from}.${quote(marker)}`, {
        from,
        source: sourceOf(was),
        own: live.name,
        value: (c) => `${from}.${quote(sameName(c, name) ? aside : c)}`,
      })
    : [];
  const put = putBack(live, next, name, was, isComputed(former) ? null : value);
  return { ...put, ...(needs.length === 0 ? {} : { needs }), ...(filling === null ? {} : { fills: true }) };
}
