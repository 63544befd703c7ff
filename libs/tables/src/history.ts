import type { StoredEvent } from '#event-store';
import {
  builtElsewhere,
  DatabaseError,
  engineOf,
  ENGINE_NAMES,
  foldName,
  keyNames,
  uniqueName,
  type Column,
  type EngineName,
} from '#byodb';
import {
  applyOp,
  evolve,
  findColumn,
  opsOf,
  type ColumnOp,
  type EventOf,
  type Retype,
  type Table,
  type TableEvent,
} from './table.js';

export type Marks = Record<string, string>;

/**
 * A column that `saga_id` dropped: as it was, with the marks of the columns before it, nearest last; those set aside
 * then too,
 * since they keep their place and may be back before it. `key`: the marks of the primary key that it was part of, in
 * the key's
 * order; else empty.
 */
export interface Dropped {
  saga_id: string;
  column: Column;
  before: string[];
  key: string[];
}

/**
 * A table after one of its events, with all that going on from there takes. `lineage`: each column's own mark by its
 * present name; it outlives renames. `dropped`: by mark, the last drop of each column that is still set aside. `order`:
 * the
 * marks of all these columns as they stand in the databases.
 */
export interface Point {
  position: number;
  table: Table;
  lineage: Marks;
  dropped: Record<string, Dropped>;
  order: string[];
}

export interface Moment extends Point {
  event: StoredEvent;
}

/** The history played forward; pure, in any number of parts. `events` follow `from` without a gap. */
export function playForward(tableId: string, events: StoredEvent[], from: Point | null = null): Moment[] {
  const moments: Moment[] = [];
  let last = from;
  for (const event of events) {
    const body = { ...event.data, type: event.type } as TableEvent;
    const table = evolve(last?.table ?? null, body, {
      version: event.version,
      recorded_at: event.recorded_at,
      table_id: tableId,
    });
    const moment = { event, position: event.position, table, ...columnsAfter(last, body, event.version, table) };
    moments.push(moment);
    last = moment;
  }
  return moments;
}

function opsDone(before: Point | null, body: TableEvent): ColumnOp[] {
  if (body.type !== 'ColumnsChanged' && body.type !== 'TableReverted' && body.type !== 'DriftResolved') return [];
  return opsOf(before?.table.pending.find((p) => p.saga_id === body.saga_id)?.change);
}

/**
 * By a column's mark: the changes of its type behind `from`, the first one first. `moments` follow `from` without a
 * gap.
 */
export async function retypesSince(from: Point, moments: AsyncIterable<Moment>): Promise<Record<string, Retype[]>> {
  const retypes: Record<string, Retype[]> = {};
  let before = from;
  for await (const moment of moments) {
    const body = { ...moment.event.data, type: moment.event.type } as TableEvent;
    let marks = before.lineage;
    for (const op of opsDone(before, body)) {
      const name = retypedBy(op);
      const mark = name === null ? undefined : marks[foldName(name)];
      if (mark !== undefined) (retypes[mark] ??= []).push({ saga_id: body.saga_id, name: name! });
      marks = follow(marks, op, moment.event.version);
    }
    before = moment;
  }
  return retypes;
}

/** The column whose type an operation may change; null: none. */
function retypedBy(op: ColumnOp): string | null {
  if (op.op === 'take') return op.column.name;
  return (op.op === 'alter' || op.op === 'rename') && op.set?.type !== undefined ? op.name : null;
}

function columnsAfter(
  before: Point | null,
  body: TableEvent,
  version: number,
  table: Table,
): Pick<Point, 'lineage' | 'dropped' | 'order'> {
  if (body.type === 'TableCreated' || body.type === 'TableAdopted') {
    const marks = table.columns.map((c) => [foldName(c.name), `${version}:${c.name}`] as const);
    return { lineage: Object.fromEntries(marks), dropped: {}, order: marks.map(([, mark]) => mark) };
  }
  const start: Track = {
    columns: before?.table.columns ?? [],
    lineage: before?.lineage ?? {},
    dropped: before?.dropped ?? {},
    order: before?.order ?? [],
  };
  const { lineage, dropped, order } = opsDone(before, body).reduce(
    (seen, op) => track(seen, op, body.saga_id, version),
    start,
  );
  // What was purged never comes back: kept for ever, this would grow with every column there ever was.
  const kept = Object.fromEntries(
    Object.entries(dropped).filter(([, { saga_id }]) => table.set_aside.some((a) => a.saga_id === saga_id)),
  );
  const marks = new Set([...Object.values(lineage), ...Object.keys(kept)]);
  return { lineage, dropped: kept, order: order.filter((mark) => marks.has(mark)) };
}

