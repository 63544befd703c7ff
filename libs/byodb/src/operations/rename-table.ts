import { foldName } from '../live.js';
import { statementsOf, existingTable, type Asked, type Operation } from '../operation.js';
import { refuseDependents, refuseOccupied, refuseUnremakeable, requireRight } from './checks.js';

interface RenameTable {
  do: 'rename_table';
  table: string;
  to: string;
}

export const renameTable: Operation<Asked<RenameTable>, RenameTable> = {
  kind: 'rename_table',
  plan({ table, to }, before, { engine, columns }) {
    const done = engine.ddl.renameTable(existingTable(before, table), to);
    const caseAlone = foldName(table) === foldName(to);
    return {
      table,
      table_after: to,
      shown_after: to,
      before: [{ table, columns }, ...(caseAlone ? [] : [{ table: to, columns: null }])],
      after: [{ table: to, columns }, ...(caseAlone ? [] : [{ table, columns: null }])],
      columns_after: columns,
      live: done.live,
      statements: done.statements,
      compensation: engine.ddl.renameTable(existingTable(done.live, to), table).statements,
      reason: `rename table ${table} to ${to}`,
    };
  },
  async check({ session }, { table, params: { to } }, live) {
    await requireRight(session, 'alter', table);
    await requireRight(session, 'create', null);
    await refuseUnremakeable(session, live, null);
    // Where the case of letters alone changes, what has the name is the table itself.
    if (foldName(table) !== foldName(to)) await refuseOccupied(session, to);
    refuseDependents(await session.dependents(table, null, 'rename'), table);
  },
  async apply({ engine }, { table, params }, live) {
    return statementsOf(engine.ddl.renameTable(existingTable(live, table), params.to));
  },
  async compensate({ engine }, { table_after, params }, live) {
    return statementsOf(engine.ddl.renameTable(existingTable(live, table_after), params.table));
  },
};
