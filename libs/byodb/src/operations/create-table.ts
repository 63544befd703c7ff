import { DatabaseError } from '../errors.js';
import { hasRows, asideName, statementsOf, uniqueName, type Operation } from '../operation.js';
import type { Column } from '../schema.js';

interface Params {
  table: string;
  columns: Column[];
  step_id: string;
}

export const createTable: Operation<Params> = {
  kind: 'create_table',
  looksAtRows: { compensate: true },
  plan(params, _before, { engine, tableId, stepId }) {
    const reason = engine.refuses(params.columns);
    if (reason !== null) throw new DatabaseError('unsupported_change', `${engine.name}: ${reason}`);
    const made = engine.ddl.createTable(params.table, params.columns, tableId, names(params.columns, stepId));
    return {
      table: params.table,
      table_after: params.table,
      shown_after: params.table,
      before: [{ table: params.table, columns: null }],
      after: [{ table: params.table, columns: params.columns, owner: tableId }],
      columns_after: params.columns,
      live: made.live,
      statements: made.statements,
      compensation: engine.ddl.dropTable(made.live!).statements,
      reason: `create table ${params.table}`,
    };
  },
  async check(session, plan) {
    const occupant = await session.occupant(plan.table);
    if (occupant !== null)
      throw new DatabaseError('table_name_taken', `a ${occupant} named ${plan.table} is there already and is not ours`);
    const lacking = await session.lacksRight('create', null);
    if (lacking !== null) throw new DatabaseError('permission_denied', lacking);
  },
  async apply(_session, { params, table_id }, _live, ddl) {
    return statementsOf(ddl.createTable(params.table, params.columns, table_id, names(params.columns, params.step_id)));
  },
  /** Rows that came meanwhile are the customer's: a table that holds some is set aside, never dropped. */
  async compensate(session, { params }, live, ddl) {
    if (await hasRows(session, ddl, live!.name))
      return { ...statementsOf(ddl.setAsideTable(live!, asideName(params.step_id))), thawFirst: true };
    return statementsOf(ddl.dropTable(live!));
  },
};

function names(columns: Column[], stepId: string): (column: string) => string {
  return (column) =>
    uniqueName(
      stepId,
      columns.findIndex((c) => c.name === column),
    );
}