/** What the operations of a table's changes come to, one after another. */
export interface Track extends Pick<Point, 'lineage' | 'dropped' | 'order'> {
  columns: Column[];
}

export function track(
  { columns, lineage, dropped, order }: Track,
  op: ColumnOp,
  sagaId: string,
  version: number,
): Track {
  const column = op.op === 'drop' ? findColumn(columns, op.name) : undefined;
  const mark = column === undefined ? undefined : lineage[foldName(column.name)]!;
  const after = follow(lineage, op, version);
  return {
    columns: applyOp(columns, op),
    lineage: after,
    dropped:
      column === undefined || mark === undefined
        ? dropped
        : withDropped(dropped, mark, {
            saga_id: sagaId,
            column,
            before: order.slice(0, order.indexOf(mark)),
            key: column.primary_key ? keyNames(columns).map((name) => lineage[foldName(name)]!) : [],
          }),
    order: op.op === 'add' ? [...order, after[foldName(op.column.name)]!] : order,
  };
}

/** In the order of the drops: the last one comes back first. */
function withDropped(dropped: Record<string, Dropped>, mark: string, one: Dropped): Record<string, Dropped> {
  const { [mark]: _before, ...others } = dropped;
  return { ...others, [mark]: one };
}

/** The marks after one more operation. */
export function follow(marks: Marks, op: ColumnOp, version: number): Marks {
  if (op.op === 'add') return { ...marks, [foldName(op.column.name)]: `${version}:${op.column.name}` };
  if (op.op === 'take') return marks;
  if (op.op === 'bring_back') return { ...marks, [foldName(op.column.name)]: op.mark };
  const { [foldName(op.name)]: mark, ...others } = marks;
  if (op.op === 'drop' || mark === undefined) return op.op === 'drop' ? others : marks;
  return op.op === 'rename' ? { ...others, [foldName(op.to)]: mark } : marks;
}

export interface Diff {
  name: { from: string; to: string } | null;
  added: Column[];
  removed: Column[];
  altered: { column: string; from: Column; to: Column }[];
  renamed: { from: string; to: string }[];
}

/** What became of each column between two moments; one that was renamed is the same column still. */
export function diff(from: Point, to: Point): Diff {
  const markOf = (moment: Point, column: Column): string | undefined => moment.lineage[foldName(column.name)];
  const pairs = to.table.columns.flatMap((column) => {
    const was = from.table.columns.find((c) => markOf(from, c) === markOf(to, column));
    return was === undefined ? [] : [{ was, column }];
  });
  return {
    name: from.table.name === to.table.name ? null : { from: from.table.name, to: to.table.name },
    added: to.table.columns.filter((c) => !pairs.some((p) => p.column === c)),
    removed: from.table.columns.filter((c) => !pairs.some((p) => p.was === c)),
    altered: pairs
      .filter(({ was, column }) => JSON.stringify({ ...was, name: '' }) !== JSON.stringify({ ...column, name: '' }))
      .map(({ was, column }) => ({ column: column.name, from: was, to: column })),
    renamed: pairs
      .filter(({ was, column }) => was.name !== column.name)
      .map(({ was, column }) => ({ from: was.name, to: column.name })),
  };
}

/** Statements that build the table anew, by engine; none, and in `missing` the reason, where an engine cannot. */
export function ddlOf(table: Table): {
  ddl: Record<EngineName, string[]>;
  missing: Partial<Record<EngineName, string>>;
} {
  const ddl = { postgres: [], mysql: [], sqlite: [] } as Record<EngineName, string[]>;
  const missing: Partial<Record<EngineName, string>> = {};
  const unique = (column: string): string =>
    uniqueName(
      table.table_id,
      table.columns.findIndex((c) => c.name === column),
    );
  for (const name of ENGINE_NAMES) {
    const engine = engineOf(name);
    const reason = !table.exists
      ? 'the table is not there'
      : (builtElsewhere(table.columns, name) ?? engine.refuses(table.columns.filter((c) => c.type !== 'native')));
    try {
      if (reason === null)
        ddl[name] = engine.ddl.createTable(table.name, table.columns, table.table_id, unique).statements;
      else missing[name] = reason;
    } catch (error) {
      // What was read of a column may be more than the engine's renderers print.
      if (!(error instanceof DatabaseError)) throw error;
      missing[name] = error.message;
    }
  }
  return { ddl, missing };
}

