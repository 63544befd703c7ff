import { foldName } from '../live.js';
import { nameNow, statementsOf, stepOf, existingTable, type Asked, type Operation } from '../operation.js';
import { withIndexColumnRenamed } from '../schema/table-index.js';
import { refuseDependents, refuseUnremakeable, requireRight } from './checks.js';

interface RenameColumn {
  do: 'rename_column';
  table: string;
  name: string;
  to: string;
}

export const renameColumn: Operation<Asked<RenameColumn>, RenameColumn> = {
  kind: 'rename_column',
  async expand(task, { standing, newStepId }) {
    const stepId = newStepId();
    return {
      steps: [stepOf(renameColumn, { ...task, step_id: stepId }, stepId)],
      // What an earlier task brings back or renames stands where it stood before all of them.
      standing: { column: task.to, at: standing(task.name) ?? { name: task.name, kept: null } },
    };
  },
  plan({ table, name, to }, before, { engine, columns, indexes }) {
    const done = engine.ddl.renameColumn(existingTable(before, table), name, to);
    const renamed = columns.map((c) => (foldName(c.name) === foldName(name) ? { ...c, name: to } : c));
    const caseAlone = foldName(name) === foldName(to);
    return {
      table,
      table_after: table,
      shown_after: table,
      before: [{ table, columns, ...(caseAlone ? {} : { without: [to] }) }],
      after: [{ table, columns: renamed, ...(caseAlone ? {} : { without: [name] }) }],
      columns_after: renamed,
      indexes_after: withIndexColumnRenamed(indexes, name, to),
      live: done.live,
      statements: done.statements,
      compensation: engine.ddl.renameColumn(existingTable(done.live, table), to, name).statements,
      reason: `rename column ${name} of ${table} to ${to}`,
    };
  },
  columnOf: ({ name }) => name,
  async check(context, { table, params }, live) {
    const [{ session }, name] = [context, nameNow(context, params.name)];
    // What refuses a column by what hangs on it is looked at by what brings it back.
    if (name === null) return;
    await requireRight(session, 'alter', table);
    await refuseUnremakeable(session, live, null);
    refuseDependents(await session.dependents(table, name, 'rename'), `${table}.${name}`);
  },
  async apply({ engine }, { table, params }, live) {
    return statementsOf(engine.ddl.renameColumn(existingTable(live, table), params.name, params.to));
  },
  async compensate({ engine }, { table, params }, live) {
    return statementsOf(engine.ddl.renameColumn(existingTable(live, table), params.to, params.name));
  },
};
