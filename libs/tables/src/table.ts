import { foldName, withoutColumn, type Column } from '../../byodb/src/index.js';

/** What was asked of one column, resolved against what the table will be when its turn comes. */
export type ColumnOp =
  | { op: 'add'; column: Column }
  | { op: 'drop'; name: string }
  | { op: 'alter'; name: string; set: ColumnSet }
  | { op: 'rename'; name: string; to: string; set: ColumnSet | null };

/** What an alter names; what is not named stays. */
export type ColumnSet = Partial<Pick<Column, 'type' | 'length' | 'precision' | 'scale' | 'nullable' | 'default' | 'unique'>>;

export interface DatabaseRef { id: string; name: string; engine: string }

export type Change =
  | { kind: 'table.create'; name: string; columns: Column[]; databases: DatabaseRef[] }
  | { kind: 'table.rename'; name: string; from: string }
  | { kind: 'table.drop' }
  | { kind: 'column.add' | 'column.drop' | 'column.alter' | 'column.rename' | 'columns.change'; ops: ColumnOp[] };

export interface ChangeError { code: string; message: string; database: string | null; step_id: string | null; details?: Record<string, unknown> }

/** The table stream's events; schema version 1. Every request is followed by one outcome with its saga_id. */
export type TableEvent =
  | { type: 'TableCreationRequested'; saga_id: string; name: string; columns: Column[]; databases: DatabaseRef[] }
  | { type: 'TableRenameRequested'; saga_id: string; from: string; name: string }
  | { type: 'TableDropRequested'; saga_id: string }
  | { type: 'ColumnsChangeRequested'; saga_id: string; kind: Extract<Change, { ops: ColumnOp[] }>['kind']; ops: ColumnOp[] }
  | { type: 'TableCreated'; saga_id: string }
  | { type: 'TableRenamed'; saga_id: string; name: string }
  | { type: 'TableDropped'; saga_id: string; reversible_until: string | null }
  | { type: 'ColumnsChanged'; saga_id: string; columns: Column[] }
  | { type: 'ChangeRejected'; saga_id: string; kind: string; error: ChangeError }
  | { type: 'ChangeCompensated'; saga_id: string; kind: string; error: ChangeError };

export const TABLE_SCHEMA_VERSION = 1;
export const tableStream = (tableId: string): string => `table-${tableId}`;

export interface PendingChange { saga_id: string; change: Change; requested_at: string }

/** The table as confirmed, and what was asked since. */
export interface Table {
  table_id: string;
  version: number;
  name: string;
  exists: boolean;
  ended: 'dropped' | 'failed' | null;
  databases: DatabaseRef[];
  columns: Column[];
  pending: PendingChange[];
  last_error: ChangeError | null;
  reversible_until: string | null;
  created_at: string;
  updated_at: string;
}

/** Pure. The first event must be TableCreationRequested. */
export function evolve(table: Table | null, event: TableEvent, at: { version: number; recorded_at: string; table_id: string }): Table {
  if (event.type === 'TableCreationRequested') {
    const change: Change = { kind: 'table.create', name: event.name, columns: event.columns, databases: event.databases };
    return {
      table_id: at.table_id, version: at.version, name: event.name, exists: false, ended: null, databases: event.databases, columns: [],
      pending: [{ saga_id: event.saga_id, change, requested_at: at.recorded_at }], last_error: null, reversible_until: null, created_at: at.recorded_at, updated_at: at.recorded_at,
    };
  }
  if (table === null) throw new Error(`${event.type} without a TableCreationRequested before it`);
  return { ...step(table, event, at.recorded_at), version: at.version, updated_at: at.recorded_at };
}

function step(table: Table, event: Exclude<TableEvent, { type: 'TableCreationRequested' }>, at: string): Table {
  const ask = (change: Change): Table => ({ ...table, pending: [...table.pending, { saga_id: event.saga_id, change, requested_at: at }] });
  const over = { ...table, pending: table.pending.filter((p) => p.saga_id !== event.saga_id) };
  const done = { ...over, last_error: null };
  switch (event.type) {
    case 'TableRenameRequested': return ask({ kind: 'table.rename', name: event.name, from: event.from });
    case 'TableDropRequested': return ask({ kind: 'table.drop' });
    case 'ColumnsChangeRequested': return ask({ kind: event.kind, ops: event.ops });
    case 'TableCreated': {
      const created = table.pending.find((p) => p.saga_id === event.saga_id)?.change;
      return { ...done, exists: true, columns: created?.kind === 'table.create' ? created.columns : [] };
    }
    case 'TableRenamed': return { ...done, name: event.name };
    case 'TableDropped': return { ...done, exists: false, ended: 'dropped', reversible_until: event.reversible_until };
    case 'ColumnsChanged': return { ...done, columns: event.columns };
    case 'ChangeRejected': case 'ChangeCompensated':
      return { ...over, last_error: event.error, ended: event.kind === 'table.create' ? 'failed' : over.ended };
  }
}

/** What the table will be called and made of when every pending change succeeds: what a new command is judged against. */
export interface Outlook { name: string; columns: Column[]; dropped: boolean }

export function outlook(table: Table): Outlook {
  return table.pending.reduce<Outlook>((ahead, { change }) => foresee(ahead, change), { name: table.name, columns: table.columns, dropped: table.ended === 'dropped' });
}

export function foresee(ahead: Outlook, change: Change): Outlook {
  switch (change.kind) {
    case 'table.create': return { ...ahead, name: change.name, columns: change.columns };
    case 'table.rename': return { ...ahead, name: change.name };
    case 'table.drop': return { ...ahead, dropped: true };
    default: return { ...ahead, columns: change.ops.reduce(applyOp, ahead.columns) };
  }
}

export function findColumn(columns: Column[], name: string): Column | undefined {
  return columns.find((c) => foldName(c.name) === foldName(name));
}

/** Lenient, for foreseeing: an op that no longer fits changes nothing here and is refused when its turn comes. */
export function applyOp(columns: Column[], op: ColumnOp): Column[] {
  if (op.op === 'add') return findColumn(columns, op.column.name) === undefined ? [...columns, op.column] : columns;
  const column = findColumn(columns, op.name);
  if (column === undefined) return columns;
  if (op.op === 'drop') return withoutColumn(columns, op.name);
  const altered = { ...column, ...op.set, ...(op.op === 'rename' ? { name: op.to } : {}) };
  return columns.map((c) => (c === column ? altered : c));
}

/** The shown status. */
export function statusOf(table: Table): 'creating' | 'active' | 'changing' | 'dropping' | 'dropped' | 'failed' {
  if (table.ended !== null) return table.ended;
  if (!table.exists) return 'creating';
  if (table.pending.some((p) => p.change.kind === 'table.drop')) return 'dropping';
  return table.pending.length > 0 ? 'changing' : 'active';
}
