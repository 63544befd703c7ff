export * from './table.js';
export * from './decide.js';
export * from './read-model.js';
export { readTable, schemaChange, tasksFor } from './schema-change.js';
export { Purger } from './purger.js';
export * from './databases.js';
export * from './history.js';
export { decideRevert } from './revert.js';
export { appliedBy, stateAfter, type Applied } from './applied.js';
