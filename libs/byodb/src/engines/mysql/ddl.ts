import type { Ddl, Rendered } from '../../engine.js';
import { findColumn, foldName, type LiveColumn, type LiveTable } from '../../live.js';
import { sameDefault, sameType, type Column } from '../../schema.js';
import { lost } from './lost.js';
import { literal, quote, tokens } from './text.js';
import { definitionOf, readColumn } from './types.js';

/** One statement each: what MySQL cannot commit with a ledger row must at least be atomic by itself. */
export const ddl: Ddl = {
  quote,
  createTable(table, columns, owner, names) {
    const key = columns.filter((c) => c.primary_key).map((c) => c.name);
    const uniques = columns.filter((c) => c.unique && !(c.primary_key && key.length === 1)).map((c) => ({ name: names(c.name), columns: [c.name] }));
    const lines = [
      ...columns.map((c) => `${quote(c.name)} ${definitionOf(c)}`), ...(key.length === 0 ? [] : [`PRIMARY KEY (${list(key)})`]),
      ...uniques.map((u) => `UNIQUE KEY ${quote(u.name)} (${list(u.columns)})`),
    ];
    const sql = `CREATE TABLE ${quote(table)} (${lines.join(', ')}) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT=${literal(`schemasaga ${owner}`)}`;
    return { statements: [sql], live: { name: table, columns: columns.map((c) => liveOf(c)), primaryKey: key, uniques, extras: [], owner, source: null } };
  },
  dropTable: (live) => ({ statements: [`DROP TABLE ${quote(live.name)}`], live: null }),
  renameTable: (live, to) => rename(live, to),
  setAsideTable: (live, aside) => rename(live, aside),
  bringBackTable: (live, was) => rename(live, was.name),
  addColumn(live, column, uniqueName) {
    const unique = column.unique ? [{ name: uniqueName, columns: [column.name] }] : [];
    return alter(live, [`ADD COLUMN ${quote(column.name)} ${definitionOf(column)}`, ...unique.map(addUnique)], { columns: [...live.columns, liveOf(column)], uniques: [...live.uniques, ...unique] });
  },
  dropColumn(live, name) {
    return alter(live, [`DROP COLUMN ${quote(name)}`], { columns: live.columns.filter((c) => !same(c.name, name)), uniques: live.uniques.filter((u) => !u.columns.some((c) => same(c, name))) });
  },
  renameColumn(live, from, to) {
    return alter(live, [`RENAME COLUMN ${quote(from)} TO ${quote(to)}`], renamed(live, from, to, (c) => ({ ...c, name: to })));
  },
  setAsideColumn(live, name, aside) {
    const column = findColumn(live, name)!;
    const inKey = live.primaryKey.some((k) => same(k, name)) && !column.generated;
    const unique = live.uniques.some((u) => u.columns.some((c) => same(c, name)));
    const definition = without(column.definition, { notNull: !column.generated, check: true, default: unique });
    const left = renamed(live, name, aside, () => readColumn(aside, definition));
    return alter(live, [...(inKey ? ['DROP PRIMARY KEY'] : []), `CHANGE COLUMN ${quote(name)} ${quote(aside)} ${definition}`], { ...left, ...(inKey ? { primaryKey: [] } : {}) });
  },
  bringBackColumn(live, aside, was, name) {
    const column = findColumn(was, name)!;
    const key = was.primaryKey.length > 0 && live.primaryKey.length === 0;
    const back = renamed(live, aside, name, () => column);
    return alter(live, [`CHANGE COLUMN ${quote(aside)} ${quote(column.name)} ${column.definition}`, ...(key ? [`ADD PRIMARY KEY (${list(was.primaryKey)})`] : [])], { ...back, ...(key ? { primaryKey: was.primaryKey } : {}) });
  },
  keepValues(live, name, keep) {
    const key = list(live.primaryKey);
    return { statements: [`CREATE TABLE ${quote(keep)} (PRIMARY KEY (${key})) ENGINE=InnoDB AS SELECT ${key}, ${quote(name)} FROM ${quote(live.name)}`], live };
  },
  alterColumn(live, name, to, uniqueName) {
    const column = findColumn(live, name)!;
    const comment = commentOf(column.definition);
    const changes = column.type === null || !sameType(to, { ...column, type: column.type }) || column.nullable !== to.nullable || !defaultsAgree(column, to);
    const mine = live.uniques.filter((u) => u.columns.length === 1 && same(u.columns[0]!, name));
    const gone = to.unique ? [] : mine;
    const come = to.unique && mine.length === 0 ? [{ name: uniqueName, columns: [column.name] }] : [];
    const clauses = [...(changes ? [`MODIFY COLUMN ${quote(column.name)} ${definitionOf(to, comment)}`] : []), ...gone.map((u) => `DROP INDEX ${quote(u.name)}`), ...come.map(addUnique)];
    const after = changes ? { ...liveOf({ ...to, name: column.name }, comment) } : column;
    return alter(live, clauses, { columns: live.columns.map((c) => (c === column ? after : c)), uniques: [...live.uniques.filter((u) => !gone.includes(u)), ...come] });
  },
  restoreColumn(live, name, was) {
    const column = findColumn(was, name)!;
    const single = (t: LiveTable): LiveTable['uniques'] => t.uniques.filter((u) => u.columns.length === 1 && same(u.columns[0]!, name));
    const gone = single(live).filter((u) => !single(was).some((w) => w.name === u.name));
    const come = single(was).filter((w) => !single(live).some((u) => u.name === w.name));
    const clauses = [`MODIFY COLUMN ${quote(column.name)} ${column.definition}`, ...gone.map((u) => `DROP INDEX ${quote(u.name)}`), ...come.map(addUnique)];
    return alter(live, clauses, { columns: live.columns.map((c) => (same(c.name, name) ? column : c)), uniques: [...live.uniques.filter((u) => !gone.includes(u)), ...come] });
  },
  giveBackValues(live, name, keep, from, to) {
    if (from.type !== 'string' && from.type !== 'text') return null;
    const cast = to.type === 'decimal' ? `DECIMAL(${to.precision},${to.scale})` : to.type === 'date' ? 'DATE' : to.type === 'time' ? 'TIME(6)' : to.type === 'timestamp' ? 'DATETIME(6)' : null;
    const [mine, kept] = [`t.${quote(name)}`, `k.${quote(name)}`];
    const equal = to.type === 'json' ? `JSON_COMPACT(${mine}) = JSON_COMPACT(${kept})` : cast === null ? `${mine} = ${kept}` : `CAST(${mine} AS ${cast}) = CAST(${kept} AS ${cast})`;
    const on = live.primaryKey.map((k) => `t.${quote(k)} = k.${quote(k)}`).join(' AND ');
    return `UPDATE ${quote(live.name)} t JOIN ${quote(keep)} k ON ${on} SET ${mine} = ${kept} WHERE ${equal} AND NOT (${mine} <=> ${kept})`;
  },
  metadataOnly: (from, to) => from.type === to.type && from.type === 'string' && to.length! >= from.length!,
  lost,
};

