import { withoutColumn } from '../columns.js';
import { inTodaysNames } from '../former.js';
import {
  asideName,
  tableBefore,
  nameNow,
  statementsOf,
  stepOf,
  existingTable,
  type Asked,
  type Operation,
} from '../operation.js';
import { refuseDependents, refuseNewcomers, refuseUnremakeable, requireRight } from './checks.js';
import { detachColumn, staysInPlace, stayNote } from './detach-column.js';

interface DropColumn {
  do: 'drop_column';
  table: string;
  name: string;
}

/** Sets the column aside, so that it blocks nobody's inserts and can come back with its values. */
export const dropColumn: Operation<Asked<DropColumn>, DropColumn> = {
  kind: 'drop_column',
  plan({ table, name }, before, { engine, stepId, columns }) {
    const [aside, was] = [asideName(stepId), existingTable(before, table)];
    const done = engine.ddl.setAsideColumn(was, name, aside);
    const left = withoutColumn(columns, name);
    return {
      table,
      table_after: table,
      shown_after: table,
      before: [{ table, columns, without: [aside] }],
      after: [{ table, columns: 'any', without: [name], with: [aside, ...left.map((c) => c.name)] }],
      columns_after: left,
      live: done.live,
      statements: done.statements,
      ...(done.notes === undefined ? {} : { notes: done.notes }),
      compensation: engine.ddl.bringBackColumn(existingTable(done.live, table), aside, was, name).statements,
      reason: `set column ${name} of ${table} aside as ${aside}`,
    };
  },
  columnOf: ({ name }) => name,
  async check(context, plan, live) {
    const { table, params } = plan;
    const [{ session }, name] = [context, nameNow(context, params.name)];
    // What refuses a column by what hangs on it is looked at by what brings it back.
    if (name === null) return;
    await requireRight(session, 'alter', table);
    if (context.stands === undefined) refuseNewcomers(plan, live);
    refuseDependents(await session.dependents(table, name, 'remove'), `${table}.${name}`);
    await refuseUnremakeable(session, live, name);
  },
  /** Once all databases have set it aside, its values move out of the table, where that can be. */
  async follow({ session, engine, limits, table, newStepId }, { params: { name, step_id } }, live) {
    const aside = asideName(step_id);
    const reason = await staysInPlace(session, engine, live, aside, engine.ddl.quote(table), limits);
    if (reason === 'hidden') return null;
    if (reason !== null) return { note: stayNote(live.name, name, reason) };
    const stepId = newStepId();
    return { step: stepOf(detachColumn, { table: live.name, aside, name, step_id: stepId }, stepId) };
  },
  async apply({ engine }, { table, params }, live) {
    return statementsOf(engine.ddl.setAsideColumn(existingTable(live, table), params.name, asideName(params.step_id)));
  },
  async compensate({ session, engine }, plan, live) {
    const { table, params } = plan;
    const was = await inTodaysNames(session, tableBefore(plan));
    return statementsOf(
      engine.ddl.bringBackColumn(existingTable(live, table), asideName(params.step_id), was, params.name),
    );
  },
  leavesAside: ({ params: { name, step_id } }) => ({ what: 'column', name, aside: asideName(step_id) }),
};
