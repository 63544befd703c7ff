import type { Ddl, Rendered } from '../../engine.js';
import { DatabaseError } from '../../errors.js';
import { findColumn, foldName, type Extra, type LiveColumn, type LiveTable } from '../../live.js';
import { keyNames, sameDefault, sameType, type Column } from '../../schema.js';
import { isForeignKey, isStandIn, keysAway, keysBack, renameWithKeys, standIns } from './keys/set-aside-keys.js';
import {
  addKeys,
  dropKey,
  foreignKeys,
  formerName,
  freeKeyNames,
  givenName,
  isOwn,
  missingKeys,
  nameBack,
  nameFor,
  needsOf,
  type ForeignKey,
} from './foreign-keys.js';
import {
  membersBefore,
  primaryClause,
  primaryExtra,
  primaryMembers,
  refuseManyKeys,
  restsOnPrimaryKey,
  uniqueClause,
  uniqueExtra,
} from './keys/primary-and-unique.js';
import { lost } from './conversion.js';
import { refuseLongRow } from './limits/row-size.js';
import { blank, literal, quote, renameIn, tokens } from './parser/ddl-text.js';
import { createTrigger, freeTriggerNames, missingTriggers } from './triggers/triggers.js';
import { defaultSql, definitionOf, nativeType, readColumn } from './types.js';

