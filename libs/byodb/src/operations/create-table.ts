import { asideName, statementsOf, existingTable, uniqueName, type Asked, type Operation } from '../operation.js';
import { hasRows } from '../rows.js';
import type { Column } from '../schema/column.js';
import { refuseOccupied, refuseUnsupported, requireRight } from './checks.js';

interface CreateTable {
  do: 'create_table';
  table: string;
  columns: Column[];
}

export const createTable: Operation<Asked<CreateTable>, CreateTable> = {
  kind: 'create_table',
  looksAtRows: { compensate: true },
  refusesTaken: true,
  meetsNoTable: () => true,
  plan({ table, columns }, _before, { engine, tableId, stepId }) {
    refuseUnsupported(engine, columns);
    const made = engine.ddl.createTable(table, columns, tableId, names(columns, stepId));
    return {
      table,
      table_after: table,
      shown_after: table,
      before: [{ table, columns: null }],
      after: [{ table, columns, owner: tableId }],
      columns_after: columns,
      live: made.live,
      statements: made.statements,
      compensation: engine.ddl.dropTable(existingTable(made.live, table)).statements,
      reason: `create table ${table}`,
    };
  },
  async check({ session }, { table }) {
    await refuseOccupied(session, table);
    await requireRight(session, 'create', null);
  },
  async apply({ engine }, { params: { table, columns, step_id }, table_id }) {
    return statementsOf(engine.ddl.createTable(table, columns, table_id, names(columns, step_id)));
  },
  /** Rows that came meanwhile are the customer's: a table that holds some is set aside, never dropped. */
  async compensate({ session, engine: { ddl } }, { table, params }, live) {
    const made = existingTable(live, table);
    if (await hasRows(session, ddl, made.name))
      return { ...statementsOf(ddl.setAsideTable(made, asideName(params.step_id))), thawFirst: true };
    return statementsOf(ddl.dropTable(made));
  },
  /** A creation that died around its statement: what stands there now is another's unless it bears our mark. */
  async isOthers({ session }, { table, table_id }) {
    return (await session.introspect(table))?.owner !== table_id;
  },
};

function names(columns: Column[], stepId: string): (column: string) => string {
  return (column) =>
    uniqueName(
      stepId,
      columns.findIndex((c) => c.name === column),
    );
}
