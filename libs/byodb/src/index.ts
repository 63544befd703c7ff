export {
  type Address,
  AddressProblem,
  connectionSchema,
  fileOf,
  fromFields,
  inSchema,
  parseUrl,
  withWholePath,
} from './address.js';
export { withColumnBack, withoutColumn } from './columns.js';
export { type Drift, findDrift } from './drift.js';
export { type Connection, type Engine } from './engine.js';
export { engineOf } from './engines/index.js';
export { ENGINE_NAMES, type EngineName } from './engines/names.js';
export { DatabaseError, type ErrorCode } from './errors.js';
export { differencesIn } from './expectation.js';
export { indexesBefore, namesOf } from './live-indexes.js';
export { stepsDone } from './ledger.js';
export { findNamed, fingerprint, foldName, isAside, type LiveTable } from './live.js';
export { observeTables } from './observe.js';
export { type Limits, type Plan, type SetAside, uniqueName } from './operation.js';
export { effectOnHistory, isPlanOf, type ParamsOf, setAsideBy, type Task } from './operations/index.js';
export { type Claimant, CORE_TABLES, type Traces, refuseOthers } from './ownership.js';
export { preparePlans } from './prepare.js';
export { type Aside, preparePurge } from './prepare-purge.js';
export { builtElsewhere, type Column, keyNames, MAX_COLUMNS, sameType } from './schema/column.js';
export {
  type ColumnChange,
  columnChangeSchema,
  type ColumnInput,
  columnSchema,
  completeColumn,
  type Problem,
} from './schema/column-input.js';
export { COLUMN_TYPES, type ColumnType, convertible, type PortableType } from './schema/column-types.js';
export { fitDefault } from './schema/defaults.js';
export { canonical, type Json } from './schema/json.js';
export { nameSchema } from './schema/names.js';
export {
  type Index,
  type IndexChange,
  indexChangeSchema,
  type IndexColumn,
  indexColumns,
  indexMentions,
  type Managed,
  MAX_INDEXES,
  namesInDatabases,
  sameIndex,
  tellIndex,
  withIndexColumnRenamed,
  withoutGoneColumns,
} from './schema/table-index.js';
export { type LedgerRow, type Session } from './session.js';
export { applyStep, compensateStep, finalizeStep, checkClaim, type StepKey } from './step.js';