/** One statement each: what MySQL cannot commit with a ledger row must at least be atomic by itself. */
export const ddl: Ddl = {
  quote,
  createTable(table, columns, owner, names) {
    const key = keyNames(columns);
    const uniques = columns
      .filter((c) => c.unique && !(c.primary_key && key.length === 1))
      .map((c) => ({ name: names(c.name), columns: [c.name] }));
    const lines = [
      ...columns.map((c) => `${quote(c.name)} ${definitionOf(c)}`),
      ...(key.length === 0 ? [] : [`PRIMARY KEY (${list(key)})`]),
      ...uniques.map((u) => `UNIQUE KEY ${quote(u.name)} (${list(u.columns)})`),
    ];
    const sql =
      `CREATE TABLE ${quote(table)} (${lines.join(', ')}) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 ` +
      `COLLATE utf8mb4_bin COMMENT=${literal(`schemasaga ${owner}`)}`;
    return {
      statements: [sql],
      live: {
        name: table,
        columns: columns.map((c) => liveOf(c)),
        primaryKey: key,
        uniques,
        extras: [],
        owner,
        source: null,
      },
    };
  },
  dropTable: (live) => ({ statements: [`DROP TABLE ${quote(live.name)}`], live: null }),
  renameTable: (live, to) => rename(live, to),
  /** Foreign keys to other tables are dropped: they would go on acting, and hold the rows that they refer to. */
  setAsideTable(live, aside) {
    const gone = foreignKeys(live).filter((key) => !isOwn(key, live));
    const stays = (extra: Extra): boolean => !gone.some((key) => key.extra === extra);
    const left = { ...live, extras: live.extras.filter(stays) };
    return rename(left, aside, keysAway(live, aside, stays), gone.map(dropKey));
  },
  bringBackTable(live, was) {
    const keys = missingKeys(
      { ...live, name: was.name },
      was,
      was.columns.map((c) => c.name),
    ).filter((key) => !isOwn(key, { name: formerName(was) }));
    const own = keysBack(live, was, (name) => nameBack(name, was));
    const triggers = missingTriggers(live, was, (name) => nameBack(name, was));
    const back = rename(live, was.name, own, addKeys(live, was, keys));
    const names = [...own.map((key) => key.to), ...keys.map((key) => nameFor(key, was))];
    return {
      // While it is out of everybody's reach; then they go with it.
      statements: [...triggers.map((trigger) => createTrigger(trigger, live.name)), ...back.statements],
      live: { ...withKeys(back.live!, keys), extras: [...withKeys(back.live!, keys).extras, ...triggers] },
      needs: [
        ...needsOf(keys, was.name, live.name),
        ...freeKeyNames(names, was.name),
        ...freeTriggerNames(triggers, was.name, live.name),
      ],
    };
  },
  addColumn(live, column, uniqueName) {
    refuseDrawing(live);
    const unique = column.unique ? [{ name: uniqueName, columns: [column.name] }] : [];
    const columns = [...live.columns, liveOf(column)];
    refuseLongRow(live, columns);
    if (column.unique) refuseManyKeys(live);
    return alter(
      live,
      [`ADD COLUMN ${quote(column.name)} ${definitionOf(column)}`, ...unique.map((u) => addUnique(live, u))],
      { columns, uniques: [...live.uniques, ...unique] },
    );
  },
  dropColumn(live, name) {
    // A unique that lost a member would be another rule, and a foreign key forbids to drop it.
    const uniques = live.uniques.filter((u) => u.columns.some((c) => same(c, name)));
    const extras = live.extras
      .map((e) => ({ ...e, name: e.name === '' && isForeignKey(e) ? givenName(live, e) : e.name }))
      .filter((e) => (isForeignKey(e) || e.kind === 'UNIQUE KEY' || e.kind === 'PRIMARY KEY') && namesColumn(e, name));
    const key = live.primaryKey.length > 1 && live.primaryKey.some((k) => same(k, name));
    // As the server shortens an index that is not unique: a foreign key, of this table or to it, may rest on the
    // members that are left.
    const shortened = uniques
      .map((u) => ({ name: u.name, columns: membersBefore(u.columns, name) }))
      .filter((u) => u.columns.length > 0)
      .map((u): Extra => ({
        kind: 'KEY',
        name: u.name,
        definition: `KEY ${quote(u.name)} (${u.columns.map(quote).join(',')})`,
      }));
    const clauses = [
      ...extras.filter(isForeignKey).map((e) => `DROP FOREIGN KEY ${quote(e.name)}`),
      ...(key ? ['DROP PRIMARY KEY'] : []),
      ...new Set(
        [...uniques, ...extras.filter((e) => e.kind === 'UNIQUE KEY')].map((u) => `DROP INDEX ${quote(u.name)}`),
      ),
      ...shortened.map((k) => `ADD ${k.definition}`),
      `DROP COLUMN ${quote(name)}`,
    ];
    return alter(live, clauses, {
      columns: live.columns.filter((c) => !same(c.name, name)),
      uniques: live.uniques.filter((u) => !uniques.includes(u)),
      extras: [...live.extras.filter((e) => !extras.some((gone) => gone.definition === e.definition)), ...shortened],
      primaryKey: live.primaryKey.some((k) => same(k, name)) ? [] : live.primaryKey,
    });
  },
  renameColumn(live, from, to) {
    return alter(
      live,
      [`RENAME COLUMN ${quote(from)} TO ${quote(to)}`],
      renamed(live, from, to, (c) => ({ ...c, name: to, definition: renameIn(c.definition, from, to) })),
    );
  },
  /** Hidden in its place: an insert without a list of columns and `select *` pass it over. */
  setAsideColumn(live, name, aside) {
    const column = findColumn(live, name)!;
    const inKey = primaryMembers(live).some((k) => same(k, name)) && !column.generated;
    const keys = foreignKeys(live).filter((key) => key.columns.some((c) => same(c, name)));
    const spatial = live.extras.filter((e) => e.kind === 'SPATIAL KEY' && namesColumn(e, name));
    const gone = [
      ...keys.map((key) => key.extra),
      ...spatial,
      ...(inKey ? live.extras.filter((e) => e === primaryExtra(live)) : []),
    ];
    const definition = hidden(live, name, column.generated ? column.definition : freed(column.definition));
    const numbered = inKey ? live.columns.find((c) => c.generated) : undefined;
    const rests = inKey && foreignKeys(live).some((key) => !keys.includes(key) && restsOnPrimaryKey(live, key.columns));
    const instead = standIns(aside, numbered?.name, rests ? membersBefore(primaryMembers(live), name) : []);
    const left = renamed({ ...live, extras: live.extras.filter((e) => !gone.includes(e)) }, name, aside, () =>
      readColumn(aside, definition.replace(HIDING, ' INVISIBLE')),
    );
    const clauses = [
      ...keys.map(dropKey),
      ...spatial.map((e) => `DROP INDEX ${quote(e.name)}`),
      ...(inKey ? ['DROP PRIMARY KEY'] : []),
      ...instead.map((k) => `ADD ${k.definition}`),
      `CHANGE COLUMN ${quote(column.name)} ${quote(aside)} ${definition}`,
    ];
    return alter(live, clauses, {
      ...left,
      extras: [...left.extras!, ...instead],
      ...(inKey ? { primaryKey: [] } : {}),
    });
  },
  bringBackColumn(live, aside, was, name) {
    const column = findColumn(was, name)!;
    const back = renamed(live, aside, name, () => column);
    const names = back.columns!.map((c) => c.name);
    // A key over two columns that are both set aside is made again with the last of them.
    const clause =
      primaryClause(live) === null && primaryMembers(was).every((k) => names.some((n) => same(n, k)))
        ? primaryClause(was)
        : null;
    const key = clause !== null;
    const instead = key ? live.extras.filter(isStandIn) : [];
    const others = back.extras!.filter((e) => !instead.some((k) => k.name === e.name));
    const keys = missingKeys({ ...live, ...back }, was, names).filter((k) => k.columns.some((c) => same(c, name)));
    const spatial = was.extras.filter((e) => e.kind === 'SPATIAL KEY' && namesColumn(e, name));
    const clauses = [
      ...instead.map((k) => `DROP INDEX ${quote(k.name)}`),
      `CHANGE COLUMN ${quote(aside)} ${quote(column.name)} ${column.definition}`,
      ...(key ? [`ADD ${clause}`] : []),
      ...spatial.map((e) => `ADD ${e.definition}`),
      ...addKeys({ ...live, ...back, extras: others }, was, keys),
    ];
    const extras = [
      ...others,
      ...spatial,
      ...keys.map((k) => k.extra),
      ...(key ? was.extras.filter((e) => e === primaryExtra(was)) : []),
    ];
    const rendered = alter(live, clauses, { ...back, extras, ...(key ? { primaryKey: was.primaryKey } : {}) });
    const needs = needsOf(keys, live.name, live.name, (c) => (same(c, name) ? aside : c));
    return { ...rendered, needs, ...(back.columns!.some(drawsNumbers) ? { thawFirst: true } : {}) };
  },
  keepValues(live, name, keep) {
    const key = list(live.primaryKey);
    return {
      statements: [
        `CREATE TABLE ${quote(keep)} (PRIMARY KEY (${key})) ENGINE=InnoDB AS SELECT ${key}, ${quote(name)} ` +
          `FROM ${quote(live.name)}`,
      ],
      live,
    };
  },
  alterColumn(live, name, to, uniqueName) {
    const column = findColumn(live, name)!;
    refuseDrawing(live);
    const changes =
      column.type === null ||
      !sameType(to, { ...column, type: column.type }) ||
      column.nullable !== to.nullable ||
      !defaultsAgree(column, to);
    const mine = live.uniques.filter((u) => u.columns.length === 1 && same(u.columns[0]!, name));
    const gone = to.unique ? [] : mine;
    const come = to.unique && mine.length === 0 ? [{ name: uniqueName, columns: [column.name] }] : [];
    if (come.length > gone.length) refuseManyKeys(live);
    const definition = changed(column, to);
    const clauses = [
      ...(changes ? [`MODIFY COLUMN ${quote(column.name)} ${definition}`] : []),
      ...gone.map((u) => `DROP INDEX ${quote(u.name)}`),
      ...come.map((u) => addUnique(live, u)),
    ];
    const after = changes ? { ...liveOf({ ...to, name: column.name }), definition } : column;
    const columns = live.columns.map((c) => (c === column ? after : c));
    refuseLongRow(live, columns);
    return alter(live, clauses, {
      columns,
      uniques: [...live.uniques.filter((u) => !gone.includes(u)), ...come],
      extras: withoutUniques(live, gone),
    });
  },
  restoreColumn(live, name, was) {
    const column = findColumn(was, name)!;
    const single = (t: LiveTable): LiveTable['uniques'] =>
      t.uniques.filter((u) => u.columns.length === 1 && same(u.columns[0]!, name));
    const gone = single(live).filter((u) => !single(was).some((w) => w.name === u.name));
    const come = single(was).filter((w) => !single(live).some((u) => u.name === w.name));
    const clauses = [
      `MODIFY COLUMN ${quote(column.name)} ${column.definition}`,
      ...gone.map((u) => `DROP INDEX ${quote(u.name)}`),
      ...come.map((u) => addUnique(was, u)),
    ];
    return alter(live, clauses, {
      columns: live.columns.map((c) => (same(c.name, name) ? column : c)),
      uniques: [...live.uniques.filter((u) => !gone.includes(u)), ...come],
      extras: [...withoutUniques(live, gone), ...come.flatMap((u) => uniqueExtra(was, u) ?? [])],
    });
  },
  giveBackValues(live, name, keep, from, to, then = { column: name, key: live.primaryKey }) {
    if (from.type !== 'string' && from.type !== 'text') return [];
    const cast =
      to.type === 'decimal'
        ? `DECIMAL(${to.precision},${to.scale})`
        : to.type === 'date'
          ? 'DATE'
          : to.type === 'time'
            ? 'TIME(6)'
            : to.type === 'timestamp'
              ? 'DATETIME(6)'
              : null;
    const [mine, kept] = [`t.${quote(name)}`, `k.${quote(then.column)}`];
    const equal =
      to.type === 'json'
        ? `JSON_EXTRACT(${mine}, '$') = JSON_EXTRACT(${kept}, '$')`
        : cast === null
          ? `${mine} = ${kept}`
          : `CAST(${mine} AS ${cast}) = CAST(${kept} AS ${cast})`;
    const on = live.primaryKey.map((k, i) => `t.${quote(k)} = k.${quote(then.key[i]!)}`).join(' AND ');
    // Else ON UPDATE CURRENT_TIMESTAMP would take the way back for a change of the customer's.
    const stamps = live.columns
      .filter(
        (c) =>
          !same(c.name, name) &&
          / ON UPDATE /i.test(
            tokens(c.definition)
              .filter((word) => !word.startsWith("'"))
              .join(' '),
          ),
      )
      .map((c) => `, t.${quote(c.name)} = t.${quote(c.name)}`)
      .join('');
    return [
      `UPDATE ${quote(live.name)} t JOIN ${quote(keep)} k ON ${on} SET ${mine} = ${kept}${stamps} WHERE ` +
        `${equal} AND NOT (${mine} <=> ${kept})`,
    ];
  },
  metadataOnly: (from, to) => from.type === to.type && from.type === 'string' && to.length! >= from.length!,
  lost,
};

