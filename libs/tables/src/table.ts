import type { Append, NewEvent } from '#event-store';
import { fitDefault, foldName, insertColumn, withoutColumn, type Column } from '#byodb';

/** What was asked of one column, resolved against what the table will be when its turn comes. */
export type ColumnOp =
  | { op: 'add'; column: Column }
  | { op: 'drop'; name: string }
  /** `undoes`: the changes of its type that a revert undoes. */
  | { op: 'alter'; name: string; set: ColumnSet; undoes?: Retype[] }
  | { op: 'rename'; name: string; to: string; set: ColumnSet | null }
  /**
   * A column that `saga_id` dropped under this very name and that is still set aside, with its values. `after`: the
   * column that it follows. `mark`: see history.ts. `key`: with it these columns are the primary key again.
   */
  | { op: 'bring_back'; column: Column; saga_id: string; after: string | null; mark: string; key?: string[] }
  /** The column of this name becomes this one, whatever it was: what drift/resolve asks for. */
  | { op: 'take'; column: Column };

/** A saga that gave a column another type, and what the column was called then. */
export interface Retype {
  saga_id: string;
  name: string;
}

/** What an alter names; what is not named stays. */
export type ColumnSet = Partial<
  Pick<Column, 'type' | 'length' | 'precision' | 'scale' | 'nullable' | 'default' | 'unique'>
>;

export interface DatabaseRef {
  id: string;
  name: string;
  engine: string;
}

/**
 * How one database differs from the others by somebody's word (drift/resolve): its own managed columns in its own
 * order, and those that others added.
 */
export interface Variant {
  columns: Column[];
  beside: string[];
}
export type DriftAnswer = 'adopt' | 'restore' | 'ignore';

export type Change =
  | {
      kind: 'table.create' | 'table.replay' | 'database.adopt';
      name: string;
      columns: Column[];
      databases: DatabaseRef[];
    }
  | { kind: 'table.rename'; name: string; from: string }
  | { kind: 'table.drop' }
  /** `lost`: what is removed is gone for good, and is not touched. */
  | { kind: 'table.databases'; add: DatabaseRef[]; remove: DatabaseRef[]; lost?: true; reason?: string }
  /** `keeps_name`: none was asked for, so that `name` is only what the table was expected to be called. */
  | { kind: 'table.restore'; name: string; keeps_name?: true }
  | { kind: 'table.revert'; name: string; version: number; ops: ColumnOp[] }
  /** `reason`: of one that was asked for before its time. */
  | { kind: 'table.purge'; of: string[]; reason?: string }
  /**
   * `found`: what stands in `database`, null for no table; `changes` lead to it on the others (adopt), or back from it
   * there (restore); `variant`: what that database is from then on.
   */
  | {
      kind: 'drift.resolve';
      database: DatabaseRef;
      as: DriftAnswer;
      found: Column[] | null;
      changes: ColumnOp[];
      variant: Variant | null;
    }
  | { kind: 'database.catch_up'; database: DatabaseRef }
  | { kind: 'column.add' | 'column.drop' | 'column.alter' | 'column.rename' | 'columns.change'; ops: ColumnOp[] };

export type ColumnsKind = Exclude<Extract<Change, { ops: ColumnOp[] }>['kind'], 'table.revert'>;

/** The table and version that a replay built this table from. */
export interface Origin {
  table_id: string;
  version: number;
}

export interface ChangeError {
  code: string;
  message: string;
  database: string | null;
  step_id: string | null;
  details?: Record<string, unknown>;
}

