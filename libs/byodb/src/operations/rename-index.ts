import { DatabaseError } from '../errors.js';
import { indexNow } from '../live-indexes.js';
import { foldName } from '../live.js';
import { existingTable, statementsOf, stepOf, type Operation } from '../operation.js';
import type { Index } from '../schema/table-index.js';
import { freeIndexName, requireRight } from './checks.js';

/** `to`: the index as it is to be called. */
interface RenameIndex {
  do: 'rename_index';
  table: string;
  index: Index;
  to: Pick<Index, 'name' | 'called'>;
}

/** `as` and `as_to`: what it is called in this database before and after. */
interface Params extends RenameIndex {
  step_id: string;
  as: string;
  as_to: string;
}

export const renameIndex: Operation<Params, RenameIndex> = {
  kind: 'rename_index',
  async expand(task, { session, engine, live, newStepId }) {
    const { table, index, to } = task;
    const now = existingTable(live, table);
    const found = indexNow(engine, now, index);
    if (found === undefined) throw new DatabaseError('drift_detected', `${table} has no index ${index.name}`);
    const asTo = await freeIndexName(session, now, to, found.name);
    const stepId = newStepId();
    return { steps: [stepOf(renameIndex, { ...task, step_id: stepId, as: found.name, as_to: asTo }, stepId)] };
  },
  plan({ table, index, to, as, as_to: asTo }, before, { engine, columns, indexes }) {
    const was = existingTable(before, table);
    const isSame = as === asTo;
    const caseAlone = foldName(as) === foldName(asTo);
    const done = isSame ? { statements: [], live: was } : engine.ddl.renameIndex(was, as, asTo);
    return {
      table,
      table_after: table,
      shown_after: table,
      before: [{ table, columns, ...(caseAlone ? {} : { without_indexes: [asTo] }) }],
      after: [{ table, columns, ...(caseAlone ? {} : { without_indexes: [as] }) }],
      columns_after: columns,
      indexes_after: indexes.map((one) => (foldName(one.name) === foldName(index.name) ? { ...one, ...to } : one)),
      live: done.live,
      statements: done.statements,
      compensation: isSame ? [] : engine.ddl.renameIndex(done.live, asTo, as).statements,
      reason: `rename index ${index.name} of ${table} to ${to.name}`,
    };
  },
  async check({ session }, { table }) {
    await requireRight(session, 'alter', table);
  },
  async apply({ engine }, { table, params: { as, as_to: asTo } }, live) {
    return as === asTo
      ? { statements: [] }
      : statementsOf(engine.ddl.renameIndex(existingTable(live, table), as, asTo));
  },
  async compensate({ engine }, { table, params: { as, as_to: asTo } }, live) {
    return as === asTo
      ? { statements: [] }
      : statementsOf(engine.ddl.renameIndex(existingTable(live, table), asTo, as));
  },
};
