import { DatabaseError } from '../errors.js';
import { findColumn } from '../live.js';
import { asideName, statementsOf, type Operation } from '../operation.js';

/** `aside`: a table of that name, or with `table` a column of that name in it. */
interface Params {
  aside: string;
  table: string | null;
  step_id: string;
}

/** Destroys for good what was set aside: the only operation with no way back. Gone already is as good. */
export const purge: Operation<Params> = {
  kind: 'purge',
  plan({ aside, table }, before, { engine, columns }) {
    const what = table === null ? `table ${aside}` : `column ${aside} of ${table}`;
    const isThere = before !== null && (table === null || findColumn(before, aside) !== undefined);
    const gone = !isThere
      ? { statements: [], live: before }
      : table === null
        ? engine.ddl.dropTable(before)
        : engine.ddl.dropColumn(before, aside);
    const name = table ?? aside;
    return {
      table: name,
      table_after: name,
      shown_after: name,
      before: [],
      after: [table === null ? { table: aside, columns: null } : { table, columns: 'any', without: [aside] }],
      columns_after: columns,
      live: gone.live,
      statements: gone.statements,
      compensation: [],
      reason: `destroy ${what}, which was set aside`,
    };
  },
  async apply({ engine: { ddl } }, { params: { aside, table } }, live) {
    if (live === null || (table !== null && findColumn(live, aside) === undefined)) return { statements: [] };
    // What the project did not put there itself must never be destroyed, whatever a stored plan says.
    if (!aside.startsWith(asideName('')))
      throw new DatabaseError('database_error', `${aside} is not a name of something set aside`);
    return statementsOf(table === null ? ddl.dropTable(live) : ddl.dropColumn(live, aside));
  },
  async compensate() {
    throw new DatabaseError('unsupported_change', 'what was destroyed cannot come back');
  },
  effectOnHistory: () => 'none',
};
