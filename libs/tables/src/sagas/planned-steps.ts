import {
  DatabaseError,
  preparePurge,
  setAsideBy,
  type Aside,
  type Managed,
  type Connection,
  type Plan,
  type Task,
} from '#byodb';
import type { PlannedStep } from '#sagas';
import { type Past, type Place } from '../changes/change-type.js';
import { typeOf, type Change } from '../changes/index.js';
import type { Table } from '../table/table.js';

/** What is managed of a table that a change meets in one database before it begins. */
export function standing(change: Change, place: Place): Managed {
  return typeOf(change).standing(change, place);
}

/** What a change comes to in one database, in order; never nothing: a database that has it already is looked at. */
export async function tasksFor(past: Past, change: Change, place: Place): Promise<Task[]> {
  const tasks = await typeOf(change).tasks(change, place, past);
  return tasks.length > 0
    ? tasks
    : [{ do: 'adopt', table: place.table.name, columns: standing(change, place).columns }];
}

export function plannedStep(stepId: string, plan: Plan, phase: PlannedStep['phase']): PlannedStep<Plan> {
  return {
    step_id: stepId,
    operation: plan.operation,
    phase,
    reason: plan.reason,
    statements: plan.statements,
    compensation: plan.compensation,
    plan,
  };
}

/**
 * What destroys these sagas' leavings in one database. Errors: DatabaseError unsupported_change (a column that still
 * stands in a dropped table goes with that alone).
 */
export async function purgePlans(
  past: Past,
  connection: Connection,
  { table, databaseId }: Place,
  of: string[],
): ReturnType<typeof preparePurge> {
  const asides = await asidesOf(past, { table, databaseId }, of);
  const isWhole = table.set_aside.some((a) => a.what === 'table' && of.includes(a.saga_id));
  if (!table.exists && !isWhole) await refuseColumnsThatStand(connection, table, asides);
  return preparePurge(connection, table.table_id, asides);
}

async function refuseColumnsThatStand(connection: Connection, table: Table, asides: Aside[]): Promise<void> {
  const stands = await connection.look(async (session) => {
    for (const { aside, column } of asides)
      if (column === true && (await session.introspect(aside)) === null) return true;
    return false;
  });
  if (!stands) return;
  throw new DatabaseError(
    'unsupported_change',
    `a dropped column still stands in ${table.name}, which is dropped too: it goes with the table, or ` +
      'once the table is restored',
  );
}

/**
 * What these sagas set aside in one database. A column that still stands in its table goes with it when that is
 * destroyed itself.
 */
async function asidesOf(past: Past, { table, databaseId }: Place, of: string[]): Promise<Aside[]> {
  const asides: Aside[] = [];
  for (const sagaId of of) {
    for (const step of await past.stepsIn(sagaId, databaseId)) {
      const left = setAsideBy(step.plan);
      if (left === null) continue;
      if (left.what !== 'column') asides.push({ aside: left.aside, table: null });
      else if (table.exists) asides.push({ aside: left.aside, table: table.name });
      else asides.push({ aside: left.aside, table: null, column: true });
    }
  }
  return asides;
}
