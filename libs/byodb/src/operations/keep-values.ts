import { asideName, statementsOf, existingTable, type Operation } from '../operation.js';

interface Params {
  table: string;
  name: string;
  step_id: string;
}

/**
 * Copies a column's values and the primary key aside before a conversion, so that the former values can be given back
 * exactly.
 */
export const keepValues: Operation<Params> = {
  kind: 'keep_values',
  plan({ table, name }, before, { engine, stepId, columns }) {
    const keep = asideName(stepId);
    const done = engine.ddl.keepValues(existingTable(before, table), name, keep);
    return {
      table,
      table_after: keep,
      shown_after: table,
      before: [
        { table, columns },
        { table: keep, columns: null },
      ],
      after: [
        { table, columns },
        { table: keep, columns: 'any' },
      ],
      columns_after: columns,
      live: before,
      statements: done.statements,
      compensation: [`drop table ${engine.ddl.quote(keep)}`],
      reason: `keep the values of ${table}.${name} in ${keep}`,
    };
  },
  async apply({ engine }, { table, params }, live) {
    return statementsOf(engine.ddl.keepValues(existingTable(live, table), params.name, asideName(params.step_id)));
  },
  async compensate({ engine }, { table_after }, live) {
    return statementsOf(engine.ddl.dropTable(existingTable(live, table_after)));
  },
  leavesAside: ({ params: { name }, table_after }) => ({ what: 'values', name, aside: table_after }),
};