/** The table stream's events; schema version 1. Every request is followed by one outcome with its saga_id. */
export type TableEvent =
  | {
      type: 'TableCreationRequested';
      saga_id: string;
      name: string;
      columns: Column[];
      databases: DatabaseRef[];
      origin?: Origin;
    }
  | { type: 'TableRenameRequested'; saga_id: string; from: string; name: string }
  | { type: 'TableDropRequested'; saga_id: string }
  | { type: 'TableRestoreRequested'; saga_id: string; name: string; keeps_name?: true }
  | { type: 'TableRevertRequested'; saga_id: string; to_version: number; name: string; ops: ColumnOp[] }
  | {
      type: 'TableDatabasesRequested';
      saga_id: string;
      add: DatabaseRef[];
      remove: DatabaseRef[];
      lost?: true;
      reason?: string;
    }
  | { type: 'PurgeRequested'; saga_id: string; of: string[]; reason?: string }
  | { type: 'TableAdoptionRequested'; saga_id: string; name: string; columns: Column[]; databases: DatabaseRef[] }
  | {
      type: 'DriftResolutionRequested';
      saga_id: string;
      database: DatabaseRef;
      as: DriftAnswer;
      found: Column[] | null;
      changes: ColumnOp[];
      variant: Variant | null;
    }
  | { type: 'CatchUpRequested'; saga_id: string; database: DatabaseRef }
  | { type: 'ColumnsChangeRequested'; saga_id: string; kind: ColumnsKind; ops: ColumnOp[] }
  | { type: 'TableCreated'; saga_id: string }
  | { type: 'TableRenamed'; saga_id: string; name: string }
  | { type: 'TableDropped'; saga_id: string; reversible_until: string | null }
  | { type: 'TableRestored'; saga_id: string; name: string }
  | {
      type: 'TableDatabasesChanged';
      saga_id: string;
      databases: DatabaseRef[];
      removed: DatabaseRef[];
      reversible_until: string | null;
      lost?: true;
      back?: DatabaseRef[];
    }
  | { type: 'Purged'; saga_id: string; of: string[] }
  | { type: 'TableAdopted'; saga_id: string }
  | {
      type: 'DriftResolved';
      saga_id: string;
      database: DatabaseRef;
      as: DriftAnswer;
      columns: Column[];
      databases: DatabaseRef[];
      variant: Variant | null;
      reversible_until: string | null;
    }
  | { type: 'CaughtUp'; saga_id: string; database: DatabaseRef }
  | {
      type: 'TableReverted';
      saga_id: string;
      name: string;
      columns: Column[];
      reversible_until: string | null;
      variants?: Record<string, Variant>;
    }
  | { type: 'ColumnsChanged'; saga_id: string; columns: Column[]; reversible_until?: string | null }
  | { type: 'ChangeRejected'; saga_id: string; kind: string; error: ChangeError }
  | { type: 'ChangeCompensated'; saga_id: string; kind: string; error: ChangeError };

export type EventOf<T extends TableEvent['type']> = Extract<TableEvent, { type: T }>;

/** The events that ask for a change; the others tell how one ended. */
export type RequestEvent = Extract<TableEvent, { type: `${string}Requested` }>;

export function isRequest(event: TableEvent): event is RequestEvent {
  return event.type.endsWith('Requested');
}

/** The change that an event asks for, which a saga carries out. */
export function changeOf(event: RequestEvent): Change {
  switch (event.type) {
    case 'TableCreationRequested': {
      const { name, columns, databases, origin } = event;
      return { kind: origin === undefined ? 'table.create' : 'table.replay', name, columns, databases };
    }
    case 'TableAdoptionRequested': {
      const { name, columns, databases } = event;
      return { kind: 'database.adopt', name, columns, databases };
    }
    case 'TableRenameRequested':
      return { kind: 'table.rename', name: event.name, from: event.from };
    case 'TableDropRequested':
      return { kind: 'table.drop' };
    case 'TableRestoreRequested':
      return { kind: 'table.restore', ...asked(event) };
    case 'TableRevertRequested':
      return { kind: 'table.revert', name: event.name, version: event.to_version, ops: event.ops };
    case 'TableDatabasesRequested':
      return { kind: 'table.databases', ...asked(event) };
    case 'PurgeRequested':
      return { kind: 'table.purge', ...asked(event) };
    case 'ColumnsChangeRequested':
      return { kind: event.kind, ops: event.ops };
    case 'DriftResolutionRequested':
      return { kind: 'drift.resolve', ...asked(event) };
    case 'CatchUpRequested':
      return { kind: 'database.catch_up', database: event.database };
  }
}

/** What an event says beside its type and its saga. */
function asked<E extends RequestEvent>(event: E): Omit<E, 'type' | 'saga_id'> {
  const { type: _type, saga_id: _saga, ...rest } = event;
  return rest;
}

export const TABLE_SCHEMA_VERSION = 1;

