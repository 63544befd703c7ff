import type { Ddl } from '../ddl.js';
import { DatabaseError } from '../errors.js';
import { asideName, existingTable, statementsOf, uniqueName, type Asked, type Operation } from '../operation.js';
import { countRows, hasRows, refuseRows } from '../rows.js';
import type { Column } from '../schema/column.js';
import { defaultFunction } from '../schema/defaults.js';
import type { Session } from '../session.js';
import { refuseDependents, refuseUnremakeable, refuseUnsupported, requireRight } from './checks.js';

interface AddColumn {
  do: 'add_column';
  table: string;
  column: Column;
}

export const addColumn: Operation<Asked<AddColumn>, AddColumn> = {
  kind: 'add_column',
  looksAtRows: { apply: true, compensate: true },
  plan({ table, column }, before, { engine, stepId, columns }) {
    refuseUnsupported(engine, [...columns, column]);
    const done = engine.ddl.addColumn(existingTable(before, table), column, uniqueName(stepId));
    return {
      table,
      table_after: table,
      shown_after: table,
      before: [{ table, columns, without: [column.name] }],
      after: [{ table, columns: [...columns, column] }],
      columns_after: [...columns, column],
      live: done.live,
      statements: done.statements,
      compensation: engine.ddl.dropColumn(existingTable(done.live, table), column.name).statements,
      reason: `add column ${column.name} to ${table}`,
    };
  },
  async check({ session, engine: { ddl } }, { table, params: { column } }, live) {
    await requireRight(session, 'alter', table);
    await refuseUnremakeable(session, live, null);
    refuseDependents(live === null ? [] : ((await session.forbidding?.(live, null, column)) ?? []), table);
    // NULL in every row: nothing of the rows can refuse it.
    if (live === null || (column.default === null && column.nullable)) return;
    if (!(await hasRows(session, ddl, table))) return;
    if (!column.nullable && column.default === null)
      throw new DatabaseError(
        'not_null_without_default',
        `${table} has rows, and ${column.name} is NOT NULL without a default`,
      );
    if (column.unique && column.default !== null && defaultFunction(column) !== 'uuid')
      await refuseRows(
        session,
        ddl.quote(table),
        live,
        '1 = 1',
        (n) => `one default for ${n} row(s) of ${table} would not be unique in ${column.name}`,
      );
  },
  async apply({ engine }, { table, params: { column, step_id } }, live) {
    return statementsOf(engine.ddl.addColumn(existingTable(live, table), column, uniqueName(step_id)));
  },
  /**
   * Dropped when it holds nothing but NULL or its default; values that somebody wrote meanwhile are set aside with it.
   */
  async compensate({ session, engine: { ddl } }, { table, params: { column, step_id } }, live) {
    const written = await isWritten(session, ddl, table, column);
    const now = existingTable(live, table);
    return statementsOf(
      written ? ddl.setAsideColumn(now, column.name, asideName(step_id)) : ddl.dropColumn(now, column.name),
    );
  },
};

/** Whether the added column may hold what somebody wrote. */
async function isWritten(session: Session, ddl: Ddl, table: string, column: Column): Promise<boolean> {
  const name = ddl.quote(column.name);
  if (column.default === null) return (await countRows(session, ddl, table, `${name} is not null`)) > 0;
  // A function gives each row its own value, and not every engine compares json: none can be told from a written one.
  if (defaultFunction(column) !== null || column.type === 'json') return hasRows(session, ddl, table);
  const [row] = await session.query(
    `select count(distinct ${name}) as n, count(*) - count(${name}) as nulls from ${ddl.quote(table)}`,
  );
  return Number(row?.['n'] ?? 0) > 1 || Number(row?.['nulls'] ?? 0) > 0;
}
