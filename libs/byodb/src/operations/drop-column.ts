import { DatabaseError } from '../errors.js';
import { foldName } from '../live.js';
import {
  asideName,
  inTodaysNames,
  refuseDependents,
  refuseUnremakeable,
  statementsOf,
  type Operation,
} from '../operation.js';
import type { Column } from '../schema.js';

interface Params {
  table: string;
  name: string;
  step_id: string;
}

/** Sets the column aside, so that it blocks nobody's inserts and can come back with its values. */
export const dropColumn: Operation<Params> = {
  kind: 'drop_column',
  plan({ table, name }, before, { engine, stepId, columns }) {
    const aside = asideName(stepId);
    const done = engine.ddl.setAsideColumn(before!, name, aside);
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
      compensation: engine.ddl.bringBackColumn(done.live!, aside, before!, name).statements,
      reason: `set column ${name} of ${table} aside as ${aside}`,
    };
  },
  async check(session, { table, params }, live) {
    const lacking = await session.lacksRight('alter', table);
    if (lacking !== null) throw new DatabaseError('permission_denied', lacking);
    const dependents = await session.dependents(table, params.name, 'remove');
    refuseDependents(dependents, `${table}.${params.name}`);
    await refuseUnremakeable(session, live, params.name);
  },
  async apply(_session, { params }, live, ddl) {
    return statementsOf(ddl.setAsideColumn(live!, params.name, asideName(params.step_id)));
  },
  async compensate(session, { params, was }, live, ddl) {
    return statementsOf(
      ddl.bringBackColumn(live!, asideName(params.step_id), await inTodaysNames(session, was!), params.name),
    );
  },
};

/** A key that loses a member is a key no more. */
export function withoutColumn(columns: Column[], name: string): Column[] {
  const gone = columns.find((c) => foldName(c.name) === foldName(name));
  return columns.filter((c) => c !== gone).map((c) => (gone?.primary_key === true ? { ...c, primary_key: false } : c));
}
