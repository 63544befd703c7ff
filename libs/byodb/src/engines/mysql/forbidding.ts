import type { LiveTable } from '../../live.js';
import type { Column } from '../../schema/column.js';
import type { Dependent } from '../../session.js';
import { asDependent, CHILD } from './dependents.js';
import type { Querying } from './driver/querying.js';
import { keysOver, keysThatSetNull } from './foreign-keys.js';
import { hasIndexBeside } from './keys/primary-and-unique.js';

export async function forbidding(
  session: Querying,
  live: LiveTable,
  from: Column | null,
  to: Column,
): Promise<Dependent[]> {
  if (from === null) return [];
  const found: Dependent[] = from.nullable && !to.nullable ? keysThatSetNull(live, from.name).map(asDependent) : [];
  if (!from.unique || to.unique || hasIndexBeside(live, from.name)) return found;
  const inbound = await session.query(
    `select ${CHILD} as child, constraint_name as name
    from information_schema.key_column_usage
    where referenced_table_schema = database() and referenced_table_name = ?
    group by constraint_schema, table_name, constraint_name
    having count(*) = 1 and lower(max(referenced_column_name)) = lower(?)`,
    [live.name, from.name],
  );
  return [
    ...found,
    ...keysOver(live, from.name).map(asDependent),
    ...inbound.map((k) => ({ kind: 'foreign key', name: `${String(k['child'])}.${String(k['name'])}` })),
  ];
}
