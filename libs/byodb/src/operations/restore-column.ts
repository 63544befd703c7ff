import { asTheyStand, withColumnBack } from '../columns.js';
import { formerAs, inTodaysNames, othersInTodaysNames, renderedNow } from '../former.js';
import { findColumn, type LiveTable } from '../live.js';
import { statementsOf, stepOf, existingTable, type Expansion, type Operation } from '../operation.js';
import { meetNeeds, refuseRows, refuseShared } from '../rows.js';
import type { Column } from '../schema/column.js';
import { refuseUnremakeable, requireRight } from './checks.js';
import { reattachColumn } from './reattach-column.js';

/**
 * `aside`: its name while set aside; `former`: the table as it was before; `after`: the managed column that it follows,
 * null: it is the first. `others`: see `Ddl.bringBackColumn`.
 */
interface RestoreColumn {
  do: 'restore_column';
  table: string;
  aside: string;
  column: Column;
  former: LiveTable;
  after: string | null;
  key?: string[];
  others?: LiveTable[];
}

/** Undoes a drop_column some time later: the column comes back with the values that it had. */
export const restoreColumn: Operation<RestoreColumn, RestoreColumn> = {
  kind: 'restore_column',
  bringsBack: ({ aside }) => aside,
  async expand(asked, { session, live, back, newStepId }): Promise<Expansion> {
    const former = await inTodaysNames(session, asked.former);
    const task = { ...asked, former, ...(back.length === 0 ? {} : { others: [...back] }) };
    // Taken out of the table since it was set aside, or still in its place.
    const kept =
      live !== null && findColumn(live, task.aside) === undefined ? await session.introspect(task.aside) : null;
    const stepId = newStepId();
    return {
      steps: [kept === null ? stepOf(restoreColumn, task, stepId) : stepOf(reattachColumn, { ...task, kept }, stepId)],
      standing: { column: task.column.name, at: { name: task.aside, kept } },
      back: former,
    };
  },
  plan({ table, aside, column, former, after, key, others }, before, { engine, columns }) {
    const was = { ...former, name: table };
    const done = engine.ddl.bringBackColumn(existingTable(before, table), aside, was, column.name, others);
    const left = existingTable(done.live, table);
    const whole = asTheyStand(withColumnBack(columns, column, after, key), left);
    return {
      table,
      table_after: table,
      shown_after: table,
      before: [{ table, columns, without: [column.name], with: [aside] }],
      after: [{ table, columns: whole, without: [aside] }],
      columns_after: whole,
      live: left,
      statements: done.statements,
      compensation: engine.ddl.setAsideColumn(left, column.name, aside).statements,
      reason: `bring column ${column.name} of ${table} back from ${aside}`,
      ...(done.needs === undefined ? {} : { needs: done.needs }),
      ...(done.fills === undefined ? {} : { fills: done.fills }),
    };
  },
  looksAtRows: { apply: true },
  /** Rows that were written while the column was away have no value in it. */
  async check({ session, engine: { ddl } }, { table, params, fills }, live) {
    const { aside, column, former, others } = params;
    const [rows, value] = [ddl.quote(table), ddl.quote(aside)];
    await requireRight(session, 'alter', table);
    await refuseUnremakeable(session, live, null);
    if (!column.nullable && fills !== true)
      await refuseRows(
        session,
        rows,
        live,
        `${value} is null`,
        (n) => `${n} row(s) were written without ${column.name}, which is NOT NULL`,
      );
    if (column.unique)
      await refuseShared(
        session,
        rows,
        [value],
        live,
        (n) => `${column.name} is not unique any more: ${n} row(s) hold a value that another one holds`,
      );
    const now = await session.introspect(table);
    if (now === null || findColumn(now, aside) === undefined) return;
    const [was, before] = [await formerAs(session, former, table), await othersInTodaysNames(session, others)];
    const rendered = renderedNow(() => ddl.bringBackColumn(now, aside, was, column.name, before));
    await meetNeeds(session, live, rendered?.needs ?? []);
  },
  async apply({ session, engine: { ddl } }, { table, params: { aside, former, others, column } }, live) {
    const [was, before] = [await formerAs(session, former, table), await othersInTodaysNames(session, others)];
    return statementsOf(ddl.bringBackColumn(existingTable(live, table), aside, was, column.name, before));
  },
  async compensate({ engine }, { table, params: { aside, column } }, live) {
    return statementsOf(engine.ddl.setAsideColumn(existingTable(live, table), column.name, aside));
  },
};
