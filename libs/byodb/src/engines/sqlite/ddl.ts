import type { Ddl, Rendered } from '../../engine.js';
import { findColumn, type LiveColumn, type LiveTable } from '../../live.js';
import { isIntegerType, keyNames, sameDefault, sameType, type Column } from '../../schema.js';
import {
  bringBackColumn,
  bringBackTable,
  hangsOn,
  isUniqueOf,
  putBack,
  reindex,
  renameTable,
  setAsideColumn,
  setAsideTable,
} from './set-aside.js';
import { detachColumn, dropColumn, reattachColumn, sameKey } from './detach.js';
import { composeColumn, renamedColumn, renderTable, replaceColumn } from './rebuild/edit-text.js';
import { isStrict, primaryKeyOf, readSource, sourceOf, textOf, triggerName } from './introspect.js';
import { parseTable, type Clause, type ColumnText, type TableText } from './parser/parse.js';
import { rebuild } from './rebuild/rebuild.js';
import { balanced, isWord, literal, quote, sameName, tokenize } from './parser/tokens.js';
import {
  declaredType,
  isConstantDefault,
  metadataOnly,
  printedType,
  renderDefault,
  sameFamily,
  spell,
  strictType,
  type Shape,
} from './types.js';

export const ddl: Ddl = {
  quote,
  createTable,
  dropTable,
  renameTable,
  setAsideTable,
  bringBackTable,
  addColumn,
  dropColumn,
  renameColumn,
  setAsideColumn,
  bringBackColumn,
  detachColumn,
  reattachColumn,
  sameKey,
  keepValues,
  alterColumn,
  restoreColumn,
  giveBackValues,
  metadataOnly,
  lost,
};

function createTable(
  table: string,
  columns: Column[],
  _owner: string,
  uniqueName: (column: string) => string,
): Rendered {
  const key = keyNames(columns);
  const items = columns.map((column) => definition(column, key.length === 1 && column.primary_key, false));
  if (key.length > 1) items.push(` primary key (${key.map(quote).join(', ')})`);
  const indexes = columns.filter((c) => c.unique).map((c) => uniqueIndex(uniqueName(c.name), table, c.name));
  const sql = `CREATE TABLE ${quote(table)}(${items.join(',')})`;
  return { statements: [sql, ...indexes], live: readSource({ table: sql, indexes, triggers: [] }) };
}

function definition(column: Column, soleKey: boolean, strict: boolean): string {
  if (column.generated)
    return composeColumn(column.name, 'integer', [`${keyName(column)}primary key autoincrement`]).text;
  const { declared, marks } = typeClauses(column, soleKey, strict);
  return composeColumn(column.name, declared, [
    ...marks,
    column.nullable ? '' : 'not null',
    ...defaultClause(column),
    soleKey ? 'primary key' : '',
  ]).text;
}

/** The type to declare, and in a STRICT table what keeps the one that was asked for. */
function typeClauses(column: Column, soleKey: boolean, strict: boolean): { declared: string; marks: string[] } {
  const own =
    column.native?.engine === 'sqlite' && column.native.type !== undefined ? printedType(column.native.type) : null;
  if (own !== null) return { declared: own, marks: [] };
  if (!strict) return { declared: declaredType(column, soleKey), marks: [] };
  const { declared, mark } = strictType(column, soleKey);
  return { declared, marks: mark === null ? [] : [markClause(mark)] };
}

function markClause(mark: string): string {
  return `constraint ${quote(mark)} null`;
}

/** A numbered column must be declared exactly INTEGER: its key's name keeps what it was asked as. */
function keyName(shape: Shape): string {
  return shape.type === 'integer' ? '' : `constraint ${quote(shape.type)} `;
}

function defaultClause(column: Pick<Column, 'type' | 'default' | 'native'>): string[] {
  const own = column.native?.engine === 'sqlite' ? column.native.default : undefined;
  // An expression that stood in a file: its tokens, which must end in balance, and nothing behind them.
  const words = own === undefined ? [] : tokenize(own);
  if (own !== undefined && balanced(words))
    return [
      'default ' +
        `${words.map((word, i) => (i > 0 && word.start > words[i - 1]!.end ? ` ${word.text}` : word.text)).join('')}`,
    ];
  const expression = renderDefault(column);
  return expression === null ? [] : [`default ${expression}`];
}

function uniqueIndex(name: string, table: string, column: string): string {
  return `CREATE UNIQUE INDEX ${quote(name)} on ${quote(table)} (${quote(column)})`;
}

function dropTable(live: LiveTable): Rendered {
  return { statements: [`drop table ${quote(live.name)}`], live: null };
}

