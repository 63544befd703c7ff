import type { Operation } from '../operation.js';
import { addColumn } from './add-column.js';
import { adopt } from './adopt.js';
import { alterColumn } from './alter-column.js';
import { createTable } from './create-table.js';
import { detachColumn } from './detach-column.js';
import { dropColumn } from './drop-column.js';
import { dropTable } from './drop-table.js';
import { keepValues } from './keep-values.js';
import { purge } from './purge.js';
import { reattachColumn } from './reattach-column.js';
import { renameColumn } from './rename-column.js';
import { renameTable } from './rename-table.js';
import { restoreColumn } from './restore-column.js';
import { restoreTable } from './restore-table.js';

export type OperationKind =
  | 'create_table'
  | 'drop_table'
  | 'rename_table'
  | 'add_column'
  | 'drop_column'
  | 'rename_column'
  | 'keep_values'
  | 'alter_column'
  | 'restore_table'
  | 'restore_column'
  | 'detach_column'
  | 'reattach_column'
  | 'adopt'
  | 'purge';

/**
 * Every kind of change there is; total, so that a new kind cannot be forgotten. Parameters are checked where they are
 * made (libs/tables).
 */
export const operations: Record<OperationKind, Operation<unknown>> = {
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
  adopt,
  purge,
};

export function operationOf(kind: string): Operation<unknown> {
  return operations[kind as OperationKind];
}
