import type { LiveTable } from '../../../live.js';
import type { Dependent } from '../../../session.js';
import { asDependent, CHILD, referringKeyName } from '../dependents.js';
import { sameName } from '../definition/alter-statement.js';
import type { Querying } from '../driver/querying.js';
import { foreignKeys } from '../foreign-keys.js';
import { begins, keyColumns } from '../keys/primary-and-unique.js';

/**
 * Foreign keys, of this table and to it, that find no other index which begins with their columns: the server would
 * not drop this one (https://dev.mysql.com/doc/refman/8.0/en/create-table-foreign-keys.html).
 */
export async function dependentsOfIndex(session: Querying, live: LiveTable, name: string): Promise<Dependent[]> {
  const all = serving(live);
  const own = all.filter((index) => sameName(index.name, name));
  const others = all.filter((index) => !own.includes(index));
  const rests = (columns: readonly string[]): boolean =>
    own.some((index) => begins(index.columns, columns)) && !others.some((index) => begins(index.columns, columns));
  const rows = await session.query(
    `select constraint_name as name, referenced_column_name as col, ${CHILD} as child
    from information_schema.key_column_usage
    where referenced_table_schema = database() and referenced_table_name = ?
    order by table_schema, table_name, constraint_name, ordinal_position`,
    [live.name],
  );
  const inbound = [...new Set(rows.map(referringKeyName))];
  const referred = (key: string): string[] =>
    rows.filter((row) => referringKeyName(row) === key).map((row) => String(row['col']));
  return [
    ...foreignKeys(live)
      .filter((key) => rests(key.columns))
      .map(asDependent),
    ...inbound.filter((key) => rests(referred(key))).map((key) => ({ kind: 'foreign key', name: key })),
  ];
}

/** Every index that a foreign key can use: of whole columns, in whatever order it has them; the primary key is ''. */
function serving(live: LiveTable): { name: string; columns: string[] }[] {
  const keys = live.extras.flatMap((extra) => {
    const columns = extra.kind === 'KEY' ? keyColumns(live, extra) : null;
    return columns === null ? [] : [{ name: extra.name, columns }];
  });
  return [{ name: '', columns: live.primaryKey }, ...live.uniques, ...keys];
}