function alter(live: LiveTable, clauses: string[], left: Partial<LiveTable>): Rendered {
  return { statements: clauses.length === 0 ? [] : [`ALTER TABLE ${quote(live.name)} ${clauses.join(', ')}`], live: { ...live, ...left } };
}

function rename(live: LiveTable, to: string): Rendered {
  return { statements: [`RENAME TABLE ${quote(live.name)} TO ${quote(to)}`], live: { ...live, name: to } };
}

function renamed(live: LiveTable, from: string, to: string, change: (c: LiveColumn) => LiveColumn): Partial<LiveTable> {
  const swap = (name: string): string => (same(name, from) ? to : name);
  return { columns: live.columns.map((c) => (same(c.name, from) ? change(c) : c)), primaryKey: live.primaryKey.map(swap), uniques: live.uniques.map((u) => ({ ...u, columns: u.columns.map(swap) })) };
}

function liveOf(column: Column, extra = ''): LiveColumn {
  const read = readColumn(column.name, definitionOf(column, extra));
  return { ...read, type: column.type, length: column.length, precision: column.precision, scale: column.scale, default: column.default === null ? null : { value: column.default } };
}

function without(definition: string, drop: { notNull: boolean; check: boolean; default: boolean }): string {
  const kept: string[] = [];
  const words = tokens(definition);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!.toUpperCase();
    if (drop.notNull && word === 'NOT' && words[i + 1]?.toUpperCase() === 'NULL') i++;
    else if (drop.check && word === 'CHECK') i++;
    else if (drop.default && word === 'DEFAULT') i++;
    else kept.push(words[i]!);
  }
  return kept.join(' ');
}

function commentOf(definition: string): string {
  const words = tokens(definition);
  const at = words.findIndex((w) => w.toUpperCase() === 'COMMENT');
  return at === -1 ? '' : `COMMENT ${words[at + 1]}`;
}

function defaultsAgree(column: LiveColumn, to: Column): boolean {
  if (column.default === null) return to.default === null;
  return 'value' in column.default && to.default !== null && sameDefault(to.type, column.default.value, to.default);
}

const list = (names: string[]): string => names.map(quote).join(', ');
const addUnique = (u: { name: string; columns: string[] }): string => `ADD UNIQUE KEY ${quote(u.name)} (${list(u.columns)})`;
const same = (a: string, b: string): boolean => foldName(a) === foldName(b);
