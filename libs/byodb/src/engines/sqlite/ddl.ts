import type { Ddl, Rendered } from '../../engine.js';
import { DatabaseError } from '../../errors.js';
import { findColumn, type LiveColumn, type LiveTable } from '../../live.js';
import { isIntegerType, keyNames, sameDefault, sameType, type Column } from '../../schema.js';
import { composeColumn, names, renamedColumn, renamedIndex, renamedTable, renamedTrigger, renderTable, replaceColumn, retitleIndex } from './edit.js';
import { isPlainUnique, isRowid, primaryKeyOf, readSource, sourceOf, textOf, triggerName, withoutRowid, type Source } from './introspect.js';
import { clauseColumns, parseIndex, type Clause, type ColumnText, type TableText } from './parse.js';
import { rebuild, withRowid } from './rebuild.js';
import { needsOf, references, withoutReferences } from './references.js';
import { isWord, literal, normalise, quote, sameName, tokenize } from './tokens.js';
import { declaredType, isConstantDefault, metadataOnly, renderDefault, sameFamily, spell, type Shape } from './types.js';

export const ddl: Ddl = {
  quote, createTable, dropTable, renameTable, setAsideTable, bringBackTable, addColumn, dropColumn, renameColumn,
  setAsideColumn, bringBackColumn, detachColumn, reattachColumn, sameKey, keepValues, alterColumn, restoreColumn, giveBackValues, metadataOnly, lost,
};

function createTable(table: string, columns: Column[], _owner: string, uniqueName: (column: string) => string): Rendered {
  const key = keyNames(columns);
  const items = columns.map((column) => definition(column, key.length === 1 && column.primary_key));
  if (key.length > 1) items.push(` primary key (${key.map(quote).join(', ')})`);
  const indexes = columns.filter((c) => c.unique).map((c) => uniqueIndex(uniqueName(c.name), table, c.name));
  const sql = `CREATE TABLE ${quote(table)}(${items.join(',')})`;
  return { statements: [sql, ...indexes], live: readSource({ table: sql, indexes, triggers: [] }) };
}

function definition(column: Column, soleKey: boolean): string {
  if (column.generated) return composeColumn(column.name, 'integer', [`${keyName(column)}primary key autoincrement`]).text;
  return composeColumn(column.name, declaredType(column, soleKey), [
    column.nullable ? '' : 'not null', ...defaultClause(column), soleKey ? 'primary key' : '',
  ]).text;
}

/** A numbered column must be declared exactly INTEGER: its key's name keeps what it was asked as. */
function keyName(shape: Shape): string {
  return shape.type === 'integer' ? '' : `constraint ${quote(shape.type)} `;
}

/** The six type names that a STRICT table knows (https://www.sqlite.org/stricttables.html), where one of them stands for the type. */
const STRICT: Partial<Record<string, string>> = { integer: 'integer', text: 'text', double: 'real', binary: 'blob' };

function typeIn(text: TableText, column: Shape, soleKey: boolean): string {
  const plain = declaredType(column, soleKey);
  if (!tokenize(text.options).some((t) => isWord(t, 'strict'))) return plain;
  const strict = STRICT[column.type];
  if (strict === undefined) throw new DatabaseError('unsupported_change', `sqlite: ${text.name} is a STRICT table, which knows no ${plain}: integer, text, double and binary can be had there`);
  return strict;
}

function defaultClause(column: Pick<Column, 'type' | 'default'>): string[] {
  const expression = renderDefault(column);
  return expression === null ? [] : [`default ${expression}`];
}

function uniqueIndex(name: string, table: string, column: string): string {
  return `CREATE UNIQUE INDEX ${quote(name)} on ${quote(table)} (${quote(column)})`;
}

function dropTable(live: LiveTable): Rendered {
  return { statements: [`drop table ${quote(live.name)}`], live: null };
}

