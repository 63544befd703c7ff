import { DatabaseError } from '../errors.js';
import { formerAs, inTodaysNames } from '../former.js';
import { asRestored } from '../live-indexes.js';
import type { LiveTable } from '../live.js';
import {
  statementsOf,
  stepOf,
  existingTable,
  type Asked,
  type Operation,
  type Plan,
  type WorkContext,
} from '../operation.js';
import { meetNeeds } from '../rows.js';
import type { Index } from '../schema/table-index.js';
import { refuseOccupied, requireRight } from './checks.js';

/**
 * `table`: its name while set aside. `former`: the table as it was before it was set aside. `indexes`: its managed
 * indexes then; missing: those that it has in history.
 */
interface RestoreTable {
  do: 'restore_table';
  table: string;
  to: string;
  former: LiveTable;
  indexes?: Index[];
}
type Params = Asked<RestoreTable>;

/**
 * Undoes a drop_table: rows, indexes, keys and triggers come back with the table, under its former name or another one.
 */
export const restoreTable: Operation<Params, RestoreTable> = {
  kind: 'restore_table',
  // What is set aside stands there, and is told by its name alone.
  meetsNoTable: () => true,
  async expand(task, { session, newStepId }) {
    const [former, stepId] = [await inTodaysNames(session, task.former), newStepId()];
    return { steps: [stepOf(restoreTable, { ...task, former, step_id: stepId }, stepId)] };
  },
  plan({ table, to, former, indexes: then }, before, { engine, columns, indexes }) {
    if (before === null)
      throw new DatabaseError(
        'drift_detected',
        `${table}, what was set aside of ${former.name}, is not there any more`,
      );
    const back = engine.ddl.bringBackTable(before, { ...former, name: to });
    return {
      table,
      table_after: to,
      shown_after: to,
      before: [
        { table, columns: 'any' },
        { table: to, columns: null },
      ],
      after: [
        { table: to, columns },
        { table, columns: null },
      ],
      columns_after: columns,
      indexes_after: asRestored(engine, former, existingTable(back.live, to), then ?? indexes),
      live: back.live,
      statements: back.statements,
      compensation: engine.ddl.setAsideTable(existingTable(back.live, to), table).statements,
      reason: `bring ${table} back as ${to}`,
      ...(back.takes === undefined ? {} : { takes: back.takes }),
      ...(back.needs === undefined ? {} : { needs: back.needs }),
    };
  },
  async check({ session }, { params: { to }, takes = [], needs = [] }, live) {
    await refuseOccupied(session, to);
    // A table that had the name meanwhile keeps its index names when it is renamed.
    for (const name of takes)
      await refuseOccupied(session, name, `, which ${to} had: restore it under another name, or rename what has it`);
    await requireRight(session, 'create', null);
    await meetNeeds(session, live, needs);
  },
  async apply({ session, engine }, { table, params: { former, to } }, live) {
    return statementsOf(engine.ddl.bringBackTable(existingTable(live, table), await formerAs(session, former, to)));
  },
  /** Triggers that were made again before the table came back: on one that is set aside they would hold their names. */
  async tidy(context, plan) {
    return freedNames(context, plan);
  },
  async compensate({ engine }, { table_after, params }, live) {
    return statementsOf(engine.ddl.setAsideTable(existingTable(live, table_after), params.table));
  },
  async settle(context, plan, direction) {
    return direction === 'compensate' ? freedNames(context, plan) : [];
  },
};

/** Triggers that were on the table while it was set aside stay on it: nothing tells how to make them again. */
async function freedNames({ session }: WorkContext, { params, was }: Plan<Params>): Promise<string[]> {
  const keptTriggers = was?.extras.some((extra) => extra.kind === 'trigger') === true;
  return keptTriggers ? [] : ((await session.freeNames?.(params.table)) ?? []);
}
