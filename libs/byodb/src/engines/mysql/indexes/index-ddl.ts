import type { RenderedTable } from '../../../ddl.js';
import { existingColumn, findNamed, foldName, type Extra, type LiveTable } from '../../../live.js';
import type { Index, IndexColumn } from '../../../schema/table-index.js';
import { alterTable, sameName } from '../definition/alter-statement.js';
import { foreignKeys } from '../foreign-keys.js';
import { begins, keyColumns, plainUnique, refuseManyKeys } from '../keys/primary-and-unique.js';
import { tokens } from '../parser/ddl-text.js';
import { quote } from '../sql.js';
import { indexes } from './read-indexes.js';

/** One ALTER, during which rows can be read and written where the storage engine knows how to. */
export function createIndex(
  live: LiveTable,
  { columns, unique }: Pick<Index, 'columns' | 'unique'>,
  as: string,
): RenderedTable {
  refuseManyKeys(live);
  const members = columns.map(({ name, order }) => ({ name: existingColumn(live, name).name, order }));
  const names = members.map(({ name }) => name);
  const list = members.map(membersClause).join(',');
  const definition = `${unique ? 'UNIQUE KEY' : 'KEY'} ${quote(as)} (${list})`;
  const clauses = [
    `ADD ${unique ? 'UNIQUE ' : ''}INDEX ${quote(as)} (${list})`,
    ...servingKeys(live, names).flatMap((key) => [`DROP INDEX ${quote(key.name)}`, `ADD ${key.definition}`]),
    ...(buildsBesideWriters(live) ? ['ALGORITHM=INPLACE', 'LOCK=NONE'] : []),
  ];
  const isPlain = unique && definition === plainUnique({ name: as, columns: names });
  const extra: Extra = { kind: unique ? 'UNIQUE KEY' : 'KEY', name: as, definition };
  return alterTable(live, clauses, {
    uniques: unique ? [...live.uniques, { name: as, columns: names }] : live.uniques,
    extras: isPlain ? live.extras : [...live.extras, extra],
  });
}

function membersClause({ name, order }: IndexColumn): string {
  return `${quote(name)}${order === 'desc' ? ' DESC' : ''}`;
}

/**
 * The keys over just the columns of a foreign key with which a new index begins. One that the server made itself for
 * the foreign key would be dropped without a word when there is another that serves it
 * (https://dev.mysql.com/doc/refman/8.0/en/create-table-foreign-keys.html); made again in the same statement it stays.
 * Which of them it made cannot be seen; one that somebody else made is found to be the same, and is not built again.
 */
function servingKeys(live: LiveTable, names: readonly string[]): Extra[] {
  const served = foreignKeys(live).map((key) => key.columns);
  return live.extras.filter((extra) => {
    const columns = extra.kind === 'KEY' ? keyColumns(live, extra) : null;
    return (
      columns !== null &&
      begins(names, columns) &&
      served.some((key) => key.length === columns.length && begins(columns, key))
    );
  });
}

/**
 * Asked for elsewhere, the server would refuse. MySQL takes a shared lock where there is a fulltext or spatial index,
 * and a unique by hash is a hidden column, beside which MariaDB builds nothing in place. A table without options is one
 * of ours that is foretold.
 */
function buildsBesideWriters(live: LiveTable): boolean {
  const options = live.extras.find(({ kind }) => kind === 'options');
  return (
    (options === undefined || /\bENGINE ?= ?InnoDB\b/i.test(options.definition)) &&
    !live.extras.some(
      ({ kind, definition }) => /^(FULLTEXT|SPATIAL|VECTOR) KEY$/.test(kind) || isByHash(kind, definition),
    )
  );
}

function isByHash(kind: string, definition: string): boolean {
  return kind === 'UNIQUE KEY' && tokens(definition).includes('HASH');
}

export function dropIndex(live: LiveTable, name: string, was?: LiveTable): RenderedTable {
  const own = findNamed(indexes(live), name)?.columns.map((column) => column.name) ?? [];
  const standing = live.extras.map(({ definition }) => definition);
  // Driven out when it came (see above); in the same statement, as a foreign key needs one of the two.
  const back =
    was === undefined ? [] : servingKeys(was, own).filter(({ definition }) => !standing.includes(definition));
  return alterTable(live, [`DROP INDEX ${quote(name)}`, ...back.map(({ definition }) => `ADD ${definition}`)], {
    uniques: live.uniques.filter((unique) => !sameName(unique.name, name)),
    extras: [...live.extras.filter((extra) => !isIndexOf(extra, name)), ...back],
  });
}

/** MySQL knows it from 5.7 on, MariaDB from 10.5.2. */
export function renameIndex(live: LiveTable, from: string, to: string): RenderedTable {
  const renamed = (extra: Extra): Extra => {
    const head = `${extra.kind} ${quote(extra.name)}`;
    return { ...extra, name: to, definition: `${extra.kind} ${quote(to)}${extra.definition.slice(head.length)}` };
  };
  return alterTable(live, [`RENAME INDEX ${quote(from)} TO ${quote(to)}`], {
    uniques: live.uniques.map((unique) => (sameName(unique.name, from) ? { ...unique, name: to } : unique)),
    extras: live.extras.map((extra) => (isIndexOf(extra, from) ? renamed(extra) : extra)),
  });
}

/** Of any kind that has a name. */
function isIndexOf({ kind, name }: Extra, wanted: string): boolean {
  return /(^| )KEY$/.test(kind) && kind !== 'PRIMARY KEY' && foldName(name) === foldName(wanted);
}
