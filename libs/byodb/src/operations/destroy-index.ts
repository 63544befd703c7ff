import { DatabaseError } from '../errors.js';
import { hasObject } from '../live-indexes.js';
import { existingTable, statementsOf, type Operation } from '../operation.js';

/** `name`: what its owner called it; `aside`: what it is called since drop_index. */
interface Params {
  table: string;
  name: string;
  aside: string;
  step_id: string;
}

/** Destroys an index that was dropped, once every database has dropped it. Nothing is lost: it can be built again. */
export const destroyIndex: Operation<Params> = {
  kind: 'destroy_index',
  plan({ table, name, aside }, before, { engine, columns }) {
    const was = existingTable(before, table);
    // It went with its column, where the same change drops that too.
    const done = hasObject(was, aside) ? engine.ddl.dropIndex(was, aside) : { statements: [], live: was };
    return {
      table,
      table_after: table,
      shown_after: table,
      before: [{ table, columns: 'any' }],
      after: [{ table, columns: 'any', without_indexes: [aside] }],
      columns_after: columns,
      live: done.live,
      statements: done.statements,
      compensation: [],
      reason: `destroy index ${name} of ${table}, which is dropped`,
    };
  },
  /** Gone already is as good: it is tried until it is done. */
  async apply({ engine }, { params: { aside } }, live) {
    return live === null || !hasObject(live, aside)
      ? { statements: [] }
      : statementsOf(engine.ddl.dropIndex(live, aside));
  },
  async compensate() {
    throw new DatabaseError('unsupported_change', 'an index that was destroyed comes back by create_index');
  },
};
