import { foldName, insertColumn, withoutColumn, type Column } from '../../byodb/src/index.js';

/** What was asked of one column, resolved against what the table will be when its turn comes. */
export type ColumnOp =
  | { op: 'add'; column: Column }
  | { op: 'drop'; name: string }
  | { op: 'alter'; name: string; set: ColumnSet }
  | { op: 'rename'; name: string; to: string; set: ColumnSet | null }
  /** A column that `saga_id` dropped under this very name and that is still set aside, with its values. `after`: the column that it follows. `mark`: see history.ts. */
  | { op: 'bring_back'; column: Column; saga_id: string; after: string | null; mark: string };

/** What an alter names; what is not named stays. */
export type ColumnSet = Partial<Pick<Column, 'type' | 'length' | 'precision' | 'scale' | 'nullable' | 'default' | 'unique'>>;

export interface DatabaseRef { id: string; name: string; engine: string }

export type Change =
  | { kind: 'table.create' | 'table.replay'; name: string; columns: Column[]; databases: DatabaseRef[] }
  | { kind: 'table.rename'; name: string; from: string }
  | { kind: 'table.drop' }
  | { kind: 'table.databases'; add: DatabaseRef[]; remove: DatabaseRef[] }
  | { kind: 'table.restore'; name: string }
  | { kind: 'table.revert'; name: string; version: number; ops: ColumnOp[] }
  | { kind: 'table.purge'; of: string[] }
  | { kind: 'column.add' | 'column.drop' | 'column.alter' | 'column.rename' | 'columns.change'; ops: ColumnOp[] };

export type ColumnsKind = Exclude<Extract<Change, { ops: ColumnOp[] }>['kind'], 'table.revert'>;

/** Of which table, as of which version, this one was built by a replay. */
export interface Origin { table_id: string; version: number }

export interface ChangeError { code: string; message: string; database: string | null; step_id: string | null; details?: Record<string, unknown> }

/** The table stream's events; schema version 1. Every request is followed by one outcome with its saga_id. */
export type TableEvent =
  | { type: 'TableCreationRequested'; saga_id: string; name: string; columns: Column[]; databases: DatabaseRef[]; origin?: Origin }
  | { type: 'TableRenameRequested'; saga_id: string; from: string; name: string }
  | { type: 'TableDropRequested'; saga_id: string }
  | { type: 'TableRestoreRequested'; saga_id: string; name: string }
  | { type: 'TableRevertRequested'; saga_id: string; to_version: number; name: string; ops: ColumnOp[] }
  | { type: 'TableDatabasesRequested'; saga_id: string; add: DatabaseRef[]; remove: DatabaseRef[] }
  | { type: 'PurgeRequested'; saga_id: string; of: string[] }
  | { type: 'ColumnsChangeRequested'; saga_id: string; kind: ColumnsKind; ops: ColumnOp[] }
  | { type: 'TableCreated'; saga_id: string }
  | { type: 'TableRenamed'; saga_id: string; name: string }
  | { type: 'TableDropped'; saga_id: string; reversible_until: string | null }
  | { type: 'TableRestored'; saga_id: string; name: string }
  | { type: 'TableDatabasesChanged'; saga_id: string; databases: DatabaseRef[]; removed: DatabaseRef[]; reversible_until: string | null }
  | { type: 'Purged'; saga_id: string; of: string[] }
  | { type: 'TableReverted'; saga_id: string; name: string; columns: Column[]; reversible_until: string | null }
  | { type: 'ColumnsChanged'; saga_id: string; columns: Column[]; reversible_until?: string | null }
  | { type: 'ChangeRejected'; saga_id: string; kind: string; error: ChangeError }
  | { type: 'ChangeCompensated'; saga_id: string; kind: string; error: ChangeError };

export const TABLE_SCHEMA_VERSION = 1;
export const tableStream = (tableId: string): string => `table-${tableId}`;

export interface PendingChange { saga_id: string; change: Change; requested_at: string }

/**
 * What a saga set aside, and until when it is kept. `table`: the dropped table, everywhere; `part`: columns, former values, or the
 * table in `databases`, where it does not live any more.
 */
export interface SetAside { saga_id: string; what: 'table' | 'part'; reversible_until: string; databases?: DatabaseRef[] }

/** The table as confirmed, and what was asked since. */
export interface Table {
  table_id: string;
  version: number;
  name: string;
  exists: boolean;
  ended: 'dropped' | 'failed' | null;
  databases: DatabaseRef[];
  origin: Origin | null;
  columns: Column[];
  pending: PendingChange[];
  last_error: ChangeError | null;
  reversible_until: string | null;
  set_aside: SetAside[];
  /** A purge that could not be is not asked for again before this time. */
  no_purge_before: string | null;
  created_at: string;
  updated_at: string;
}