function renameTable(found: LiveTable, to: string): Rendered {
  const { live, first } = readable(found);
  const rename = (from: string, name: string): string => `alter table ${quote(from)} rename to ${quote(name)}`;
  // To SQLite a name that differs in case alone is taken: by the table itself.
  const statements = sameName(live.name, to) ? [rename(live.name, '_saga_new'), rename('_saga_new', to)] : [rename(live.name, to)];
  return { statements: [...first, ...statements], live: readSource(renamedTable(sourceOf(live), to)) };
}

/** SQLite reads the text again when it renames: one that it would not take is written as it takes it, first. */
function readable(live: LiveTable): { live: LiveTable; first: string[] } {
  const source = sourceOf(live);
  if (source.respelt !== true) return { live, first: [] };
  const rebuilt = rebuild(live, textOf(live), source.indexes);
  return { live: rebuilt.live!, first: rebuilt.statements };
}

/**
 * The names of indexes and triggers are the whole file's: both are dropped, and made again from `was` when the table comes back.
 * Foreign keys to other tables are taken out of its text: they would go on acting on those.
 */
function setAsideTable(live: LiveTable, aside: string): Rendered {
  const { indexes, triggers } = sourceOf(live);
  const freed = [...dropIndexes(indexes), ...dropTriggers(triggers)];
  const bare = withSource(live, { ...sourceOf(live), indexes: [], triggers: [] });
  const text = textOf(live);
  const inert = withoutReferences(text);
  const keyless = inert === text ? null : rebuild(bare, inert, []);
  const renamed = renameTable(keyless?.live ?? bare, aside);
  return { statements: [...freed, ...keyless?.statements ?? [], ...renamed.statements], live: renamed.live };
}

function bringBackTable(live: LiveTable, was: LiveTable): Rendered {
  const former = sourceOf(was);
  const asked = textOf(was).name;
  const isOther = !sameName(was.name, asked);
  const renamed = renameTable(live, was.name);
  const next = textOf(isOther ? { ...was, source: JSON.stringify(renamedTable(former, was.name)) } : was);
  const lacks = references(textOf(renamed.live!)).length < references(next).length;
  const back = lacks ? rebuild(renamed.live!, next, sourceOf(renamed.live!).indexes) : { statements: [], live: renamed.live };
  const now = sourceOf(back.live!);
  const nameOf = (name: string): string => (!isOther ? name : name.startsWith(asked) ? `${was.name}${name.slice(asked.length)}` : `${name}_${was.name}`);
  const indexes = former.indexes.filter((sql) => !hasIndex(now, sql)).map((sql) => retitleIndex(renamedIndex(sql, nameOf), was.name));
  const missing = former.triggers.filter((sql) => !now.triggers.some((other) => sameName(triggerName(other), triggerName(sql))));
  const triggers = (isOther ? renamedTable({ ...former, triggers: missing }, was.name).triggers : missing).map((sql) => renamedTrigger(sql, nameOf));
  return {
    statements: [...renamed.statements, ...back.statements, ...indexes, ...triggers],
    live: { ...readSource({ ...now, indexes: [...now.indexes, ...indexes], triggers: [...now.triggers, ...triggers] }), name: was.name },
    takes: indexes.map((sql) => parseIndex(sql).name),
    needs: lacks ? needsOf(references(next), live.name, was.name) : [],
  };
}

function withSource(live: LiveTable, source: Source): LiveTable {
  return { ...readSource(source), name: live.name };
}

function dropTriggers(triggers: string[]): string[] {
  return triggers.map((sql) => `drop trigger ${quote(triggerName(sql))}`);
}

function dropIndexes(indexes: string[]): string[] {
  return indexes.map((sql) => `drop index ${quote(parseIndex(sql).name)}`);
}

function hasIndex(source: Source, sql: string): boolean {
  return source.indexes.some((other) => sameName(parseIndex(other).name, parseIndex(sql).name));
}