function addColumn(live: LiveTable, column: Column, uniqueName: string): Rendered {
  const text = textOf(live);
  const indexes = column.unique ? [uniqueIndex(uniqueName, live.name, column.name)] : [];
  const isSoleKey = column.primary_key && primaryKeyOf(text).length === 0;
  const added = composeColumn(column.name, '', [
    definition(column, isSoleKey, isStrict(text)).slice(` ${quote(column.name)} `.length),
  ]);
  const next: TableText = { ...text, columns: [...text.columns, added] };
  const old = sourceOf(live);
  // What ADD COLUMN refuses: keys, expressions, NOT NULL without a default.
  // https://www.sqlite.org/lang_altertable.html#altertabaddcol
  const isNative = !isSoleKey && isConstantDefault(column) && (column.nullable || column.default !== null);
  if (!isNative) {
    const rebuilt = rebuild(live, {
      text: next,
      indexes: old.indexes,
      triggers: old.triggers,
      values: { [column.name]: null },
    });
    return withIndexes(rebuilt, indexes);
  }
  const native = {
    statements: [`alter table ${quote(live.name)} add column${added.text}`],
    live: { ...readSource({ ...old, table: renderTable(next, live.name) }), name: live.name },
  };
  return withIndexes(native, indexes);
}

function withIndexes(rendered: Rendered, indexes: string[]): Rendered {
  const source = sourceOf(rendered.live!);
  return {
    statements: [...rendered.statements, ...indexes],
    live: readSource({ ...source, indexes: [...source.indexes, ...indexes] }),
  };
}

function renameColumn(live: LiveTable, from: string, to: string): Rendered {
  const source = sourceOf(live);
  const renamed = renamedColumn(source, from, to);
  if (source.around?.broken !== undefined) {
    const was = textOf(live).columns.find((c) => sameName(c.name, from))!.name;
    return rebuild(live, {
      text: parseTable(renamed.table)!,
      indexes: renamed.indexes,
      triggers: renamed.triggers,
      values: { [to]: quote(was) },
    });
  }
  return {
    statements: [`alter table ${quote(live.name)} rename column ${quote(from)} to ${quote(to)}`],
    live: readSource({ ...source, ...renamed }),
  };
}

function restoreColumn(live: LiveTable, name: string, was: LiveTable): Rendered {
  const [now, then] = [findColumn(live, name), findColumn(was, name)];
  const from = now === undefined ? null : shapeOf(now);
  const to = then === undefined ? null : shapeOf(then);
  return putBack(
    live,
    live,
    name,
    was,
    from === null || to === null || sameFamily(from, to) ? undefined : convert(name, from, to),
  );
}

function alterColumn(live: LiveTable, name: string, to: Column, uniqueName: string): Rendered {
  const text = textOf(live);
  const column = text.columns.find((c) => sameName(c.name, name))!;
  const now = findColumn(live, name)!;
  const from = shapeOf(now);
  const isUnique = live.uniques.some((u) => u.columns.length === 1 && sameName(u.columns[0]!, name));
  const changesType = from === null || !sameType(from, to);
  const soleKey = live.primaryKey.length === 1 && sameName(live.primaryKey[0]!, name);
  const type =
    changesType && !now.generated
      ? typeClauses(to, soleKey, isStrict(text))
      : { declared: column.declared, marks: column.clauses.filter(isMark).map((c) => c.text) };
  const clauses = alteredClauses(column, now, to, {
    changesType,
    dropsUnique: isUnique && !to.unique,
    marks: type.marks,
  });
  const isTouched =
    type.declared !== column.declared || clauses.join('\n') !== column.clauses.map((c) => c.text).join('\n');
  let next = isTouched
    ? replaceColumn(text, name, surrounded(column, composeColumn(column.name, type.declared, clauses)))
    : text;
  next = {
    ...next,
    constraints: next.constraints.flatMap((clause) => {
      if (isUnique && !to.unique && clause.kind === 'unique' && hangsOn(text, clause, name)) return [];
      return changesType && now.generated && clause.kind === 'primary key' ? [renamedKey(clause, to)] : [clause];
    }),
  };
  const { indexes, triggers } = sourceOf(live);
  const dropped = isUnique && !to.unique ? indexes.filter((sql) => isUniqueOf(sql, name)) : [];
  const kept = indexes.filter((sql) => !dropped.includes(sql));
  const added = to.unique && !isUnique ? [uniqueIndex(uniqueName, live.name, column.name)] : [];
  if (!isTouched && renderTable(next, text.name) === renderTable(text, text.name))
    return reindex(live, dropped, kept, added);
  const converts = changesType && from !== null && !metadataOnly(from, to);
  return withIndexes(
    rebuild(live, {
      text: next,
      indexes: kept,
      triggers,
      values: converts ? { [column.name]: convert(column.name, from, to) } : {},
    }),
    added,
  );
}