function alter(live: LiveTable, clauses: string[], left: Partial<LiveTable>): Rendered {
  return {
    statements: clauses.length === 0 ? [] : [`ALTER TABLE ${quote(live.name)} ${clauses.join(', ')}`],
    live: { ...live, ...left },
  };
}

function rename(
  live: LiveTable,
  to: string,
  keys: ReturnType<typeof keysAway> = [],
  more: readonly string[] = [],
): Rendered {
  const extras = live.extras.map((e) => ({
    ...e,
    name: keys.find((k) => k.from === e.name && isForeignKey(e))?.to ?? e.name,
  }));
  return { statements: [renameWithKeys(live.name, to, keys, more)], live: { ...live, name: to, extras, source: null } };
}

function withKeys(live: LiveTable, keys: readonly ForeignKey[]): LiveTable {
  return { ...live, extras: [...live.extras, ...keys.map((key) => key.extra)] };
}

function withoutUniques(live: LiveTable, gone: LiveTable['uniques']): Extra[] {
  return live.extras.filter((e) => !gone.some((u) => e === uniqueExtra(live, u)));
}

function renamed(live: LiveTable, from: string, to: string, change: (c: LiveColumn) => LiveColumn): Partial<LiveTable> {
  const swap = (name: string): string => (same(name, from) ? to : name);
  const others = (c: LiveColumn): LiveColumn => ({ ...c, definition: renameIn(c.definition, from, to) });
  return {
    columns: live.columns.map((c) => (same(c.name, from) ? change(c) : others(c))),
    extras: live.extras.map((e) => (e.kind === 'trigger' ? e : { ...e, definition: renamedIn(e, from, to) })),
    primaryKey: live.primaryKey.map(swap),
    uniques: live.uniques.map((u) => ({ ...u, columns: u.columns.map(swap) })),
  };
}