function addColumn(live: LiveTable, column: Column, uniqueName: string): Rendered {
  const text = textOf(live);
  const indexes = column.unique ? [uniqueIndex(uniqueName, live.name, column.name)] : [];
  const isSoleKey = column.primary_key && primaryKeyOf(text).length === 0;
  const asked = definition(column, isSoleKey);
  const [plain, type] = [declaredType(column, isSoleKey), typeIn(text, column, isSoleKey)];
  const rest = asked.slice(` ${quote(column.name)} `.length);
  const added = composeColumn(column.name, '', [column.generated || plain === type ? rest : `${type}${rest.slice(plain.length)}`]);
  const next: TableText = { ...text, columns: [...text.columns, added] };
  const old = sourceOf(live);
  // What ADD COLUMN refuses: keys, expressions, NOT NULL without a default. https://www.sqlite.org/lang_altertable.html#altertabaddcol
  const isNative = !isSoleKey && isConstantDefault(column) && (column.nullable || column.default !== null);
  if (!isNative) {
    const rebuilt = rebuild(live, next, old.indexes, { [column.name]: null });
    return withIndexes(rebuilt, indexes);
  }
  const native = { statements: [`alter table ${quote(live.name)} add column${added.text}`], live: { ...readSource({ ...old, table: renderTable(next, live.name) }), name: live.name } };
  return withIndexes(native, indexes);
}

function withIndexes(rendered: Rendered, indexes: string[]): Rendered {
  const source = sourceOf(rendered.live!);
  return { statements: [...rendered.statements, ...indexes], live: readSource({ ...source, indexes: [...source.indexes, ...indexes] }) };
}

function dropColumn(live: LiveTable, name: string): Rendered {
  const text = replaceColumn(textOf(live), name, null);
  const constraints = text.constraints.filter((clause) => !names(ownPart(clause), name));
  const lostKey = primaryKeyOf(textOf(live)).some((c) => sameName(c, name));
  return rebuild(live, { ...text, constraints, options: lostKey ? withRowid(text.options) : text.options },
    sourceOf(live).indexes.filter((sql) => !names(parseIndex(sql).body, name)));
}

/** Of a foreign key the columns of this table alone. */
function ownPart(clause: Clause): string {
  return clause.kind === 'foreign key' ? clauseColumns(clause).map(quote).join(',') : clause.body;
}

function renameColumn(found: LiveTable, from: string, to: string): Rendered {
  const { live, first } = readable(found);
  return {
    statements: [...first, `alter table ${quote(live.name)} rename column ${quote(from)} to ${quote(to)}`],
    live: readSource(renamedColumn(sourceOf(live), from, to)),
  };
}

function setAsideColumn(live: LiveTable, name: string, aside: string): Rendered {
  const source = sourceOf(live);
  const freed = source.indexes.filter((sql) => isUniqueOf(sql, name));
  const renamed = renameColumn({ ...live, source: JSON.stringify({ ...source, indexes: source.indexes.filter((sql) => !freed.includes(sql)) }) }, name, aside);
  const text = textOf(renamed.live!);
  const loosened = loosen(text, aside);
  const start = [...dropIndexes(freed), ...renamed.statements];
  if (loosened === null) return { statements: start, live: renamed.live };
  const rebuilt = rebuild(renamed.live!, loosened, sourceOf(renamed.live!).indexes);
  return { statements: [...start, ...rebuilt.statements], live: rebuilt.live };
}

/** The text in which the column can stay NULL in every new row and refers to nothing; null: so it is already. */
function loosen(text: TableText, name: string): TableText | null {
  const column = text.columns.find((c) => sameName(c.name, name))!;
  if (isRowid(text, name)) return null;
  const goes = (clause: Clause): boolean => ['not null', 'unique', 'check', 'primary key', 'default', 'references'].includes(clause.kind);
  const clauses = column.clauses.filter((clause) => !goes(clause));
  const constraints = text.constraints.filter((clause) => !hangsOn(text, clause, name));
  if (clauses.length === column.clauses.length && constraints.length === text.constraints.length) return null;
  const lostKey = primaryKeyOf(text).some((c) => sameName(c, name));
  const loosened = replaceColumn(text, name, composeColumn(name, column.type, clauses.map((c) => c.text)));
  return { ...loosened, constraints, options: lostKey ? withRowid(text.options) : text.options };
}