/** One more event of a table that is at `version`. `more`: the event's own id. */
export function appendToTable(
  { table_id, version }: Pick<Table, 'table_id' | 'version'>,
  { type, ...data }: TableEvent,
  more: Pick<NewEvent, 'event_id'> = {},
): Append {
  return {
    stream: tableStream(table_id),
    expectedVersion: version,
    events: [{ type, schema_version: TABLE_SCHEMA_VERSION, data, ...more }],
  };
}

export const tableStream = (tableId: string): string => `table-${tableId}`;

export interface PendingChange {
  saga_id: string;
  change: Change;
  requested_at: string;
}

/**
 * What a saga set aside, and until when it is kept. `table`: the dropped table, everywhere; `part`: columns, former
 * values, or the
 * table in `databases`, where it does not live any more.
 */
export interface SetAside {
  saga_id: string;
  what: 'table' | 'part';
  reversible_until: string;
  databases?: DatabaseRef[];
}

/**
 * A database that the table was let go in, since it was lost: what stands there, should it come back, is the table's no
 * more.
 */
export interface LetGo {
  at: string;
  name: string;
}

/** Of what is kept of a table, see ReadModel. */
export const TABLE_SHAPE = 1;

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
  /** By database id. */
  variants: Record<string, Variant>;
  pending: PendingChange[];
  last_error: ChangeError | null;
  reversible_until: string | null;
  set_aside: SetAside[];
  /** By database id; missing in tables of earlier versions. */
  let_go?: Record<string, LetGo>;
  /** A purge that could not be is not asked for again before this time. */
  no_purge_before: string | null;
  created_at: string;
  updated_at: string;
}

/** Pure. The first event must be TableCreationRequested or TableAdoptionRequested. */
export function evolve(
  table: Table | null,
  event: TableEvent,
  at: { version: number; recorded_at: string; table_id: string },
): Table {
  if (event.type === 'TableCreationRequested' || event.type === 'TableAdoptionRequested') return requested(event, at);
  if (table === null) throw new Error(`${event.type} without a TableCreationRequested before it`);
  const seen = { version: at.version, updated_at: at.recorded_at };
  if (!isRequest(event)) return { ...ended(table, event, at.recorded_at), ...seen };
  const asked: PendingChange = { saga_id: event.saga_id, change: changeOf(event), requested_at: at.recorded_at };
  const next = { ...table, pending: [...table.pending, asked], ...seen };
  // Nothing else has moved: one more change is to be foreseen.
  const ahead = outlooks.get(table);
  if (ahead !== undefined) outlooks.set(next, foresee(ahead, asked.change));
  return next;
}

/** A table that is to be made, or taken under management. */
function requested(
  event: EventOf<'TableCreationRequested' | 'TableAdoptionRequested'>,
  at: { version: number; recorded_at: string; table_id: string },
): Table {
  return {
    table_id: at.table_id,
    version: at.version,
    name: event.name,
    exists: false,
    ended: null,
    databases: event.databases,
    origin: event.type === 'TableCreationRequested' ? (event.origin ?? null) : null,
    columns: [],
    variants: {},
    pending: [{ saga_id: event.saga_id, change: changeOf(event), requested_at: at.recorded_at }],
    last_error: null,
    reversible_until: null,
    set_aside: [],
    no_purge_before: null,
    created_at: at.recorded_at,
    updated_at: at.recorded_at,
  };
}

