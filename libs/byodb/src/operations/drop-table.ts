import { inTodaysNames } from '../former.js';
import { asideName, tableBefore, statementsOf, existingTable, type Asked, type Operation } from '../operation.js';
import { refuseDependents, refuseNewcomers, refuseUnremakeable, requireRight } from './checks.js';

interface DropTable {
  do: 'drop_table';
  table: string;
}

/** Sets the table aside; what destroys it comes after the retention time, in a saga of its own. */
export const dropTable: Operation<Asked<DropTable>, DropTable> = {
  kind: 'drop_table',
  plan({ table }, before, { engine, stepId, columns }) {
    const [aside, was] = [asideName(stepId), existingTable(before, table)];
    const gone = engine.ddl.setAsideTable(was, aside);
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
      compensation: engine.ddl.bringBackTable(existingTable(gone.live, aside), was).statements,
      reason: `set table ${table} aside as ${aside}`,
    };
  },
  async check({ session }, plan, live) {
    const { table } = plan;
    await requireRight(session, 'alter', table);
    refuseNewcomers(plan, live);
    refuseDependents(await session.dependents(table, null, 'remove'), table);
    await refuseUnremakeable(session, live, null);
  },
  async apply({ engine }, { table, params }, live) {
    return statementsOf(engine.ddl.setAsideTable(existingTable(live, table), asideName(params.step_id)));
  },
  async settle({ session }, { params }, direction) {
    return direction === 'apply' ? ((await session.freeNames?.(asideName(params.step_id))) ?? []) : [];
  },
  async compensate({ session, engine }, plan, live) {
    return statementsOf(
      engine.ddl.bringBackTable(existingTable(live, plan.table_after), await inTodaysNames(session, tableBefore(plan))),
    );
  },
  leavesAside: ({ table, table_after }) => ({ what: 'table', name: table, aside: table_after }),
  effectOnHistory: () => 'gone',
};