/** Table constraints that go and come with a column: the key it is part of, and what is over it alone. */
function hangsOn(text: TableText, clause: Clause, name: string): boolean {
  if (clause.kind === 'primary key') return names(clause.body, name);
  if (clause.kind === 'foreign key') return names(ownPart(clause), name);
  if (clause.kind === 'unique') return clauseColumns(clause).length === 1 && names(clause.body, name);
  return clause.kind === 'check' && names(clause.body, name) && !text.columns.some((c) => !sameName(c.name, name) && names(clause.body, c.name));
}

/** A plain unique index over this column alone, made by CREATE INDEX. */
function isUniqueOf(sql: string, column: string): boolean {
  const index = parseIndex(sql);
  return isPlainUnique(index) && index.columns!.length === 1 && sameName(index.columns![0]!, column);
}

function bringBackColumn(live: LiveTable, aside: string, was: LiveTable, name: string): Rendered {
  const renamed = renameColumn(live, aside, name);
  const restored = putBack(renamed.live!, name, was, null);
  const keys = references(textOf(restored.live!)).filter((key) => key.columns.some((c) => sameName(c, name)));
  const needs = needsOf(keys, live.name, live.name, (c) => (sameName(c, name) ? aside : c));
  return { statements: [...renamed.statements, ...restored.statements], live: restored.live, needs };
}

/** Its values go to a table of their own; see `Ddl.detachColumn`. */
function detachColumn(live: LiveTable, column: string, kept?: LiveTable): Rendered {
  const keep = kept?.name ?? column;
  const keys = live.primaryKey.map((_, i) => quote(`k${i + 1}`));
  const values = [...live.primaryKey, column].map(quote).join(', ');
  const into = `insert into ${quote(keep)} (${[...keys, 'v'].join(', ')}) select ${values} from ${quote(live.name)}`;
  const out = dropColumn(live, column);
  const moved = kept === undefined
    // Without types, so that every value stays what it is.
    ? [`CREATE TABLE ${quote(keep)}(${keys.join(', ')}, v, primary key (${keys.join(', ')}))`, into]
    : [`${into} where true on conflict (${keys.join(', ')}) do update set v = excluded.v`];
  return { statements: [...moved, ...out.statements], live: out.live };
}

/** A key may hold NULL here (https://www.sqlite.org/lang_createtable.html#the_primary_key). */
function sameKey(live: LiveTable): string {
  return live.primaryKey.map((key, i) => `${quote(live.name)}.${quote(key)} is k.k${i + 1}`).join(' and ');
}

/** At the place where it stood; see `Ddl.reattachColumn`. */
function reattachColumn(live: LiveTable, kept: LiveTable, was: LiveTable, name: string): Rendered {
  if (kept.primaryKey.length !== live.primaryKey.length) {
    throw new DatabaseError('unsupported_change', `the primary key of ${live.name} is another one than when ${name} was dropped: its values cannot be told apart any more`);
  }
  const [text, former] = [textOf(live), textOf(was)];
  const at = former.columns.findIndex((c) => sameName(c.name, name));
  const column = former.columns[at]!;
  const before = former.columns.slice(0, at).map((c) => text.columns.findIndex((other) => sameName(other.name, c.name)));
  const place = Math.max(-1, ...before) + 1;
  const columns = [...text.columns.slice(0, place), column, ...text.columns.slice(place)];
  const there = (c: string): boolean => columns.some((other) => sameName(other.name, c));
  const back = former.constraints.filter((clause) => hangsOn(former, clause, name) && (clause.kind !== 'foreign key' || clauseColumns(clause).every(there)));
  const { indexes } = sourceOf(live);
  const missing = sourceOf(was).indexes.filter((sql) => names(parseIndex(sql).body, name) && !hasIndex(sourceOf(live), sql)).map((sql) => retitleIndex(sql, live.name));
  const value = `(select k.v from ${quote(kept.name)} as k where ${sameKey(live)})`;
  const byDefault = column.clauses.find((c) => c.kind === 'default')?.body.slice('default'.length).trim();
  const fills = byDefault !== undefined && column.clauses.some((c) => c.kind === 'not null');
  const rebuilt = rebuild(live, { ...text, columns, constraints: [...text.constraints, ...back] }, indexes, { [column.name]: fills ? `coalesce(${value}, ${byDefault})` : value });
  const whole = withIndexes(rebuilt, missing);
  const keys = references(textOf(whole.live!)).filter((key) => key.columns.some((c) => sameName(c, name)));
  // Its values stand in the other table until then: what they refer to is looked for there.
  const needs = keys.length !== 1 || keys[0]!.columns.length !== 1 ? [] : needsOf(keys, kept.name, live.name, () => 'v');
  return { ...whole, takes: missing.map((sql) => parseIndex(sql).name), needs, ...(fills ? { fills: true as const } : {}) };
}

