export * from './table.js';
export * from './decide.js';
export * from './read-model.js';
export {
  cannotComeBack,
  keepsAside,
  planAside,
  purgePlans,
  readTable,
  schemaChange,
  standing,
  tasksFor,
  type ChangePorts,
} from './schema-change.js';
export { databaseChange, lacking, type DatabaseChange, type Lacking } from './database-change.js';
export { decideDrift } from './drift.js';
export { keptOf, rowsKept, type Kept } from './aside.js';
export { changes } from './changes.js';
export { placesOf, Purger } from './purger.js';
export * from './databases.js';
export * from './history.js';
export { decideRevert } from './revert.js';
export { appliedSteps, listApplied, pageOfApplied, readApplied, stateAfter, type Applied } from './applied.js';
export { momentsUpTo, pointAt, SNAPSHOT_SHAPE, tableSnapshots, type Which } from './snapshots.js';
export { upcasters } from './upcasters.js';
export * from './event-schemas.js';
