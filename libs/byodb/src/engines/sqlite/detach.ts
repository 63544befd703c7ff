import type { Rendered } from '../../ddl.js';
import { DatabaseError } from '../../errors.js';
import { findColumn, type LiveTable } from '../../live.js';
import { foreignKeys, needsOf } from './foreign-keys.js';
import { columnText, parseSource, primaryKeyOf, sourceOf, textOf, withoutRowid, type Source } from './introspect.js';
import { clauseColumns, parseIndex, type Clause, type ColumnText, type TableText } from './parser/parse.js';
import { normalise, sameName } from './parser/tokens.js';
import { mergeBack, namesColumn, replaceColumn, respell, respellAll } from './rebuild/edit-text.js';
import { fillOf } from './rebuild/put-back.js';
import { hiddenRowid, rebuild, withRowid } from './rebuild/rebuild.js';
import { asCalled } from './rebuild/rename-table.js';
import { unmatchedName } from './set-aside.js';
import { quote } from './sql.js';

/** For good, with all that hangs on it. */
export function dropColumn(live: LiveTable, name: string): Rendered {
  const { text, indexes } = without(live, name);
  return rebuild(live, { text, indexes, triggers: sourceOf(live).triggers });
}

function without(live: LiveTable, name: string): { text: TableText; indexes: string[] } {
  const text = textOf(live);
  const gone = [name, unmatchedName(name)].filter((one) => text.columns.some((c) => sameName(c.name, one)));
  const left = gone.reduce((shorter, one) => replaceColumn(shorter, one, null), text);
  const lostKey = primaryKeyOf(text).some((c) => sameName(c, name));
  return {
    text: {
      ...left,
      constraints: left.constraints.filter((clause) => !namesColumn(ownPart(clause), name)),
      options: lostKey ? withRowid(text.options) : text.options,
    },
    indexes: sourceOf(live).indexes.filter((sql) => !namesColumn(parseIndex(sql).body, name)),
  };
}

/** Of a foreign key the columns of this table alone. */
function ownPart(clause: Clause): string {
  return clause.kind === 'foreign key' ? clauseColumns(clause).map(quote).join(',') : clause.body;
}

/**
 * Takes a column out, its values into a table by primary key; see `Ddl.detachColumn`. Without types, so that every
 * value stays what it is.
 */
export function detachColumn(live: LiveTable, name: string, kept?: LiveTable): Rendered {
  const reason = staysFor(live);
  if (reason !== null) throw new DatabaseError('unsupported_change', reason);
  const marker = unmatchedName(name);
  const isMarked = kept === undefined ? findColumn(live, marker) !== undefined : findColumn(kept, 'u') !== undefined;
  const keys = live.primaryKey.map((_, i) => quote(`k${i + 1}`));
  const rowid = rowidOf(live);
  const columns = [...keys, '"v"', ...(rowid === null ? [] : ['"r"']), ...(isMarked ? ['"u"'] : [])];
  const values = [
    ...live.primaryKey.map(quote),
    quote(name),
    ...(rowid === null ? [] : [rowid]),
    ...(isMarked ? [kept === undefined ? quote(marker) : 'null'] : []),
  ];
  const keep = quote(kept?.name ?? name);
  const from = quote(live.name);
  const first =
    kept !== undefined
      ? [
          // Values of rows that are gone by now stay: they were kept for as long as what was dropped is.
          `delete from ${keep} as _saga_kept where exists (select 1 from ${from} where ${sameKey(live, kept)})`,
        ]
      : [`CREATE TABLE ${keep}(${columns.join(', ')}, primary key (${keys.join(', ')}))`];
  const rebuilt = dropColumn(live, name);
  return {
    ...rebuilt,
    statements: [
      ...first,
      `insert into ${keep} (${columns.join(', ')}) select ${values.join(', ')} from ${from}`,
      ...rebuilt.statements,
    ],
  };
}

/** Why it must stay in its place; null: it can be taken out. */
function staysFor(live: LiveTable): string | null {
  return mayBeNull(live).length > 0 && rowidOf(live) === null
    ? 'its primary key may hold NULL, and each name of the rowid is the name of a column'
    : null;
}

/**
 * Members of the key in which SQLite takes NULL, an old bug that is kept: rows are then told apart by their rowid as
 * well.
 */
function mayBeNull(live: LiveTable): string[] {
  const text = textOf(live);
  if (withoutRowid(text)) return [];
  return live.primaryKey.filter((name) => {
    const column = text.columns.find((c) => sameName(c.name, name));
    return findColumn(live, name)?.generated !== true && column?.clauses.some((c) => c.kind === 'not null') !== true;
  });
}

function rowidOf(live: LiveTable): string | null {
  return mayBeNull(live).length === 0 ? null : hiddenRowid(textOf(live));
}

