import { DatabaseError } from '../errors.js';
import { foldName } from '../live.js';
import { refuseDependents, refuseUnremakeable, statementsOf, type Operation } from '../operation.js';

interface Params {
  table: string;
  to: string;
}

export const renameTable: Operation<Params> = {
  kind: 'rename_table',
  plan({ table, to }, before, { engine, columns }) {
    const done = engine.ddl.renameTable(before!, to);
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
      compensation: engine.ddl.renameTable(done.live!, table).statements,
      reason: `rename table ${table} to ${to}`,
    };
  },
  async check(session, { table, params }, live) {
    const lacking = (await session.lacksRight('alter', table)) ?? (await session.lacksRight('create', null));
    if (lacking !== null) throw new DatabaseError('permission_denied', lacking);
    await refuseUnremakeable(session, live, null);
    const occupant = foldName(table) === foldName(params.to) ? null : await session.occupant(params.to);
    if (occupant !== null)
      throw new DatabaseError('table_name_taken', `a ${occupant} named ${params.to} is there already and is not ours`);
    const dependents = await session.dependents(table, null, 'rename');
    refuseDependents(dependents, table);
  },
  async apply(_session, { params }, live, ddl) {
    return statementsOf(ddl.renameTable(live!, params.to));
  },
  async compensate(_session, { params }, live, ddl) {
    return statementsOf(ddl.renameTable(live!, params.table));
  },
};