function ended(table: Table, event: Exclude<TableEvent, RequestEvent>, at: string): Table {
  const over = { ...table, pending: table.pending.filter((p) => p.saga_id !== event.saga_id) };
  const done = { ...over, last_error: null };
  switch (event.type) {
    case 'TableCreated':
    case 'TableAdopted': {
      const created = pendingChange(table, event.saga_id);
      return { ...done, exists: true, columns: created !== undefined && isCreation(created) ? created.columns : [] };
    }
    case 'DriftResolved':
      return resolved(table, done, event);
    case 'CaughtUp':
      return done;
    case 'TableRenamed':
      return { ...done, name: event.name };
    case 'TableDropped':
      return {
        ...done,
        exists: false,
        ended: 'dropped',
        reversible_until: event.reversible_until,
        set_aside: kept(table, event.saga_id, 'table', event.reversible_until),
      };
    case 'TableRestored':
      return {
        ...done,
        name: event.name,
        exists: true,
        ended: null,
        reversible_until: null,
        set_aside: table.set_aside.filter((a) => a.what !== 'table'),
      };
    case 'TableDatabasesChanged':
      return moved(table, done, event, at);
    case 'Purged':
      return { ...over, set_aside: table.set_aside.filter((a) => !event.of.includes(a.saga_id)) };
    case 'TableReverted':
      return {
        ...done,
        name: event.name,
        columns: event.columns,
        variants: { ...followed(table, event.saga_id), ...event.variants },
        set_aside: kept(table, event.saga_id, 'part', event.reversible_until),
      };
    case 'ColumnsChanged':
      return {
        ...done,
        columns: event.columns,
        variants: followed(table, event.saga_id),
        set_aside: kept(table, event.saga_id, 'part', event.reversible_until ?? null),
      };
    case 'ChangeRejected':
    case 'ChangeCompensated':
      // A purge is nobody's change: it leaves no error behind, and is tried again later.
      if (event.kind === 'table.purge')
        return { ...over, no_purge_before: new Date(Date.parse(at) + PURGE_AGAIN_MS).toISOString() };
      return {
        ...over,
        last_error: event.error,
        ended:
          event.kind === 'table.create' || event.kind === 'table.replay' || event.kind === 'database.adopt'
            ? 'failed'
            : over.ended,
      };
  }
}

function moved(
  table: Table,
  done: Table,
  event: Extract<TableEvent, { type: 'TableDatabasesChanged' }>,
  at: string,
): Table {
  const variants = without(
    table.variants,
    event.removed.map((d) => d.id),
  );
  if (event.lost === true) {
    const lost = event.removed.map((d) => d.id);
    const gone = event.databases.length === 0;
    const letGo = Object.fromEntries(lost.map((id) => [id, { at, name: table.name }]));
    // Where it lived last is shown still, as of a table that was found to be gone.
    const ended = gone
      ? { exists: false, ended: 'dropped' as const, databases: table.databases, reversible_until: null }
      : { databases: event.databases };
    const elsewhere = nothingAsideIn(table.set_aside, lost).filter((a) => !gone || a.databases !== undefined);
    return { ...done, ...ended, variants, set_aside: elsewhere, let_go: { ...table.let_go, ...letGo } };
  }
  const setAside = kept(table, event.saga_id, 'part', event.reversible_until, event.removed);
  return {
    ...done,
    databases: event.databases,
    variants,
    set_aside: nothingAsideIn(
      setAside,
      (event.back ?? []).map((d) => d.id),
    ),
  };
}

/**
 * Of what a table is that was set aside by itself in databases where it does not live: there is nothing of it in these
 * any more.
 */
function nothingAsideIn(setAside: SetAside[], ids: string[]): SetAside[] {
  return setAside.flatMap((aside) => {
    if (aside.databases === undefined) return [aside];
    const databases = aside.databases.filter((d) => !ids.includes(d.id));
    return databases.length === 0 && aside.databases.length > 0 ? [] : [{ ...aside, databases }];
  });
}

/** What keeps the table in a database where it was removed, and from which it can come back. */
export function asideIn(table: Pick<Table, 'set_aside'>, databaseId: string): SetAside | undefined {
  return table.set_aside.find((a) => a.databases?.some((d) => d.id === databaseId) === true);
}

/** Whether the table lives in a database, or anything of it is set aside there. */
export function concerns(table: Table, databaseId: string): boolean {
  const lives =
    table.databases.some((d) => d.id === databaseId) &&
    (table.ended === null || table.set_aside.some((a) => a.databases === undefined));
  return lives || asideIn(table, databaseId) !== undefined;
}

function resolved(table: Table, done: Table, event: Extract<TableEvent, { type: 'DriftResolved' }>): Table {
  const others = event.as === 'adopt' ? followed(table, event.saga_id) : table.variants;
  const variants = {
    ...without(others, [event.database.id]),
    ...(event.variant === null ? {} : { [event.database.id]: event.variant }),
  };
  // Gone from its last database, by somebody else's hand: nothing of it is kept.
  const gone = event.databases.length === 0;
  return {
    ...done,
    columns: event.columns,
    databases: gone ? table.databases : event.databases,
    variants,
    ...(gone ? { exists: false, ended: 'dropped' as const } : {}),
    set_aside: kept(table, event.saga_id, 'part', event.reversible_until),
  };
}

