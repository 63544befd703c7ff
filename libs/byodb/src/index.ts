export {
  type Address,
  AddressProblem,
  connectionSchema,
  ENGINE_NAMES,
  type EngineName,
  fromFields,
  parseUrl,
} from './address.js';
export { type Drift, findDrift } from './drift.js';
export { type Connection, type Engine, type LedgerRow, type Session } from './engine.js';
export { engineOf } from './engines/index.js';
export { DatabaseError, type ErrorCode } from './errors.js';
export { compare } from './expectation.js';
export { readDone } from './ledger.js';
export { fingerprint, foldName, isAside, type LiveTable } from './live.js';
export { observeTables } from './observe.js';
export { asideName, type Limits, type Plan, uniqueName } from './operation.js';
export { withoutColumn } from './operations/drop-column.js';
export { insertColumn } from './operations/restore-column.js';
export { type Claimant, CORE_TABLES, type Marks, refuseOthers } from './ownership.js';
export { type Aside, preparePlans, preparePurge, type Task } from './prepare.js';
export {
  builtElsewhere,
  canonical,
  type Column,
  COLUMN_TYPES,
  type ColumnChange,
  columnChangeSchema,
  type ColumnInput,
  columnSchema,
  type ColumnType,
  completeColumn,
  convertible,
  fitDefault,
  type Json,
  keyNames,
  MAX_COLUMNS,
  nameSchema,
  type PortableType,
  type Problem,
  sameType,
} from './schema.js';
export { applyStep, compensateStep, finalizeStep, lookAtClaim, type StepKey } from './step.js';
