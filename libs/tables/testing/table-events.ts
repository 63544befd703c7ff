import type { Column, Index } from '#byodb';
import type { ChangeKind, EventOf, TableEvent } from '../src/changes/index.js';
import type { ColumnOp, DatabaseRef, IndexOp } from '../src/table/event-parts.js';
import { column, ON_SQLITE, SOME_ERROR } from './stream.js';

/**
 * The commonest events of a table. What is asked for is called …ing, what was done …ed; a saga is named after its
 * change.
 */

/** Until when things are kept that were set aside. */
export const LATER = '2026-02-01T00:00:00.000Z';
/** When that is over. */
export const TOO_LATE = '2026-02-02T00:00:00.000Z';

export const ID = column({ name: 'id', type: 'integer', primary_key: true });
export const HERE = ON_SQLITE[0]!;
export const THERE: DatabaseRef = { id: 'e', name: 'there', engine: 'postgres' };
export const ELSEWHERE: DatabaseRef = { id: 'f', name: 'elsewhere', engine: 'mysql' };

export function creating({
  columns = [ID],
  databases = ON_SQLITE,
}: { columns?: Column[]; databases?: DatabaseRef[] } = {}): EventOf<'TableCreationRequested'> {
  return { type: 'TableCreationRequested', saga_id: 'create', name: 'first', columns, databases };
}
/** A table `first` that stands. */
export function created(as: Parameters<typeof creating>[0] = {}): TableEvent[] {
  return [creating(as), { type: 'TableCreated', saga_id: 'create' }];
}
export function renaming(to: string, from = 'first'): EventOf<'TableRenameRequested'> {
  return { type: 'TableRenameRequested', saga_id: 'rename', from, name: to };
}
export function renamed(to: string): EventOf<'TableRenamed'> {
  return { type: 'TableRenamed', saga_id: 'rename', name: to };
}
export function dropping(): EventOf<'TableDropRequested'> {
  return { type: 'TableDropRequested', saga_id: 'drop' };
}
export function dropped(until: string | null = LATER): EventOf<'TableDropped'> {
  return { type: 'TableDropped', saga_id: 'drop', reversible_until: until };
}
export function restoring(name = 'first'): EventOf<'TableRestoreRequested'> {
  return { type: 'TableRestoreRequested', saga_id: 'restore', name, keeps_name: true };
}
export function restored(name = 'first'): EventOf<'TableRestored'> {
  return { type: 'TableRestored', saga_id: 'restore', name };
}
export function changingColumns(...ops: ColumnOp[]): EventOf<'ColumnsChangeRequested'> {
  return { type: 'ColumnsChangeRequested', saga_id: 'columns', kind: 'columns.change', ops };
}
export function columnsChanged(columns: Column[], until: string | null = null): EventOf<'ColumnsChanged'> {
  return { type: 'ColumnsChanged', saga_id: 'columns', columns, reversible_until: until };
}
export function changingIndexes(...ops: IndexOp[]): EventOf<'IndexesChangeRequested'> {
  return { type: 'IndexesChangeRequested', saga_id: 'indexes', kind: 'indexes.change', ops };
}
export function indexesChanged(...indexes: Index[]): EventOf<'IndexesChanged'> {
  return { type: 'IndexesChanged', saga_id: 'indexes', indexes };
}
export function moving({
  add = [],
  remove = [],
}: {
  add?: DatabaseRef[];
  remove?: DatabaseRef[];
}): EventOf<'TableDatabasesRequested'> {
  return { type: 'TableDatabasesRequested', saga_id: 'move', add, remove };
}
export function moved(databases: DatabaseRef[], removed: DatabaseRef[] = []): EventOf<'TableDatabasesChanged'> {
  const until = removed.length === 0 ? null : LATER;
  return { type: 'TableDatabasesChanged', saga_id: 'move', databases, removed, reversible_until: until };
}
export function purging(...of: string[]): EventOf<'PurgeRequested'> {
  return { type: 'PurgeRequested', saga_id: 'purge', of };
}
export function purged(...of: string[]): EventOf<'Purged'> {
  return { type: 'Purged', saga_id: 'purge', of };
}
/** A change that was refused by a database before it touched anything. */
export function failed(sagaId: string, kind: ChangeKind): EventOf<'ChangeRejected'> {
  return { type: 'ChangeRejected', saga_id: sagaId, kind, error: SOME_ERROR };
}
