export * from './address.js';
export * from './errors.js';
export * from './schema.js';
export { fingerprint, foldName, type LiveTable } from './live.js';
export type { Connection, Engine, Session } from './engine.js';
export { applyStep, compensateStep, finalizeStep, lookAtClaim, preparePlans, preparePurge, type Aside, type StepKey, type StepResult, type Task } from './step.js';
export { asideName, type Limits, type Plan } from './operation.js';
export { withoutColumn } from './operations/drop-column.js';
export { engineOf } from './engines/index.js';