/** An index keeps its own name, which is often the column's. */
function renamedIn({ kind, name, definition }: Extra, from: string, to: string): string {
  const head = `${kind} ${quote(name)} `;
  return definition.startsWith(head)
    ? head + renameIn(definition.slice(head.length), from, to)
    : renameIn(definition, from, to);
}

function liveOf(column: Column): LiveColumn {
  const read = readColumn(column.name, definitionOf(column));
  if (column.native !== undefined) return read;
  return {
    ...read,
    type: column.type,
    length: column.length,
    precision: column.precision,
    scale: column.scale,
    default: column.default === null ? null : { value: column.default },
  };
}

/** A definition taken apart: what comes before and behind NULL and DEFAULT is the customer's. */
interface Parted {
  type: string;
  charset: string[];
  notNull: boolean;
  default: string[];
  check: string[];
  rest: string[];
}

function partedOf(definition: string): Parted {
  const words = tokens(definition);
  const found: Parted = { type: words[0]!, charset: [], notNull: false, default: [], check: [], rest: [] };
  for (let i = 1; i < words.length; i++) {
    const [word, next] = [words[i]!.toUpperCase(), words[i + 1]?.toUpperCase()];
    if (word === 'NOT' && next === 'NULL') {
      found.notNull = true;
      i++;
    } else if (word === 'NULL') continue;
    else if (word === 'CHARACTER' && next === 'SET') {
      found.charset.push(...words.slice(i, i + 3));
      i += 2;
    } else if (word === 'COLLATE') {
      found.charset.push(...words.slice(i, i + 2));
      i++;
    } else if (word === 'DEFAULT') {
      found.default.push(...words.slice(i, i + 2));
      i++;
    } else if (word === 'CHECK') {
      found.check.push(...words.slice(i, i + 2));
      i++;
    } else if (word === 'GENERATED' || word === 'AS')
      return {
        ...found,
        rest: words
          .slice(i)
          .filter(
            (w, j, all) =>
              !(w.toUpperCase() === 'NOT' && all[j + 1]?.toUpperCase() === 'NULL') &&
              !(w.toUpperCase() === 'NULL' && all[j - 1]?.toUpperCase() === 'NOT'),
          ),
      };
    else found.rest.push(words[i]!);
  }
  return found;
}