/** See `Ddl.sameKey`; `from` is the table's name where it goes by another one. */
export function sameKey(live: LiveTable, kept: LiveTable, from = live.name): string {
  const members = live.primaryKey
    .map((name, i) => `_saga_kept.${quote(`k${i + 1}`)} is ${quote(from)}.${quote(name)}`)
    .join(' and ');
  const open = mayBeNull(live)
    .map((name) => `_saga_kept.${quote(`k${live.primaryKey.indexOf(name) + 1}`)} is not null`)
    .join(' and ');
  const rowid = rowidOf(live);
  return open === '' || rowid === null || findColumn(kept, 'r') === undefined
    ? members
    : `${members} and (${open} or _saga_kept."r" = ${quote(from)}.${rowid})`;
}

/** The column at its former place, to the letter, with its values and all that hung on it. */
export function reattachColumn(
  live: LiveTable,
  kept: LiveTable,
  was: LiveTable,
  name: string,
  after?: string | null,
): Rendered {
  if (kept.columns.filter((c) => /^k\d+$/.test(c.name)).length !== live.primaryKey.length) {
    throw new DatabaseError(
      'unsupported_change',
      `the primary key of ${live.name} is another one than when ${name} was dropped: its values cannot be ` +
        'told apart any more',
    );
  }
  const then = asCalled(sourceOf(was), live.name);
  const [text, former] = [textOf(live), parseSource(then)];
  const column = columnText(former, name);
  const columns = moveBehind(
    mergeBack(text.columns, former.columns, [column], (a, b) => sameName(a.name, b.name)),
    column,
    after,
  );
  const isSame = (a: Clause, b: Clause): boolean => normalise(a.text, text.name) === normalise(b.text, text.name);
  const missing = former.constraints.filter(
    (clause) => namesColumn(ownPart(clause), name) && isWhole(ownPart(clause), former, columns),
  );
  const next = respell(
    { ...text, columns, constraints: mergeBack(text.constraints, former.constraints, missing, isSame) },
    former,
  );
  const source = sourceOf(live);
  const added = then.indexes.filter(
    (sql) => namesColumn(parseIndex(sql).body, name) && isWhole(parseIndex(sql).body, former, columns),
  );
  const indexes = mergeBack(
    respellAll(source.indexes, then.indexes),
    then.indexes,
    added,
    (a, b) => normalise(a) === normalise(b),
  );
  const fill = fillOf(column, was);
  const value = (from: string): string => {
    const rows = `from ${quote(kept.name)} as _saga_kept where ${sameKey(live, kept, from)}`;
    return fill === null
      ? `(select _saga_kept."v" ${rows})`
      : `case when exists (select 1 ${rows}) then (select _saga_kept."v" ${rows}) else ${fill} end`;
  };
  const rebuilt = rebuild(live, {
    text: next,
    indexes,
    triggers: respellAll(source.triggers, then.triggers),
    values: { [column.name]: value },
    parents: then.around?.parents,
  });
  const needs = keyNeeds(live, kept, then, name);
  return {
    ...rebuilt,
    takes: added.map((sql) => parseIndex(sql).name),
    ...(needs.length === 0 ? {} : { needs }),
    ...(fill === null ? {} : { fills: true }),
  };
}

/** One that came back before it, and was not there any more when it went, is unknown to its former table. */
function moveBehind(columns: ColumnText[], column: ColumnText, after: string | null | undefined): ColumnText[] {
  const [at, place] = [columns.indexOf(column), columns.findIndex((c) => after != null && sameName(c.name, after))];
  if (place < at) return columns;
  return [...columns.slice(0, at), ...columns.slice(at + 1, place + 1), column, ...columns.slice(place + 1)];
}

/** All columns that it names of the former table are there. */
function isWhole(sql: string, former: TableText, columns: TableText['columns']): boolean {
  return former.columns.every(
    (c) => !namesColumn(sql, c.name) || columns.some((other) => sameName(other.name, c.name)),
  );
}

function keyNeeds(live: LiveTable, kept: LiveTable, then: Source, name: string): ReturnType<typeof needsOf> {
  const table = quote(live.name);
  const rows =
    `(select ${table}.*, _saga_kept."v" as _saga_v, ` +
    `${findColumn(kept, 'u') === undefined ? 'null' : '_saga_kept."u"'} as _saga_u from ${table}, ` +
    `${quote(kept.name)} as _saga_kept where ${sameKey(live, kept)}) as _saga_t`;
  const value = (column: string): string => `_saga_t.${sameName(column, name) ? '_saga_v' : quote(column)}`;
  const keys = foreignKeys(parseSource(then), name);
  return needsOf(keys, '_saga_t._saga_u', { from: rows, source: then, own: live.name, self: table, value });
}