function pendingChange(table: Table, sagaId: string): Change | undefined {
  return table.pending.find((p) => p.saga_id === sagaId)?.change;
}

/** The operations on columns that a change asks of a database that is no exception. */
export function opsOf(change: Change | undefined): ColumnOp[] {
  if (change === undefined) return [];
  if (change.kind === 'drift.resolve') return change.as === 'adopt' ? change.changes : [];
  return 'ops' in change ? change.ops : [];
}

/** Databases that differ go on differing: what was asked is done to their own columns. */
function followed(table: Table, sagaId: string): Record<string, Variant> {
  const ops = opsOf(pendingChange(table, sagaId));
  return Object.fromEntries(
    Object.entries(table.variants).map(([id, variant]) => [
      id,
      { ...variant, columns: ops.reduce(applyOp, variant.columns) },
    ]),
  );
}

function without(variants: Record<string, Variant>, ids: string[]): Record<string, Variant> {
  return Object.fromEntries(Object.entries(variants).filter(([id]) => !ids.includes(id)));
}

/** The managed columns as they stand in one database. */
export function columnsIn(table: Pick<Table, 'columns' | 'variants'>, databaseId: string): Column[] {
  return table.variants[databaseId]?.columns ?? table.columns;
}

export function isCreation(change: Change): change is Extract<Change, { columns: Column[] }> {
  return change.kind === 'table.create' || change.kind === 'table.replay' || change.kind === 'database.adopt';
}

const PURGE_AGAIN_MS = 60_000;

function kept(
  table: Table,
  sagaId: string,
  what: SetAside['what'],
  until: string | null,
  databases?: DatabaseRef[],
): SetAside[] {
  return until === null
    ? table.set_aside
    : [
        ...table.set_aside,
        { saga_id: sagaId, what, reversible_until: until, ...(databases === undefined ? {} : { databases }) },
      ];
}

/**
 * When something of the table is to be destroyed (ISO 8601), and whose; null: nothing is, or a restore or a purge is
 * under way. A dropped table goes with all that was set aside of it, and not before its own time.
 */
export function purgeOf(table: Table): { due_at: string; of: string[] } | null {
  if (
    table.pending.some(
      ({ change }) =>
        change.kind === 'table.restore' || change.kind === 'table.revert' || change.kind === 'table.purge',
    )
  )
    return null;
  const whole = table.set_aside.find((a) => a.what === 'table');
  const first = whole ?? [...table.set_aside].sort((a, b) => (a.reversible_until < b.reversible_until ? -1 : 1))[0];
  if (
    first === undefined ||
    (table.ended !== null && whole === undefined && !table.set_aside.some((a) => a.databases !== undefined))
  )
    return null;
  const due =
    table.no_purge_before !== null && table.no_purge_before > first.reversible_until
      ? table.no_purge_before
      : first.reversible_until;
  return {
    due_at: due,
    of: table.set_aside.filter((a) => whole !== undefined || a.reversible_until <= due).map((a) => a.saga_id),
  };
}

/**
 * What the table will be called and made of when every pending change succeeds: what a new command is judged against.
 */
export interface Outlook {
  name: string;
  columns: Column[];
  dropped: boolean;
  databases: DatabaseRef[];
}

export function outlook(table: Table): Outlook {
  const known = outlooks.get(table);
  if (known !== undefined) return known;
  const now: Outlook = {
    name: table.name,
    columns: table.columns,
    dropped: table.ended === 'dropped',
    databases: table.databases,
  };
  const ahead = table.pending.reduce<Outlook>((seen, { change }) => foresee(seen, change), now);
  outlooks.set(table, ahead);
  return ahead;
}

/**
 * Of tables that were asked about: with a thousand changes pending, foreseeing them all for each one that comes costs
 * with their square.
 */
const outlooks = new WeakMap<Table, Outlook>();

