import type { EventSchema } from '#event-store';
import { failures, isFailure, sayFailure, type Failure } from '../table/failure.js';
import { adopt, type Adopt, type TableAdopted, type TableAdoptionRequested } from './adopt.js';
import { catchUp, type CatchUp, type CatchUpRequested, type CaughtUp } from './catch-up.js';
import type { ChangeType } from './change-type.js';
import { changeColumns, type ChangeColumns, type ColumnsChanged, type ColumnsChangeRequested } from './columns.js';
import { create, type Create, type TableCreated, type TableCreationRequested } from './create.js';
import { drop, type Drop, type TableDropped, type TableDropRequested } from './drop.js';
import { changeIndexes, type ChangeIndexes, type IndexesChanged, type IndexesChangeRequested } from './indexes.js';
import { move, type Move, type TableDatabasesChanged, type TableDatabasesRequested } from './move.js';
import { purge, type Purge, type Purged, type PurgeRequested } from './purge.js';
import { rename, type Rename, type TableRenamed, type TableRenameRequested } from './rename.js';
import { resolveDrift, type DriftResolutionRequested, type DriftResolved, type ResolveDrift } from './resolve-drift.js';
import { restore, type Restore, type TableRestored, type TableRestoreRequested } from './restore.js';
import { revert, type Revert, type TableReverted, type TableRevertRequested } from './revert.js';

/** What can be asked of a table, each with its file. A saga carries it out. */
export type Change =
  | Create
  | Rename
  | Drop
  | Restore
  | Revert
  | Move
  | Purge
  | ChangeColumns
  | ChangeIndexes
  | Adopt
  | ResolveDrift
  | CatchUp;
export type ChangeKind = Change['kind'];

/** The events that ask for a change. */
export type RequestEvent =
  | TableCreationRequested
  | TableRenameRequested
  | TableDropRequested
  | TableRestoreRequested
  | TableRevertRequested
  | TableDatabasesRequested
  | PurgeRequested
  | ColumnsChangeRequested
  | IndexesChangeRequested
  | TableAdoptionRequested
  | DriftResolutionRequested
  | CatchUpRequested;

/** The events that tell that a change was done. */
export type DoneEvent =
  | TableCreated
  | TableRenamed
  | TableDropped
  | TableRestored
  | TableReverted
  | TableDatabasesChanged
  | Purged
  | ColumnsChanged
  | IndexesChanged
  | TableAdopted
  | DriftResolved
  | CaughtUp;

/** The table stream's events; schema version 1. Every request is followed by one outcome with its saga_id. */
export type TableEvent = RequestEvent | DoneEvent | Failure;
export type EventOf<T extends TableEvent['type']> = Extract<TableEvent, { type: T }>;

/** The changes of one kind; several kinds may share a type. */
type ChangeOf<K extends ChangeKind> = Change extends infer C
  ? C extends Change
    ? K extends C['kind']
      ? C
      : never
    : never
  : never;

const types: { readonly [K in ChangeKind]: ChangeType<ChangeOf<K>> } = {
  'table.create': create,
  'table.replay': create,
  'table.rename': rename,
  'table.drop': drop,
  'table.restore': restore,
  'table.revert': revert,
  'table.databases': move,
  'table.purge': purge,
  'column.add': changeColumns,
  'column.drop': changeColumns,
  'column.alter': changeColumns,
  'column.rename': changeColumns,
  'columns.change': changeColumns,
  'index.create': changeIndexes,
  'index.drop': changeIndexes,
  'index.rename': changeIndexes,
  'indexes.change': changeIndexes,
  'database.adopt': adopt,
  'drift.resolve': resolveDrift,
  'database.catch_up': catchUp,
};

/** All that a kind of change is. */
export function typeOf(change: { kind: ChangeKind }): ChangeType {
  return types[change.kind];
}

export const CHANGE_KINDS = Object.keys(types) as ChangeKind[];

/** Each once, in the order of the documents. */
const listed: readonly ChangeType[] = [...new Set(Object.values(types))];
const byKind = new Map<string, ChangeType>(Object.entries(types));
const byRequest = new Map<string, ChangeType>(listed.map((type) => [type.requested.type, type]));
const byDone = new Map<string, ChangeType>(listed.map((type) => [type.done.type, type]));

export function isRequest(event: TableEvent): event is RequestEvent {
  return byRequest.has(event.type);
}

/** Whether a table begins with the event. */
export function beginsTable(event: TableEvent): event is TableCreationRequested | TableAdoptionRequested {
  return isRequest(event) && asked(event).begins;
}

export function isDone(event: TableEvent): event is DoneEvent {
  return byDone.has(event.type);
}

/** The change that an event asks for, which a saga carries out. */
export function changeOf(event: RequestEvent): Change {
  return asked(event).changeOf(event);
}

function asked(event: RequestEvent): ChangeType {
  return known(byRequest.get(event.type), event);
}

/** All that a change is of which an event tells that it was done. */
export function typeDoneBy(event: DoneEvent): ChangeType {
  return known(byDone.get(event.type), event);
}

/** All that a change is of which an event tells that it was not done. */
export function typeFailedBy(event: Failure): ChangeType {
  return known(byKind.get(event.kind), event);
}

function known(type: ChangeType | undefined, event: TableEvent): ChangeType {
  if (type === undefined) throw new Error(`${event.type} is no event of a table`);
  return type;
}

/** What the events of a table hold, requests first. */
export const tableEventSchemas = Object.fromEntries(
  [...listed.map((type) => type.requested), ...listed.map((type) => type.done), ...failures].map(
    ({ type, ...schema }) => [type, schema],
  ),
) as unknown as Record<TableEvent['type'], EventSchema>;

/** One plain sentence for each event of a table. */
export function sentence(event: TableEvent): string {
  if (isRequest(event)) return asked(event).sayRequested(event);
  return isFailure(event) ? sayFailure(event) : typeDoneBy(event).sayDone(event);
}