/** With the blanks and comments that stood around the column. */
function surrounded(former: ColumnText, column: ColumnText): ColumnText {
  const tokens = tokenize(former.text);
  const [start, end] = [former.text.slice(0, tokens[0]!.start), former.text.slice(tokens.at(-1)!.end)];
  return parseTable(`CREATE TABLE x(${start}${column.text.trim()}${end})`)!.columns[0]!;
}

/** In a STRICT table: what says of which type the column was asked to be. */
function isMark(clause: Clause): boolean {
  return clause.kind === 'null' && clause.name !== null;
}

interface Altering {
  changesType: boolean;
  dropsUnique: boolean;
  marks: string[];
}

function alteredClauses(
  column: ColumnText,
  now: LiveColumn,
  to: Column,
  { changesType, dropsUnique, marks }: Altering,
): string[] {
  const wasDefault = now.default !== null && 'value' in now.default ? now.default.value : null;
  // A default that the portable schema cannot say is the customer's: it stays until another one is asked for.
  const keepsDefault =
    to.default === null
      ? wasDefault === null
      : now.default !== null && 'value' in now.default && !changesType && sameDefault(to.type, wasDefault, to.default);
  const stays = column.clauses.filter(
    (clause) =>
      !(
        (clause.kind === 'not null' && to.nullable && !now.nullable) ||
        (clause.kind === 'null' && (!to.nullable || isMark(clause))) ||
        (clause.kind === 'default' && !keepsDefault) ||
        (clause.kind === 'unique' && dropsUnique)
      ),
  );
  const texts = stays.map((clause) =>
    changesType && now.generated && clause.kind === 'primary key' ? renamedKey(clause, to).text : clause.text,
  );
  if (!to.nullable && now.nullable) texts.push('not null');
  if (!keepsDefault) texts.push(...defaultClause(to));
  return [...marks, ...texts];
}

function renamedKey(clause: Clause, to: Column): Clause {
  const text = `${keyName(to)}${clause.body}`;
  return isIntegerType(to.type) ? { ...clause, text, outer: clause.outer.replace(clause.text, () => text) } : clause;
}

function shapeOf(column: LiveColumn): Shape | null {
  return column.type === null
    ? null
    : { type: column.type, length: column.length, precision: column.precision, scale: column.scale };
}

function keepValues(live: LiveTable, name: string, keep: string): Rendered {
  const keys = live.primaryKey.map((_, i) => quote(`key_${i + 1}`));
  return {
    statements: [
      // Without types, so that every value stays what it is.
      `CREATE TABLE ${quote(keep)}(${keys.join(', ')}, "value", primary key (${keys.join(', ')}))`,
      `insert into ${quote(keep)} select ${[...live.primaryKey, name].map(quote).join(', ')} from ${quote(live.name)}`,
    ],
    live,
  };
}

function giveBackValues(live: LiveTable, name: string, keep: string, from: Column, to: Column): string[] {
  if (metadataOnly(from, to) || sameFamily(from, to)) return [];
  const where = live.primaryKey.map((key, i) => `k."key_${i + 1}" is t.${quote(key)}`).join(' and ');
  const column = `t.${quote(name)}`;
  const update =
    `update ${quote(live.name)} as t set ${quote(name)} = (select k."value" from ${quote(keep)} as k where ${where})` +
    ` where exists (select 1 from ${quote(keep)} as k where ${where}` +
    ` and _saga_there_and_back(k."value", ${literal(spell(from))}, ${literal(spell(to))}) is ${column} ` +
    `collate binary and k."value" is not ${column} collate binary)`;
  return withoutTriggers(live, update);
}

/** Given back values are no change of the customer's: an `updated_at` must not see it. */
function withoutTriggers(live: LiveTable, statement: string): string[] {
  const triggers = sourceOf(live).triggers.filter(firesOnUpdate);
  return [...triggers.map((sql) => `drop trigger ${quote(triggerName(sql))}`), statement, ...triggers];
}

function firesOnUpdate(sql: string): boolean {
  const tokens = tokenize(sql);
  return tokens
    .slice(
      0,
      tokens.findIndex((t) => isWord(t, 'on')),
    )
    .some((t) => isWord(t, 'update'));
}

function convert(name: string, from: Shape, to: Shape): string {
  return `_saga_convert(${quote(name)}, ${literal(spell(from))}, ${literal(spell(to))})`;
}

function lost(from: Column, to: Column, quoted: string): string {
  return metadataOnly(from, to) ? '0' : `_saga_lost(${quoted}, ${literal(spell(from))}, ${literal(spell(to))})`;
}