/**
 * So that nobody who does not know the column is refused, and nothing is run for it: nullable, no check, no default. A
 * timestamp is nullable only when told so.
 */
function freed(definition: string): string {
  const { type, charset, rest } = partedOf(definition);
  const computed = rest.some((word) => /^(GENERATED|AS)$/i.test(word));
  const update = rest.findIndex((word) => word.toUpperCase() === 'ON');
  const kept = update === -1 ? rest : [...rest.slice(0, update), ...rest.slice(update + 3)];
  return [
    type,
    ...unsigned(kept),
    ...charset,
    ...(computed ? [] : ['NULL', 'DEFAULT NULL']),
    ...kept.filter((word) => !UNSIGNED.test(word)),
  ].join(' ');
}

/** MariaDB 10.3.3 and MySQL 8.0.23 know invisible columns; one column of a table must be seen. */
function hidden(live: LiveTable, name: string, definition: string): string {
  const isHidden = (column: LiveColumn): boolean =>
    tokens(column.definition).some((word) => word.toUpperCase() === 'INVISIBLE');
  const alone = live.columns.every((column) => same(column.name, name) || isHidden(column));
  if (alone || tokens(definition).some((word) => word.toUpperCase() === 'INVISIBLE')) return definition;
  return `${definition}${HIDING}`;
}