function restoreColumn(live: LiveTable, name: string, was: LiveTable): Rendered {
  const [now, then] = [findColumn(live, name), findColumn(was, name)];
  const from = now === undefined ? null : shapeOf(now);
  const to = then === undefined ? null : shapeOf(then);
  return putBack(live, name, was, from === null || to === null || sameFamily(from, to) ? null : convert(name, from, to));
}

/** The column's text, the constraints that go with it and its unique indexes as they were; `value` converts, null copies. */
function putBack(live: LiveTable, name: string, was: LiveTable, value: string | null): Rendered {
  const [text, former] = [textOf(live), textOf(was)];
  const column = former.columns.find((c) => sameName(c.name, name))!;
  const now = text.columns.find((c) => sameName(c.name, name))!;
  const there = (c: string): boolean => text.columns.some((other) => sameName(other.name, c));
  // A foreign key over two columns that are both set aside is made again with the last of them.
  const back = former.constraints.filter((clause) => hangsOn(former, clause, name) && (clause.kind !== 'foreign key' || clauseColumns(clause).every(there)));
  const stay = text.constraints.filter((clause) => !hangsOn(text, clause, name));
  const next: TableText = {
    ...replaceColumn(text, name, column), constraints: [...stay, ...back],
    options: withoutRowid(former) && primaryKeyOf(former).some((c) => sameName(c, name)) ? former.options : text.options,
  };
  const { indexes } = sourceOf(live);
  const wanted = sourceOf(was).indexes.filter((sql) => isUniqueOf(sql, name)).map((sql) => retitleIndex(sql, live.name));
  const dropped = indexes.filter((sql) => isUniqueOf(sql, name) && !wanted.some((other) => normalise(other) === normalise(sql)));
  const kept = indexes.filter((sql) => !dropped.includes(sql));
  const added = wanted.filter((sql) => !kept.some((other) => normalise(other) === normalise(sql)));
  const isSame = sameText(column, now) && normalise(renderTable(next, '')) === normalise(renderTable({ ...text, constraints: [...stay, ...text.constraints.filter((c) => !stay.includes(c))] }, ''));
  if (isSame && value === null) return reindex(live, dropped, kept, added);
  return withIndexes(rebuild(live, next, kept, value === null ? {} : { [column.name]: value }), added);
}

function sameText(a: ColumnText, b: ColumnText): boolean {
  return normalise(a.text) === normalise(b.text);
}

function reindex(live: LiveTable, dropped: string[], kept: string[], added: string[]): Rendered {
  return { statements: [...dropIndexes(dropped), ...added], live: { ...readSource({ ...sourceOf(live), indexes: [...kept, ...added] }), name: live.name } };
}

