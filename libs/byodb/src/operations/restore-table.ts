import type { Session } from '../engine.js';
import { DatabaseError } from '../errors.js';
import type { LiveTable } from '../live.js';
import { inTodaysNames, statementsOf, type Operation, type Plan } from '../operation.js';
import { meetNeeds } from '../rows.js';

/** `table`: its name while set aside. `former`: the table as it was before it was set aside. */
interface Params {
  table: string;
  to: string;
  former: LiveTable;
  step_id: string;
}

/**
 * Undoes a drop_table: rows, indexes, keys and triggers come back with the table, under its former name or another one.
 */
export const restoreTable: Operation<Params> = {
  kind: 'restore_table',
  plan({ table, to, former }, before, { engine, columns }) {
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
      live: back.live,
      statements: back.statements,
      compensation: engine.ddl.setAsideTable(back.live!, table).statements,
      reason: `bring ${table} back as ${to}`,
      ...(back.takes === undefined ? {} : { takes: back.takes }),
      ...(back.needs === undefined ? {} : { needs: back.needs }),
    };
  },
  async check(session, { params, takes = [], needs = [] }, live) {
    const occupant = await session.occupant(params.to);
    if (occupant !== null)
      throw new DatabaseError('table_name_taken', `a ${occupant} named ${params.to} is there already and is not ours`);
    // A table that had the name meanwhile keeps its index names when it is renamed.
    for (const name of takes) {
      const other = await session.occupant(name);
      if (other !== null)
        throw new DatabaseError(
          'table_name_taken',
          `a ${other} named ${name} is there already, which ${params.to} had: restore it under another name, ` +
            'or rename what has it',
        );
    }
    const lacking = await session.lacksRight('create', null);
    if (lacking !== null) throw new DatabaseError('permission_denied', lacking);
    await meetNeeds(session, live, needs);
  },
  async apply(session, { params }, live, ddl) {
    return statementsOf(
      ddl.bringBackTable(live!, { ...(await inTodaysNames(session, params.former)), name: params.to }),
    );
  },
  /** Triggers that were made again before the table came back: on one that is set aside they would hold their names. */
  async tidy(session, plan) {
    return freedNames(session, plan);
  },
  async compensate(_session, { params }, live, ddl) {
    return statementsOf(ddl.setAsideTable(live!, params.table));
  },
  async settle(session, plan, direction) {
    return direction === 'compensate' ? freedNames(session, plan) : [];
  },
};

/** Triggers that were on the table while it was set aside stay on it: nothing tells how to make them again. */
async function freedNames(session: Session, { params, was }: Plan<Params>): Promise<string[]> {
  const keptTriggers = was?.extras.some((extra) => extra.kind === 'trigger') === true;
  return keptTriggers ? [] : ((await session.freeNames?.(params.table)) ?? []);
}
