import { findColumn, isAside, type LiveTable } from '../../../live.js';
import type { IndexColumn, LiveIndex } from '../../../schema/table-index.js';
import { sameName } from '../definition/alter-statement.js';
import { uniqueClause } from '../keys/primary-and-unique.js';
import { foreignKeys } from '../foreign-keys.js';
import { namesIn } from '../parser/ddl-text.js';
import { unquote } from '../sql.js';

const NAME = '`(?:[^`]|``)+`';

/** A whole column: behind its name would stand a length, and an expression has brackets of its own. */
const MEMBER = `(${NAME})( DESC| ASC)?`;
const MEMBERS = new RegExp(MEMBER, 'g');

/**
 * BTREE is what InnoDB makes of every index. What would follow else is lost when it is made again: a comment, and that
 * it is INVISIBLE (MySQL) or IGNORED (MariaDB).
 */
const PLAIN = new RegExp(`^(UNIQUE )?KEY (${NAME}) \\((${MEMBER}(?:,${MEMBER})*)\\)(?: USING BTREE)?$`);

/** A unique constraint is a unique index here, and told as one. */
export function indexes(live: LiveTable): LiveIndex[] {
  const definitions = [
    ...live.uniques.map((unique) => uniqueClause(live, unique)),
    ...live.extras.filter(({ kind }) => kind === 'KEY').map(({ definition }) => definition),
  ];
  return definitions.flatMap((definition) => readIndex(live, definition) ?? []);
}

function readIndex(live: LiveTable, definition: string): LiveIndex | null {
  const [, unique, quoted, inside] = PLAIN.exec(definition) ?? [];
  if (quoted === undefined || inside === undefined) return null;
  const name = unquote(quoted);
  const columns = [...inside.matchAll(MEMBERS)].map(([member, , order]): IndexColumn => {
    const [said = ''] = namesIn(member);
    return { name: findColumn(live, said)?.name ?? said, order: order === ' DESC' ? 'desc' : 'asc' };
  });
  if (isAside(name) || columns.some((column) => isAside(column.name))) return null;
  const index: LiveIndex = { name, columns, unique: unique !== undefined, valid: true };
  return unique === undefined && servesForeignKey(live, columns) ? { ...index, servesForeignKey: true } : index;
}

/** Whether it is made of just the columns of a foreign key of the table: which of these the server made is not told. */
function servesForeignKey(live: LiveTable, columns: readonly IndexColumn[]): boolean {
  return foreignKeys(live).some(
    (key) =>
      key.columns.length === columns.length && key.columns.every((name, i) => sameName(name, columns[i]?.name ?? '')),
  );
}