export function foresee(ahead: Outlook, change: Change): Outlook {
  switch (change.kind) {
    case 'table.create':
    case 'table.replay':
    case 'database.adopt':
      return { ...ahead, name: change.name, columns: change.columns };
    case 'table.rename':
      return { ...ahead, name: change.name };
    case 'table.drop':
      return { ...ahead, dropped: true };
    case 'table.restore':
      return { ...ahead, name: restoredAs(ahead, change), dropped: false };
    case 'table.databases': {
      const databases = movedTo(ahead.databases, change);
      return databases.length === 0 ? { ...ahead, dropped: true } : { ...ahead, databases };
    }
    case 'table.purge':
    case 'database.catch_up':
      return ahead;
    case 'drift.resolve': {
      if (change.as !== 'adopt') return ahead;
      if (change.found !== null) return { ...ahead, columns: change.changes.reduce(applyOp, ahead.columns) };
      const databases = ahead.databases.filter((d) => d.id !== change.database.id);
      return databases.length === 0 ? { ...ahead, dropped: true } : { ...ahead, databases };
    }
    case 'table.revert':
      return { ...ahead, name: change.name, columns: change.ops.reduce(applyOp, ahead.columns) };
    default:
      return { ...ahead, columns: change.ops.reduce(applyOp, ahead.columns) };
  }
}

/**
 * What a dropped table is called when it is back. A rename that it waits for may fail: under a name that nobody asked
 * it
 * to have it would come back as another table.
 */
export function restoredAs(table: { name: string }, change: Extract<Change, { kind: 'table.restore' }>): string {
  return change.keeps_name === true ? table.name : change.name;
}

/** Where a table lives after it was added to some databases and removed from others. */
export function movedTo(
  databases: DatabaseRef[],
  { add, remove }: { add: DatabaseRef[]; remove: DatabaseRef[] },
): DatabaseRef[] {
  return [
    ...databases.filter((d) => !remove.some((r) => r.id === d.id)),
    ...add.filter((a) => !databases.some((d) => d.id === a.id)),
  ];
}

export function findColumn(columns: Column[], name: string): Column | undefined {
  // Most are asked for as they are written; folding each name of a wide table for each change in it costs with the
  // square.
  const exact = columns.find((c) => c.name === name);
  if (exact !== undefined) return exact;
  const key = foldName(name);
  return columns.find((c) => foldName(c.name) === key);
}

/** Lenient, for foreseeing: an op that no longer fits changes nothing here and is refused when its turn comes. */
export function applyOp(columns: Column[], op: ColumnOp): Column[] {
  if (op.op === 'add') return findColumn(columns, op.column.name) === undefined ? [...columns, op.column] : columns;
  if (op.op === 'bring_back')
    return findColumn(columns, op.column.name) === undefined
      ? insertColumn(columns, op.column, op.after, op.key)
      : columns;
  if (op.op === 'take') return columns.map((c) => (foldName(c.name) === foldName(op.column.name) ? op.column : c));
  const column = findColumn(columns, op.name);
  if (column === undefined) return columns;
  if (op.op === 'drop') return withoutColumn(columns, op.name);
  const altered = spelt({ ...column, ...op.set, ...(op.op === 'rename' ? { name: op.to } : {}) });
  return columns.map((c) => (c === column ? altered : c));
}

/**
 * The default in the spelling of the column's type: it was resolved against what pending changes would make of the
 * column, and one of them may not have come true. One that does not fit stays, to be refused in its turn.
 */
function spelt(column: Column): Column {
  if (column.type === 'native' || column.default === null) return column;
  const { default: value } = column;
  const small = column.type === 'integer' || column.type === 'smallint';
  const fitted = fitDefault(
    column,
    small && typeof value === 'string' && /^-?\d{1,10}$/.test(value) ? Number(value) : value,
  );
  return 'problem' in fitted ? column : { ...column, default: fitted.value };
}

/** The shown status. */
export function statusOf(table: Table): 'creating' | 'active' | 'changing' | 'dropping' | 'dropped' | 'failed' {
  if (table.ended !== null) return table.ended;
  if (!table.exists) return 'creating';
  if (table.pending.some((p) => p.change.kind === 'table.drop')) return 'dropping';
  return table.pending.length > 0 ? 'changing' : 'active';
}