const HIDING = ' /*M!100303 INVISIBLE */ /*!80023 INVISIBLE */';

/**
 * What `to` says and the customer's own beside it: comment, check, visibility, and, where the type stays, its spelling,
 * character set and ON UPDATE.
 */
function changed(column: LiveColumn, to: Column): string {
  const { type, charset, default: value, check, rest } = partedOf(column.definition);
  const stays = column.type !== null && sameType(to, { ...column, type: column.type });
  const kept = rest.filter((word) => word.toUpperCase() !== 'AUTO_INCREMENT' && !UNSIGNED.test(word));
  const behind = [...(to.generated ? ['AUTO_INCREMENT'] : [])];
  if (stays) {
    // None is printed as DEFAULT NULL, which a column that becomes NOT NULL cannot have.
    const same = to.default === null ? [] : defaultsAgree(column, to) ? value : ['DEFAULT', defaultSql(to)];
    return [type, ...charset, to.nullable ? 'NULL' : 'NOT NULL', ...same, ...behind, ...kept, ...check].join(' ');
  }
  const textual = (t: string | null): boolean => t === 'string' || t === 'text';
  const update = kept.findIndex((word) => word.toUpperCase() === 'ON');
  if (update !== -1) kept.splice(update, 3);
  const ours = column.type === 'json' && /^\(json_valid\(`(?:[^`]|``)+`\)\)$/i.test(check[1] ?? '') ? [] : check;
  const [native, ...bounds] = nativeType(to).split(' ');
  return [
    native,
    ...(textual(column.type) && textual(to.type) ? charset : bounds),
    to.nullable ? 'NULL' : 'NOT NULL',
    ...(to.default === null ? [] : ['DEFAULT', defaultSql(to)]),
    ...behind,
    ...kept,
    ...ours,
  ].join(' ');
}

/**
 * MariaDB alters no table with such a default while tables are locked, the sequence among them. What brings a column
 * back refuses rows that do not fit by itself.
 */
function drawsNumbers(column: LiveColumn): boolean {
  return tokens(column.definition).some((word) => /\bnextval\(/i.test(blank(word)));
}

/** For what must not meet rows that are written meanwhile. Errors: DatabaseError unsupported_change. */
function refuseDrawing(live: LiveTable): void {
  const drawing = live.columns.find(drawsNumbers);
  if (drawing !== undefined)
    throw new DatabaseError(
      'unsupported_change',
      `mysql: the default of ${drawing.name} draws from a sequence, and MariaDB adds and alters no column ` +
        `of ${live.name} while nobody may write to it`,
    );
}

const UNSIGNED = /^(UNSIGNED|ZEROFILL)$/i;
const unsigned = (words: string[]): string[] => words.filter((word) => UNSIGNED.test(word));

/** Whether it is made of that column, and not just refers to one of that name elsewhere. */
function namesColumn(extra: Extra, name: string): boolean {
  const group = tokens(extra.definition).find((word) => word.includes('('));
  return group !== undefined && group.toLowerCase().includes(quote(name).toLowerCase());
}

function defaultsAgree(column: LiveColumn, to: Column): boolean {
  if (column.default === null) return to.default === null;
  return 'value' in column.default && to.default !== null && sameDefault(to.type, column.default.value, to.default);
}

const list = (names: string[]): string => names.map(quote).join(', ');
const addUnique = (of: LiveTable, u: LiveTable['uniques'][number]): string => `ADD ${uniqueClause(of, u)}`;
const same = (a: string, b: string): boolean => foldName(a) === foldName(b);
