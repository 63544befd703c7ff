import { DatabaseError } from '../errors.js';
import {
  asideName,
  inTodaysNames,
  refuseDependents,
  refuseUnremakeable,
  statementsOf,
  type Operation,
} from '../operation.js';

interface Params {
  table: string;
  step_id: string;
}

/** Sets the table aside; what destroys it comes after the retention time, in a saga of its own. */
export const dropTable: Operation<Params> = {
  kind: 'drop_table',
  plan({ table }, before, { engine, stepId, columns }) {
    const aside = asideName(stepId);
    const gone = engine.ddl.setAsideTable(before!, aside);
    return {
      table,
      table_after: aside,
      shown_after: table,
      before: [
        { table, columns },
        { table: aside, columns: null },
      ],
      after: [
        { table, columns: null },
        { table: aside, columns: 'any' },
      ],
      columns_after: [],
      live: null,
      statements: gone.statements,
      ...(gone.notes === undefined ? {} : { notes: gone.notes }),
      compensation: engine.ddl.bringBackTable(gone.live!, before!).statements,
      reason: `set table ${table} aside as ${aside}`,
    };
  },
  async check(session, { table }, live) {
    const lacking = await session.lacksRight('alter', table);
    if (lacking !== null) throw new DatabaseError('permission_denied', lacking);
    const dependents = await session.dependents(table, null, 'remove');
    refuseDependents(dependents, table);
    await refuseUnremakeable(session, live, null);
  },
  async apply(_session, { params }, live, ddl) {
    return statementsOf(ddl.setAsideTable(live!, asideName(params.step_id)));
  },
  async settle(session, { params }, direction) {
    return direction === 'apply' ? ((await session.freeNames?.(asideName(params.step_id))) ?? []) : [];
  },
  async compensate(session, { was }, live, ddl) {
    return statementsOf(ddl.bringBackTable(live!, await inTodaysNames(session, was!)));
  },
};