function alterColumn(live: LiveTable, name: string, to: Column, uniqueName: string): Rendered {
  const text = textOf(live);
  const column = text.columns.find((c) => sameName(c.name, name))!;
  const now = findColumn(live, name)!;
  const from = shapeOf(now);
  const isUnique = live.uniques.some((u) => u.columns.length === 1 && sameName(u.columns[0]!, name));
  const changesType = from === null || !sameType(from, to);
  const clauses = alteredClauses(column, now, to, changesType, isUnique && !to.unique);
  const type = changesType && !now.generated ? typeIn(text, to, live.primaryKey.length === 1 && sameName(live.primaryKey[0]!, name)) : column.type;
  const isTouched = type !== column.type || clauses.join('\n') !== column.clauses.map((c) => c.text).join('\n');
  let next = isTouched ? replaceColumn(text, name, composeColumn(column.name, type, clauses)) : text;
  next = { ...next, constraints: next.constraints.flatMap((clause) => {
    if (isUnique && !to.unique && clause.kind === 'unique' && hangsOn(text, clause, name)) return [];
    return changesType && now.generated && clause.kind === 'primary key' ? [renamedKey(clause, to)] : [clause];
  }) };
  const { indexes } = sourceOf(live);
  const dropped = isUnique && !to.unique ? indexes.filter((sql) => isUniqueOf(sql, name)) : [];
  const kept = indexes.filter((sql) => !dropped.includes(sql));
  const added = to.unique && !isUnique ? [uniqueIndex(uniqueName, live.name, column.name)] : [];
  if (!isTouched && renderTable(next, '') === renderTable(text, '')) return reindex(live, dropped, kept, added);
  const converts = changesType && from !== null && !metadataOnly(from, to);
  return withIndexes(rebuild(live, next, kept, converts ? { [column.name]: convert(column.name, from, to) } : {}), added);
}

function alteredClauses(column: ColumnText, now: LiveColumn, to: Column, changesType: boolean, dropsUnique: boolean): string[] {
  const wasDefault = now.default !== null && 'value' in now.default ? now.default.value : null;
  // A default that the portable schema cannot say is the customer's: it stays until another one is asked for.
  const keepsDefault = to.default === null ? wasDefault === null
    : now.default !== null && 'value' in now.default && !changesType && sameDefault(to.type, wasDefault, to.default);
  const stays = column.clauses.filter((clause) => !(
    (clause.kind === 'not null' && to.nullable && !now.nullable) || (clause.kind === 'null' && !to.nullable)
    || (clause.kind === 'default' && !keepsDefault) || (clause.kind === 'unique' && dropsUnique)));
  const texts = stays.map((clause) => (changesType && now.generated && clause.kind === 'primary key' ? renamedKey(clause, to).text : clause.text));
  if (!to.nullable && now.nullable) texts.push('not null');
  if (!keepsDefault) texts.push(...defaultClause(to));
  return texts;
}

function renamedKey(clause: Clause, to: Column): Clause {
  return isIntegerType(to.type) ? { ...clause, text: `${keyName(to)}${clause.body}` } : clause;
}

function shapeOf(column: LiveColumn): Shape | null {
  return column.type === null ? null : { type: column.type, length: column.length, precision: column.precision, scale: column.scale };
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
  const update = `update ${quote(live.name)} as t set ${quote(name)} = (select k."value" from ${quote(keep)} as k where ${where})`
    + ` where exists (select 1 from ${quote(keep)} as k where ${where}`
    + ` and _saga_there_and_back(k."value", ${literal(spell(from))}, ${literal(spell(to))}) is ${column} collate binary and k."value" is not ${column} collate binary)`;
  // It is no change of the customer's: their triggers (an `updated_at`) must not see it.
  const triggers = sourceOf(live).triggers.filter(firesOnUpdate);
  return [...triggers.map((sql) => `drop trigger ${quote(triggerNameOf(live, sql))}`), update, ...triggers];
}

function firesOnUpdate(sql: string): boolean {
  const tokens = tokenize(sql);
  return tokens.slice(0, tokens.findIndex((t) => isWord(t, 'on'))).some((t) => isWord(t, 'update'));
}

function triggerNameOf(live: LiveTable, sql: string): string {
  const definition = normalise(sql);
  return live.extras.find((extra) => extra.kind === 'trigger' && extra.definition === definition)!.name;
}

function convert(name: string, from: Shape, to: Shape): string {
  return `_saga_convert(${quote(name)}, ${literal(spell(from))}, ${literal(spell(to))})`;
}

function lost(from: Column, to: Column, quoted: string): string {
  return metadataOnly(from, to) ? '0' : `_saga_lost(${quoted}, ${literal(spell(from))}, ${literal(spell(to))})`;
}

