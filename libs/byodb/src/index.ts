export * from './address.js';
export * from './errors.js';
export * from './schema.js';
export { fingerprint, foldName, type LiveTable } from './live.js';
export type { Connection, Engine, Session } from './engine.js';
export { applyStep, compensateStep, preparePlans, type StepResult, type Task } from './step.js';
export type { Limits, Plan } from './operation.js';
export { withoutColumn } from './operations/drop-column.js';
export { engineOf } from './engines/index.js';
