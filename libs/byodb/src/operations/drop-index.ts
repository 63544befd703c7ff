import { DatabaseError } from '../errors.js';
import { indexNow } from '../live-indexes.js';
import { foldName } from '../live.js';
import { asideName, existingTable, statementsOf, stepOf, type Operation } from '../operation.js';
import { tellIndex, type Index } from '../schema/table-index.js';
import { refuseDependents, requireRight } from './checks.js';
import { destroyIndex } from './destroy-index.js';

interface DropIndex {
  do: 'drop_index';
  table: string;
  index: Index;
}

/** `as`: what it is called in this database. */
interface Params extends DropIndex {
  step_id: string;
  as: string;
}

/**
 * Gives the index a name out of the way. It goes on working, a unique one also refuses: what is written before every
 * database has done the change must still fit if the index comes back.
 */
export const dropIndex: Operation<Params, DropIndex> = {
  kind: 'drop_index',
  async expand(task, { engine, live, newStepId }) {
    const { table, index } = task;
    const found = indexNow(engine, existingTable(live, table), index);
    if (found === undefined) throw new DatabaseError('drift_detected', `${table} has no index ${index.name}`);
    const stepId = newStepId();
    return { steps: [stepOf(dropIndex, { ...task, step_id: stepId, as: found.name }, stepId)] };
  },
  plan({ table, index, as }, before, { engine, stepId, columns, indexes }) {
    const aside = asideName(stepId);
    const done = engine.ddl.renameIndex(existingTable(before, table), as, aside);
    return {
      table,
      table_after: table,
      shown_after: table,
      before: [{ table, columns, without_indexes: [aside] }],
      after: [{ table, columns, without_indexes: [as] }],
      columns_after: columns,
      indexes_after: indexes.filter(({ name }) => foldName(name) !== foldName(index.name)),
      live: done.live,
      statements: done.statements,
      compensation: engine.ddl.renameIndex(done.live, aside, as).statements,
      reason: `drop index ${index.name} ${tellIndex(index)} of ${table}`,
    };
  },
  async check({ session }, { table, params: { index, as } }, live) {
    await requireRight(session, 'alter', table);
    if (live === null) return;
    refuseDependents(await session.dependentsOfIndex(live, as), `index ${index.name} of ${table}`);
  },
  async follow({ newStepId }, { params: { index, step_id } }, live) {
    const stepId = newStepId();
    const params = { table: live.name, name: index.name, aside: asideName(step_id), step_id: stepId };
    return { step: stepOf(destroyIndex, params, stepId) };
  },
  async apply({ engine }, { table, params: { as, step_id } }, live) {
    return statementsOf(engine.ddl.renameIndex(existingTable(live, table), as, asideName(step_id)));
  },
  async compensate({ engine }, { table, params: { as, step_id } }, live) {
    return statementsOf(engine.ddl.renameIndex(existingTable(live, table), asideName(step_id), as));
  },
};
