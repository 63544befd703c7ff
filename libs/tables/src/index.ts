export { adoptBody, LONGEST_ADOPTED_NAME } from './changes/adopt.js';
export { catchUpBody } from './changes/catch-up.js';
export { MOVED_ON, type Past, type Place } from './changes/change-type.js';
export { columnsBody, decideColumns } from './changes/columns.js';
export { createBody, decideCreate, defaultColumns, replayBody } from './changes/create.js';
export { decideDrop, dropBody } from './changes/drop.js';
export {
  type Change,
  CHANGE_KINDS,
  changeOf,
  type EventOf,
  type RequestEvent,
  sentence,
  type TableEvent,
  tableEventSchemas,
  typeOf,
} from './changes/index.js';
export { decideIndexes, indexesBody } from './changes/indexes.js';
export { decideDatabases, decideLost, letsGoOf, moveBody } from './changes/move.js';
export { decidePurge, purgeBody } from './changes/purge.js';
export { decideRename, renameBody } from './changes/rename.js';
export { decideDrift, resolveDriftBody } from './changes/resolve-drift.js';
export { decideRestore, restoreBody } from './changes/restore.js';
export { decideRevert, revertBody } from './changes/revert.js';
export { type Database, DATABASE_SHAPE, refOf } from './databases/database.js';
export { type DatabaseEvent, databaseEventSchemas, databaseStreams } from './databases/events.js';
export { databasesProjection, findDatabase, listDatabases, loadDatabase } from './databases/read-model.js';
export { isInUse, tablesConcerned, tablesIn, tablesLetGo } from './databases/tables-there.js';
export {
  type Applied,
  appliedSteps,
  listApplied,
  pageOfApplied,
  readApplied,
  stateAfter,
} from './history/applied-steps.js';
export { ddlOf } from './history/ddl.js';
export { diff } from './history/diff.js';
export { type Moment, playForward, type Point, retypesSince } from './history/point.js';
export { momentsUpTo, pointAt, tableSnapshots } from './history/snapshots.js';
export { changeSagas } from './sagas/change-sagas.js';
export { type DatabaseChange, lacking } from './sagas/database-change-saga.js';
export { pastOf } from './sagas/past.js';
export { purgePlans, standing, tasksFor } from './sagas/planned-steps.js';
export { Purger } from './sagas/purger.js';
export { tableChangeSaga } from './sagas/table-change-saga.js';
export { type DatabaseRef, tableEventParts } from './table/event-parts.js';
export { cannotComeBack, planAside } from './table/kept-tables.js';
export { type Kept, keptOf, rowsKept } from './table/kept.js';
export { consider, namesAhead, outlook, purgeOf, statusOf } from './table/outlook.js';
export { listTables, loadTable, nameOwner, pageOfTables, tablesProjection } from './table/read-model.js';
export { columnProblems, Refused } from './table/refused.js';
export { databaseName, moment, reason, tableId } from './table/request-parts.js';
export { appendToTable, readTable, tableStreams } from './table/stream.js';
export {
  columnsIn,
  indexesOf,
  managedIn,
  managedOf,
  newTable,
  type PendingChange,
  placesOf,
  type Table,
  TABLE_SHAPE,
} from './table/table.js';
export { upcasters } from './upcasters.js';
