import { DatabaseError } from '../errors.js';
import type { HistoryEffect, Operation, Plan, SetAside } from '../operation.js';
import { addColumn } from './add-column.js';
import { adopt } from './adopt.js';
import { alterColumn } from './alter-column.js';
import { createIndex } from './create-index.js';
import { createTable } from './create-table.js';
import { destroyIndex } from './destroy-index.js';
import { detachColumn } from './detach-column.js';
import { dropColumn } from './drop-column.js';
import { dropIndex } from './drop-index.js';
import { dropTable } from './drop-table.js';
import { keepValues } from './keep-values.js';
import { purge } from './purge.js';
import { reattachColumn } from './reattach-column.js';
import { renameColumn } from './rename-column.js';
import { renameIndex } from './rename-index.js';
import { renameTable } from './rename-table.js';
import { restoreColumn } from './restore-column.js';
import { restoreTable } from './restore-table.js';

/**
 * Every operation there is, under the name that plans and tasks say. Parameters are checked where they are made
 * (libs/tables).
 */
const operations = {
  create_table: createTable,
  drop_table: dropTable,
  rename_table: renameTable,
  add_column: addColumn,
  drop_column: dropColumn,
  rename_column: renameColumn,
  keep_values: keepValues,
  alter_column: alterColumn,
  restore_table: restoreTable,
  restore_column: restoreColumn,
  detach_column: detachColumn,
  reattach_column: reattachColumn,
  create_index: createIndex,
  drop_index: dropIndex,
  rename_index: renameIndex,
  destroy_index: destroyIndex,
  adopt,
  purge,
} satisfies Record<string, Operation<unknown>>;

type Operations = typeof operations;
export type OperationKind = keyof Operations;

/** What the plans of a kind store as `params`. */
export type ParamsOf<K extends OperationKind> = Operations[K] extends Operation<infer P, infer _T> ? P : never;
type TaskOf<K extends OperationKind> = Operations[K] extends Operation<infer _P, infer T> ? T : never;
/** One thing to be done to a table, as libs/tables resolved it. */
export type Task = { [K in OperationKind]: TaskOf<K> }[OperationKind];

/** Every kind, for tests that hold of all. */
export const operationKinds = Object.keys(operations) as OperationKind[];

/**
 * Errors: DatabaseError unsupported_change (the plan was stored by a newer version, which alone knows what it means).
 */
export function operationOf(kind: string): Operation<unknown, Task> {
  const known: Record<string, Operation<unknown, Task>> = operations;
  const operation = Object.hasOwn(known, kind) ? known[kind] : undefined;
  if (operation === undefined)
    throw new DatabaseError(
      'unsupported_change',
      `a step of the kind ${kind} was planned by a newer version of the service: only that one can carry it out`,
    );
  return operation;
}

/** Whether a plan is of this kind, and its parameters are what the kind stores. */
export function isPlanOf<K extends OperationKind>(kind: K, plan: Plan): plan is Plan<ParamsOf<K>> {
  return plan.operation === kind;
}

/** What the plan's step leaves in the database until it is purged; null: nothing. */
export function setAsideBy(plan: Plan): SetAside | null {
  return operationOf(plan.operation).leavesAside?.(plan) ?? null;
}

/** What a step that was done says of the table in its database. */
export function effectOnHistory({
  operation,
  columns_after,
}: Pick<Plan, 'operation' | 'columns_after'>): HistoryEffect {
  return operationOf(operation).effectOnHistory?.(columns_after) ?? 'stands';
}
