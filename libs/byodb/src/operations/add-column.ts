import { DatabaseError } from '../errors.js';
import {
  asideName,
  countRows,
  hasRows,
  refuseDependents,
  refuseUnremakeable,
  statementsOf,
  uniqueName,
  type Operation,
} from '../operation.js';
import { refuseRows } from '../rows.js';
import { defaultFunction, type Column } from '../schema.js';

interface Params {
  table: string;
  quotedTable: string;
  column: Column;
  step_id: string;
}

export const addColumn: Operation<Params> = {
  kind: 'add_column',
  looksAtRows: { apply: true, compensate: true },
  plan({ table, column }, before, { engine, stepId, columns }) {
    const reason = engine.refuses([...columns, column]);
    if (reason !== null) throw new DatabaseError('unsupported_change', `${engine.name}: ${reason}`);
    const done = engine.ddl.addColumn(before!, column, uniqueName(stepId));
    return {
      table,
      table_after: table,
      shown_after: table,
      before: [{ table, columns, without: [column.name] }],
      after: [{ table, columns: [...columns, column] }],
      columns_after: [...columns, column],
      live: done.live,
      statements: done.statements,
      compensation: engine.ddl.dropColumn(done.live!, column.name).statements,
      reason: `add column ${column.name} to ${table}`,
    };
  },
  async check(session, { table, params: { column, quotedTable } }, live) {
    const lacking = await session.lacksRight('alter', table);
    if (lacking !== null) throw new DatabaseError('permission_denied', lacking);
    await refuseUnremakeable(session, live, null);
    refuseDependents(live === null ? [] : ((await session.forbidding?.(live, null, column)) ?? []), table);
    if (live === null || (column.default === null && column.nullable)) return;
    const rows = (await session.query(`select 1 as found from ${quotedTable} limit 1`)).length > 0;
    if (rows && !column.nullable && column.default === null) {
      throw new DatabaseError(
        'not_null_without_default',
        `${table} has rows, and ${column.name} is NOT NULL without a default`,
      );
    }
    if (rows && column.unique && column.default !== null && defaultFunction(column) !== 'uuid') {
      await refuseRows(
        session,
        quotedTable,
        live,
        '1 = 1',
        (n) => `one default for ${n} row(s) of ${table} would not be unique in ${column.name}`,
      );
    }
  },
  async apply(_session, { params }, live, ddl) {
    return statementsOf(ddl.addColumn(live!, params.column, uniqueName(params.step_id)));
  },
  /**
   * Dropped when it holds nothing but NULL or its default; values that somebody wrote meanwhile are set aside with it.
   */
  async compensate(session, { table, params: { column, step_id } }, live, ddl) {
    const name = ddl.quote(column.name);
    const written =
      column.default === null
        ? (await countRows(session, ddl, table, `${name} is not null`)) > 0
        : defaultFunction(column) !== null || column.type === 'json'
          ? await hasRows(session, ddl, table)
          : await differing(
              session,
              `select count(distinct ${name}) as n, count(*) - count(${name}) as nulls from ${ddl.quote(table)}`,
            );
    return statementsOf(
      written ? ddl.setAsideColumn(live!, column.name, asideName(step_id)) : ddl.dropColumn(live!, column.name),
    );
  },
};

async function differing(
  session: { query(sql: string): Promise<Record<string, unknown>[]> },
  sql: string,
): Promise<boolean> {
  const [row] = await session.query(sql);
  return Number(row?.['n'] ?? 0) > 1 || Number(row?.['nulls'] ?? 0) > 0;
}
