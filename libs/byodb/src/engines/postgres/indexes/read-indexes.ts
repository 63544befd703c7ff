import { isAside, type LiveTable } from '../../../live.js';
import { pairs } from '../../../pairs.js';
import type { IndexColumn, LiveIndex } from '../../../schema/table-index.js';
import { sourceOf, type Item } from '../items/table-items.js';

/**
 * A column and nothing else: where the collation, the operator class or the place of NULLs is not the usual one, the
 * server prints it behind the name.
 */
const MEMBER = '(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_]*)( DESC)?';
const MEMBERS = new RegExp(MEMBER, 'g');

/** INCLUDE, NULLS NOT DISTINCT, storage parameters and a condition would follow. */
const PLAIN = new RegExp(`^USING btree \\((${MEMBER}(?:, ${MEMBER})*)\\)$`);

/** Those of constraints are items of other kinds. */
export function indexes(live: LiveTable): LiveIndex[] {
  return sourceOf(live).items.flatMap((item) => {
    const columns = item.kind === 'index' ? membersOf(item) : null;
    if (columns === null || isAside(item.name) || item.mentions.some(isAside)) return [];
    return [{ name: item.name, columns, unique: item.unique, valid: item.valid }];
  });
}

/** Null: it is made of more than columns, of one of them twice, or in another way than usual. */
function membersOf({ columns, definition, tablespace }: Item): IndexColumn[] | null {
  const [, inside] = PLAIN.exec(definition) ?? [];
  if (inside === undefined || tablespace !== null) return null;
  // By place, and by the names that the item knows: after a rename that is only foretold, the text still has the
  // former one.
  const orders = [...inside.matchAll(MEMBERS)].map(([, descending]) => (descending === undefined ? 'asc' : 'desc'));
  if (orders.length !== columns.length || new Set(columns).size !== columns.length) return null;
  return pairs(columns, orders).map(([name, order]) => ({ name, order }));
}
