export { type Applied, appliedSteps, listApplied, pageOfApplied, readApplied, stateAfter } from './applied.js';
export { type Kept, keptOf, rowsKept } from './aside.js';
export { changes } from './changes.js';
export { type DatabaseChange, lacking } from './database-change.js';
export {
  type Database,
  DATABASE_SHAPE,
  type DatabaseEvent,
  databasesProjection,
  databaseStream,
  findDatabase,
  isInUse,
  listDatabases,
  loadDatabase,
  refOf,
  tablesConcerned,
  tablesIn,
  tablesLetGo,
} from './databases.js';
export {
  columnProblems,
  decideColumns,
  decideCreate,
  decideDatabases,
  decideDrop,
  decideLost,
  decidePurge,
  decideRename,
  decideRestore,
  defaultColumns,
  judgeInTurn,
  Refused,
} from './decide.js';
export { decideDrift } from './drift.js';
export { databaseEventSchemas, tableEventParts, tableEventSchemas } from './event-schemas.js';
export { ddlOf, diff, type Moment, playForward, type Point, retypesSince, sentence } from './history.js';
export { placesOf, Purger } from './purger.js';
export { listTables, loadTable, nameOwner, pageOfTables, tablesProjection } from './read-model.js';
export { decideRevert } from './revert.js';
export { cannotComeBack, planAside, purgePlans, readTable, schemaChange, standing, tasksFor } from './schema-change.js';
export { momentsUpTo, pointAt, tableSnapshots } from './snapshots.js';
export {
  appendToTable,
  type Change,
  changeOf,
  type EventOf,
  type RequestEvent,
  columnsIn,
  type DatabaseRef,
  outlook,
  type PendingChange,
  purgeOf,
  statusOf,
  type Table,
  TABLE_SHAPE,
  type TableEvent,
  tableStream,
} from './table.js';
export { upcasters } from './upcasters.js';
