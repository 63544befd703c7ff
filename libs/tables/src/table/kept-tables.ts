import { DatabaseError, indexesBefore, setAsideBy, type Column, type LiveTable, type Plan, type Task } from '#byodb';
import { sameColumns } from './columns.js';
import { asideIn, type Table } from './table.js';
import { type Past } from '../changes/change-type.js';

/** How a saga set the table aside in one database. Errors: DatabaseError drift_detected (it did not). */
async function planThatSetAside(past: Past, sagaId: string | undefined, databaseId: string): Promise<Plan> {
  const plans = (await past.stepsIn(sagaId, databaseId)).map((step) => step.plan);
  const plan = plans.find((one) => setAsideBy(one)?.what === 'table');
  if (plan === undefined)
    throw new DatabaseError('drift_detected', 'nothing of the table is set aside in this database');
  return plan;
}

/** How the table was set aside in a database from which it was removed; null: it is not kept there. */
export async function planAside(past: Past, table: Table, databaseId: string): Promise<Plan | null> {
  const aside = asideIn(table, databaseId);
  if (aside === undefined) return null;
  return planThatSetAside(past, aside.saga_id, databaseId);
}

/** What brings back, under a name, the table that a saga set aside. */
export async function restoreTask(
  past: Past,
  sagaId: string | undefined,
  databaseId: string,
  to: string,
): Promise<Task> {
  return restoreBy(await planThatSetAside(past, sagaId, databaseId), to);
}

/** The table as a step found it that changes one. */
export function foundBy(plan: Plan): LiveTable {
  if (plan.was === null) throw new Error(`${plan.operation} of ${plan.table} found no table`);
  return plan.was;
}

/** With the managed indexes that the table had there, which may be others by now. */
export function restoreBy(plan: Plan, to: string): Task {
  const indexes = indexesBefore(plan);
  return {
    do: 'restore_table',
    table: plan.table_after,
    to,
    former: foundBy(plan),
    ...(indexes.length === 0 ? {} : { indexes }),
  };
}

/**
 * Why a table that was removed from a database cannot come back there with its rows as a table of these columns; null:
 * it can.
 */
export function cannotComeBack(plan: Plan, columns: Column[]): string | null {
  const then = plan.before.find((one) => one.table === plan.table)?.columns;
  if (Array.isArray(then) && sameColumns(then, columns)) return null;
  return (
    `the columns of ${plan.table} are not what they were when it was removed from this database, where ` +
    'its rows are kept: change them back first, or destroy what is kept (POST /table/purge) and add it ' +
    'empty'
  );
}