/** Pure. The first event must be TableCreationRequested. */
export function evolve(table: Table | null, event: TableEvent, at: { version: number; recorded_at: string; table_id: string }): Table {
  if (event.type === 'TableCreationRequested') {
    const change: Change = { kind: event.origin === undefined ? 'table.create' : 'table.replay', name: event.name, columns: event.columns, databases: event.databases };
    return {
      table_id: at.table_id, version: at.version, name: event.name, exists: false, ended: null, databases: event.databases, origin: event.origin ?? null, columns: [],
      pending: [{ saga_id: event.saga_id, change, requested_at: at.recorded_at }], last_error: null, reversible_until: null, set_aside: [], no_purge_before: null, created_at: at.recorded_at, updated_at: at.recorded_at,
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
    case 'TableRestoreRequested': return ask({ kind: 'table.restore', name: event.name });
    case 'TableRevertRequested': return ask({ kind: 'table.revert', name: event.name, version: event.to_version, ops: event.ops });
    case 'TableDatabasesRequested': return ask({ kind: 'table.databases', add: event.add, remove: event.remove });
    case 'PurgeRequested': return ask({ kind: 'table.purge', of: event.of });
    case 'ColumnsChangeRequested': return ask({ kind: event.kind, ops: event.ops });
    case 'TableCreated': {
      const created = table.pending.find((p) => p.saga_id === event.saga_id)?.change;
      return { ...done, exists: true, columns: created?.kind === 'table.create' || created?.kind === 'table.replay' ? created.columns : [] };
    }
    case 'TableRenamed': return { ...done, name: event.name };
    case 'TableDropped': return { ...done, exists: false, ended: 'dropped', reversible_until: event.reversible_until, set_aside: kept(table, event.saga_id, 'table', event.reversible_until) };
    case 'TableRestored': return { ...done, name: event.name, exists: true, ended: null, reversible_until: null, set_aside: table.set_aside.filter((a) => a.what !== 'table') };
    case 'TableDatabasesChanged': return { ...done, databases: event.databases, set_aside: kept(table, event.saga_id, 'part', event.reversible_until, event.removed) };
    case 'Purged': return { ...over, set_aside: table.set_aside.filter((a) => !event.of.includes(a.saga_id)) };
    case 'TableReverted': return { ...done, name: event.name, columns: event.columns, set_aside: kept(table, event.saga_id, 'part', event.reversible_until) };
    case 'ColumnsChanged': return { ...done, columns: event.columns, set_aside: kept(table, event.saga_id, 'part', event.reversible_until ?? null) };
    case 'ChangeRejected': case 'ChangeCompensated':
      // A purge is nobody's change: it leaves no error behind, and is tried again later.
      if (event.kind === 'table.purge') return { ...over, no_purge_before: new Date(Date.parse(at) + PURGE_AGAIN_MS).toISOString() };
      return { ...over, last_error: event.error, ended: event.kind === 'table.create' || event.kind === 'table.replay' ? 'failed' : over.ended };
  }
}

const PURGE_AGAIN_MS = 60_000;

function kept(table: Table, sagaId: string, what: SetAside['what'], until: string | null, databases?: DatabaseRef[]): SetAside[] {
  return until === null ? table.set_aside : [...table.set_aside, { saga_id: sagaId, what, reversible_until: until, ...(databases === undefined ? {} : { databases }) }];
}

/** When something of the table is to be destroyed (ISO 8601), and whose; null: nothing is, or a restore or a purge is under way. A dropped table goes with all that was set aside of it, and not before its own time. */
export function purgeOf(table: Table): { due_at: string; of: string[] } | null {
  if (table.pending.some(({ change }) => change.kind === 'table.restore' || change.kind === 'table.revert' || change.kind === 'table.purge')) return null;
  const whole = table.set_aside.find((a) => a.what === 'table');
  const first = whole ?? [...table.set_aside].sort((a, b) => (a.reversible_until < b.reversible_until ? -1 : 1))[0];
  if (first === undefined || (table.ended !== null && whole === undefined)) return null;
  const due = table.no_purge_before !== null && table.no_purge_before > first.reversible_until ? table.no_purge_before : first.reversible_until;
  return { due_at: due, of: table.set_aside.filter((a) => whole !== undefined || a.reversible_until <= due).map((a) => a.saga_id) };
}

/** What the table will be called and made of when every pending change succeeds: what a new command is judged against. */
export interface Outlook { name: string; columns: Column[]; dropped: boolean; databases: DatabaseRef[] }

export function outlook(table: Table): Outlook {
  return table.pending.reduce<Outlook>((ahead, { change }) => foresee(ahead, change), { name: table.name, columns: table.columns, dropped: table.ended === 'dropped', databases: table.databases });
}

export function foresee(ahead: Outlook, change: Change): Outlook {
  switch (change.kind) {
    case 'table.create': case 'table.replay': return { ...ahead, name: change.name, columns: change.columns };
    case 'table.rename': return { ...ahead, name: change.name };
    case 'table.drop': return { ...ahead, dropped: true };
    case 'table.restore': return { ...ahead, name: change.name, dropped: false };
    case 'table.databases': return { ...ahead, databases: movedTo(ahead.databases, change) };
    case 'table.purge': return ahead;
    case 'table.revert': return { ...ahead, name: change.name, columns: change.ops.reduce(applyOp, ahead.columns) };
    default: return { ...ahead, columns: change.ops.reduce(applyOp, ahead.columns) };
  }
}

/** Where a table lives after it was added to some databases and removed from others. */
export function movedTo(databases: DatabaseRef[], { add, remove }: { add: DatabaseRef[]; remove: DatabaseRef[] }): DatabaseRef[] {
  return [...databases.filter((d) => !remove.some((r) => r.id === d.id)), ...add.filter((a) => !databases.some((d) => d.id === a.id))];
}

export function findColumn(columns: Column[], name: string): Column | undefined {
  return columns.find((c) => foldName(c.name) === foldName(name));
}

/** Lenient, for foreseeing: an op that no longer fits changes nothing here and is refused when its turn comes. */
export function applyOp(columns: Column[], op: ColumnOp): Column[] {
  if (op.op === 'add') return findColumn(columns, op.column.name) === undefined ? [...columns, op.column] : columns;
  if (op.op === 'bring_back') return findColumn(columns, op.column.name) === undefined ? insertColumn(columns, op.column, op.after) : columns;
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