/** One plain sentence per event. */
export function sentence(event: TableEvent): string {
  switch (event.type) {
    case 'TableCreationRequested':
      return `Creation of table ${event.name} on ${event.databases.map((d) => d.name).join(', ')} was requested.`;
    case 'TableRenameRequested':
      return `A rename from ${event.from} to ${event.name} was requested.`;
    case 'TableDropRequested':
      return 'A drop of the table was requested.';
    case 'TableRestoreRequested':
      return `Restoring the table as ${event.name} was requested.`;
    case 'TableRevertRequested':
      return `Going back to version ${event.to_version} was requested.`;
    case 'TableDatabasesRequested':
      if (event.lost === true)
        return (
          `The database ${names(event.remove)} is lost: letting the table go there was requested ` +
          `(${event.reason}).`
        );
      return `${capital(moveSentence(event))} was requested.`;
    case 'PurgeRequested':
      if (event.reason !== undefined)
        return `Destroying something set aside before its time was requested: ${event.reason}.`;
      return 'The retention time of something set aside was over: its purge was requested.';
    case 'ColumnsChangeRequested':
      return `${capital(event.ops.map(opSentence).join('; '))}: requested.`;
    case 'TableAdoptionRequested':
      return `Taking table ${event.name} of ${names(event.databases)} under management was requested.`;
    case 'DriftResolutionRequested':
      return `The difference found on ${event.database.name} was to be resolved: ${event.as}.`;
    case 'CatchUpRequested':
      return `Bringing ${event.database.name} to what history says was requested.`;
    case 'TableAdopted':
      return 'The table as it stands was taken under management; nothing was touched.';
    case 'DriftResolved':
      return drifted(event);
    case 'CaughtUp':
      return `What ${event.database.name} lacked was done there.`;
    case 'TableCreated':
      return 'The table was created on every database.';
    case 'TableRenamed':
      return `The table was renamed to ${event.name} on every database.`;
    case 'TableDropped':
      return event.reversible_until === null
        ? 'The table was dropped on every database.'
        : `The table was dropped on every database; it can be restored until ${event.reversible_until}.`;
    case 'TableRestored':
      return `The table was restored as ${event.name} on every database.`;
    case 'TableDatabasesChanged':
      if (event.lost === true)
        return event.databases.length === 0
          ? 'The table was let go in its last database, which is lost; nothing of it is kept.'
          : `The table was let go in ${names(event.removed)}, which is lost; it lives on ${names(event.databases)}.`;
      return `The table now lives on ${names(event.databases)}.`;
    case 'Purged':
      return 'What was set aside was destroyed on every database.';
    case 'TableReverted':
      return (
        `The table went back: it is ${event.name} with the columns ` +
        `${event.columns.map((c) => c.name).join(', ')} on every database.`
      );
    case 'ColumnsChanged':
      return `The columns were changed on every database; they are now ${event.columns.map((c) => c.name).join(', ')}.`;
    case 'ChangeRejected':
      return `The change (${event.kind}) was rejected, and nothing was touched: ${event.error.message}`;
    case 'ChangeCompensated':
      return (
        `The change (${event.kind}) ` +
        `failed${event.error.database === null ? '' : ` on ${event.error.database}`} and was undone ` +
        `everywhere: ${event.error.message}`
      );
  }
}

function drifted({ as, database, databases, columns }: Extract<TableEvent, { type: 'DriftResolved' }>): string {
  if (as === 'ignore') return `What differs on ${database.name} was accepted as it is.`;
  if (as === 'restore') return `${database.name} has again what history says.`;
  if (databases.every((d) => d.id !== database.id))
    return `The table was found to be gone from ${database.name}, and was taken out of it.`;
  return (
    `What was found on ${database.name} is what history says from now on: the columns ` +
    `${columns.map((c) => c.name).join(', ')}.`
  );
}

function moveSentence({ add, remove }: EventOf<'TableDatabasesRequested'>): string {
  const parts = [
    ...(add.length === 0 ? [] : [`building the table on ${names(add)}`]),
    ...(remove.length === 0 ? [] : [`removing it from ${names(remove)}`]),
  ];
  return parts.length === 0 ? 'no move' : parts.join(' and ');
}

function opSentence(op: ColumnOp): string {
  switch (op.op) {
    case 'add':
      return `add column ${op.column.name} (${op.column.type})`;
    case 'take':
      return `make column ${op.column.name} what was found or recorded`;
    case 'bring_back':
      return `bring back column ${op.column.name}`;
    case 'drop':
      return `drop column ${op.name}`;
    case 'alter':
      return `alter column ${op.name} (${Object.keys(op.set).join(', ') || 'nothing'})`;
    case 'rename':
      return `rename column ${op.name} to ${op.to}`;
  }
}

function names(databases: { name: string }[]): string {
  return databases.map((d) => d.name).join(', ');
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
