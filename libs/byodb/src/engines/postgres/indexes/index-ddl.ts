import type { Rendered, RenderedTable } from '../../../ddl.js';
import type { LiveTable } from '../../../live.js';
import type { Index, IndexColumn } from '../../../schema/table-index.js';
import { refuseUniqueApart } from '../items/render-items.js';
import { columnOf, sourceOf, withSource, type Item } from '../items/table-items.js';
import { quote } from '../sql.js';
import { identifier } from './identifier.js';

/**
 * CREATE INDEX CONCURRENTLY waits for every transaction that began before it, a dump's too, and while it waits it keeps
 * nobody from reading and writing. By the short timeout that other changes have, a build would hardly ever come to its
 * end (https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY).
 */
const PATIENCE = "set lock_timeout = '5min'";

export function createIndex(
  live: LiveTable,
  { columns, unique }: Pick<Index, 'columns' | 'unique'>,
  as: string,
  hasRows: boolean,
): RenderedTable {
  const source = sourceOf(live);
  const members = columns.map(({ name, order }) => ({ name: columnOf(live, name).name, order }));
  const names = members.map(({ name }) => name);
  if (unique) refuseUniqueApart(live.name, source, names);
  const isOutside = hasRows && source.partitionKey === undefined;
  const concurrently = isOutside ? 'concurrently ' : '';
  const isBroken = (item: Item): boolean => isIndexOf(item, as) && !item.valid;
  const list = members.map(({ name, order }) => `${quote(name)}${order === 'desc' ? ' desc' : ''}`).join(', ');
  return {
    statements: [
      ...(isOutside ? [PATIENCE] : []),
      ...(source.items.some(isBroken) ? [`drop index ${concurrently}${quote(as)}`] : []),
      `create ${unique ? 'unique ' : ''}index ${concurrently}${quote(as)} on ${quote(live.name)} (${list})`,
    ],
    live: withSource(live, {
      ...source,
      items: [...source.items.filter((item) => !isBroken(item)), indexItem(as, members, unique)],
    }),
    ...(isOutside ? { outsideTransaction: true } : {}),
  } satisfies Rendered;
}

/** As the catalog will tell it. */
function indexItem(name: string, members: readonly IndexColumn[], unique: boolean): Item {
  const columns = members.map((member) => member.name);
  const list = members.map((member) => `${identifier(member.name)}${member.order === 'desc' ? ' DESC' : ''}`);
  return {
    kind: 'index',
    name,
    columns,
    mentions: [...new Set(columns)].sort(),
    definition: `USING btree (${list.join(', ')})`,
    frame: null,
    unique,
    valid: true,
    expression: false,
    bitesNull: false,
    comment: null,
    clustered: false,
    replicaIdentity: false,
    options: [],
    tablespace: null,
  };
}

export function dropIndex(live: LiveTable, name: string): RenderedTable {
  const source = sourceOf(live);
  return {
    statements: [`drop index ${quote(name)}`],
    live: withSource(live, { ...source, items: source.items.filter((item) => !isIndexOf(item, name)) }),
  };
}

export function renameIndex(live: LiveTable, from: string, to: string): RenderedTable {
  const source = sourceOf(live);
  const items = source.items.map((item) => (isIndexOf(item, from) ? { ...item, name: to } : item));
  return {
    statements: [`alter index ${quote(from)} rename to ${quote(to)}`],
    live: withSource(live, { ...source, items }),
  };
}

function isIndexOf(item: Item, name: string): boolean {
  return item.kind === 'index' && item.name === name;
}
