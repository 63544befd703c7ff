import { DatabaseError } from '../errors.js';
import { foldName } from '../live.js';
import { refuseDependents, refuseUnremakeable, statementsOf, type Operation } from '../operation.js';

interface Params {
  table: string;
  name: string;
  to: string;
}

export const renameColumn: Operation<Params> = {
  kind: 'rename_column',
  plan({ table, name, to }, before, { engine, columns }) {
    const done = engine.ddl.renameColumn(before!, name, to);
    const renamed = columns.map((c) => (foldName(c.name) === foldName(name) ? { ...c, name: to } : c));
    const caseAlone = foldName(name) === foldName(to);
    return {
      table,
      table_after: table,
      shown_after: table,
      before: [{ table, columns, ...(caseAlone ? {} : { without: [to] }) }],
      after: [{ table, columns: renamed, ...(caseAlone ? {} : { without: [name] }) }],
      columns_after: renamed,
      live: done.live,
      statements: done.statements,
      compensation: engine.ddl.renameColumn(done.live!, to, name).statements,
      reason: `rename column ${name} of ${table} to ${to}`,
    };
  },
  async check(session, { table, params }, live) {
    const lacking = await session.lacksRight('alter', table);
    if (lacking !== null) throw new DatabaseError('permission_denied', lacking);
    await refuseUnremakeable(session, live, null);
    const dependents = await session.dependents(table, params.name, 'rename');
    refuseDependents(dependents, `${table}.${params.name}`);
  },
  async apply(_session, { params }, live, ddl) {
    return statementsOf(ddl.renameColumn(live!, params.name, params.to));
  },
  async compensate(_session, { params }, live, ddl) {
    return statementsOf(ddl.renameColumn(live!, params.to, params.name));
  },
};
