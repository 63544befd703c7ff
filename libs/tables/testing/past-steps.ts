import type { Column, Index, LiveTable, ParamsOf, Plan } from '#byodb';
import type { DatabaseRef } from '../src/table/event-parts.js';
import { appliedStep, type AppliedStep } from './ended-saga.js';
import { column } from './stream.js';

/** Steps of earlier changes of the table `first`: what a change finds in the past of a database. */

/** What such a step set something aside as. */
export const ASIDE = '_saga_00000000000000000000000000000001';
const STEP_ID = '00000000-0000-0000-0000-000000000001';

/** The table as each of the steps found it. */
export const FOUND: LiveTable = {
  name: 'first',
  columns: [],
  primaryKey: ['id'],
  uniques: [],
  extras: [],
  owner: null,
  source: null,
};

/** The table was set aside there, with these columns and indexes. */
export function droppedTable(target: DatabaseRef, columns: Column[], indexes: Index[] = []): AppliedStep {
  return appliedStep(target, 'drop_table', [], { table_after: ASIDE, ...found(columns, indexes) });
}

/** A column was set aside there. */
export function droppedColumn(target: DatabaseRef, name: string): AppliedStep {
  const params: ParamsOf<'drop_column'> = { do: 'drop_column', table: 'first', name, step_id: STEP_ID };
  return appliedStep(target, 'drop_column', [], { params, ...found([column({ name, type: 'text' })]) });
}

/** A column became another one there; `keep`: the table of the values that it had. */
export function alteredColumn(
  target: DatabaseRef,
  from: Column,
  to: Column,
  keep: string | null,
  indexes: Index[] = [],
): AppliedStep {
  const params: ParamsOf<'alter_column'> = { table: 'first', from, to, step_id: STEP_ID, keep };
  return appliedStep(target, 'alter_column', [to], { params, ...found([from], indexes) });
}

function found(columns: Column[], indexes: Index[] = []): Pick<Plan, 'before' | 'was'> {
  return { before: [{ table: 'first', columns, indexes }], was: FOUND };
}
