export * from './table.js';
export * from './decide.js';
export * from './read-model.js';
export { readTable, schemaChange, tasksOf } from './schema-change.js';
export * from './databases.js';
