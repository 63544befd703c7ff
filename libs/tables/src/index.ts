export * from './table.js';
export * from './decide.js';
export * from './read-model.js';
export { readTable, schemaChange, tasksFor } from './schema-change.js';
export { Purger } from './purger.js';
export * from './databases.js';
