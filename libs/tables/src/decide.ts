import {
  builtElsewhere,
  completeColumn,
  convertible,
  fitDefault,
  foldName,
  MAX_COLUMNS,
  nameSchema,
  sameType,
  type Column,
  type ColumnChange,
  type Engine,
  type Problem,
} from '#byodb';
import {
  applyOp,
  concerns,
  findColumn,
  isCreation,
  movedTo,
  outlook,
  type Change,
  type ColumnOp,
  type ColumnSet,
  type ColumnsKind,
  type DatabaseRef,
  type Origin,
  type EventOf,
  type Table,
} from './table.js';

/** A command that is refused at once; nothing is recorded. `code` is what the API answers with. */
export class Refused extends Error {
  constructor(
    readonly code:
      | 'validation_failed'
      | 'column_not_found'
      | 'table_dropped'
      | 'table_failed'
      | 'retention_expired'
      | 'version_not_found'
      | 'unsupported_change'
      | 'version_conflict'
      | 'table_name_taken'
      | 'table_not_found'
      | 'database_not_found',
    message: string,
    readonly problems: Problem[] = [],
  ) {
    super(message);
  }
}

export function defaultColumns(): Column[] {
  const make = (input: Parameters<typeof completeColumn>[0]): Column => completeColumn(input).column;
  return [
    make({ name: 'id', type: 'integer', primary_key: true, generated: true }),
    make({ name: 'name', type: 'text' }),
    make({ name: 'created_at', type: 'timestamp' }),
    make({ name: 'updated_at', type: 'timestamp' }),
  ];
}

/** What makes no sense of a list of columns as a whole. */
export function columnProblems(columns: { name: string; generated?: boolean; primary_key?: boolean }[]): Problem[] {
  const problems: Problem[] = [];
  for (const i of repeated(columns.map((column) => column.name)))
    problems.push({ path: `columns.${i}.name`, message: `${columns[i]!.name} is there twice` });
  if (columns.some((c) => c.generated === true) && columns.filter((c) => c.primary_key === true).length > 1)
    problems.push({ path: 'columns', message: 'a generated column must be the sole primary key' });
  return problems;
}

/** The places of names that stand before as well, in any case of letters. */
function repeated(names: string[]): number[] {
  const seen = new Set<string>();
  return names.flatMap((name, i) => {
    const key = foldName(name);
    if (seen.has(key)) return [i];
    seen.add(key);
    return [];
  });
}

export function decideCreate(
  name: string,
  columns: Column[],
  databases: DatabaseRef[],
  engines: Engine[],
  sagaId: string,
  origin?: Origin,
): EventOf<'TableCreationRequested'> {
  refuseBuiltElsewhere(columns, engines);
  refuseUnsupported(columns, engines);
  return {
    type: 'TableCreationRequested',
    saga_id: sagaId,
    name,
    columns,
    databases,
    ...(origin === undefined ? {} : { origin }),
  };
}

export function decideRename(table: Table, name: string, sagaId: string): EventOf<'TableRenameRequested'> {
  refuseEnded(table);
  return { type: 'TableRenameRequested', saga_id: sagaId, from: outlook(table).name, name };
}

export function decideDrop(table: Table, sagaId: string): EventOf<'TableDropRequested'> {
  refuseEnded(table);
  return { type: 'TableDropRequested', saga_id: sagaId };
}

/**
 * `now` in milliseconds since the epoch. A table that is not dropped stays as it is; under another name it would be a
 * rename.
 */
export function decideRestore(
  table: Table,
  as: string | undefined,
  now: number,
  sagaId: string,
): EventOf<'TableRestoreRequested'> {
  if (table.ended === 'failed') throw new Refused('table_failed', `the table's creation failed`);
  const ahead = outlook(table);
  if (!ahead.dropped && as !== undefined && as !== ahead.name)
    throw new Refused('unsupported_change', 'the table is not dropped: rename it instead');
  const going = table.pending.flatMap(({ change }) => (change.kind === 'table.purge' ? change.of : []));
  const kept = table.set_aside.some(
    (a) => a.what === 'table' && Date.parse(a.reversible_until) > now && !going.includes(a.saga_id),
  );
  const gone = table.ended === 'dropped' && ahead.dropped && !kept;
  if (gone) throw new Refused('retention_expired', `the table was kept aside until ${table.reversible_until}`);
  return {
    type: 'TableRestoreRequested',
    saga_id: sagaId,
    name: as ?? ahead.name,
    ...(as === undefined ? { keeps_name: true as const } : {}),
  };
}

/** Only what changes anything is asked for: a database where the table lives already is not added again. */
export function decideDatabases(
  table: Table,
  add: DatabaseRef[],
  remove: DatabaseRef[],
  engines: Engine[],
  sagaId: string,
): EventOf<'TableDatabasesRequested'> {
  refuseEnded(table);
  const { databases, columns } = outlook(table);
  const there = (ref: DatabaseRef): boolean => databases.some((d) => d.id === ref.id);
  if (movedTo(databases, { add, remove }).length === 0)
    throw new Refused('unsupported_change', 'a table must live in at least one database: drop it instead');
  refuseBuiltElsewhere(columns, engines);
  refuseUnsupported(columns, engines);
  return {
    type: 'TableDatabasesRequested',
    saga_id: sagaId,
    add: add.filter((ref) => !there(ref)),
    remove: remove.filter(there),
  };
}

/**
 * The table goes on without databases that are lost for good; nothing is touched there. A dropped one lets go what is
 * set aside of it there.
 */
export function decideLost(
  table: Table,
  lost: DatabaseRef[],
  reason: string,
  sagaId: string,
): EventOf<'TableDatabasesRequested'> {
  const remove = lost.filter(({ id }) => concerns(table, id) || outlook(table).databases.some((d) => d.id === id));
  return { type: 'TableDatabasesRequested', saga_id: sagaId, add: [], remove, lost: true, reason };
}

/**
 * Destroys what is kept before its time: all of it, or what one saga set aside. Judged against what pending changes
 * leave: what
 * a restore or a revert is about to bring back is not kept. A dropped table goes with all that was set aside of it.
 */
export function decidePurge(
  table: Table,
  of: string | undefined,
  reason: string,
  sagaId: string,
): EventOf<'PurgeRequested'> {
  const pending = table.pending.map((p) => p.change);
  if (pending.some((change) => change.kind === 'table.restore' || change.kind === 'table.revert')) {
    throw new Refused(
      'retention_expired',
      'a change that brings back what is kept is on its way: wait for its end, or abort it, and ask again',
    );
  }
  const going = new Set(pending.flatMap((change) => (change.kind === 'table.purge' ? change.of : [])));
  const kept = table.set_aside.filter((a) => !going.has(a.saga_id));
  const asked = of === undefined ? kept : kept.filter((a) => a.saga_id === of);
  if (asked.length === 0)
    throw new Refused(
      'retention_expired',
      of === undefined
        ? 'nothing of the table is kept aside'
        : `nothing that saga ${of} set aside of the table is kept any more`,
    );
  const all = asked.some((a) => a.what === 'table') ? kept : asked;
  return { type: 'PurgeRequested', saga_id: sagaId, of: [...new Set(all.map((a) => a.saga_id))], reason };
}

/** Tells add, alter, rename and drop apart by what the table will have, and refuses what can never work. */
export function decideColumns(
  table: Table,
  changes: ColumnChange[],
  engines: Engine[],
  path: (i: number) => string,
  sagaId: string,
): EventOf<'ColumnsChangeRequested'> {
  refuseEnded(table);
  const problems: Problem[] = [];
  const ops: ColumnOp[] = [];
  let columns = outlook(table).columns;
  for (const i of repeated(changes.map((change) => change.name)))
    problems.push({ path: `${path(i)}.name`, message: `${changes[i]!.name} is there twice` });
  changes.forEach((change, i) => {
    const op = resolve(columns, change, (field, message) => {
      problems.push({ path: field === '' ? path(i) : `${path(i)}.${field}`, message });
    });
    if (op === null) return;
    ops.push(op);
    columns = applyOp(columns, op);
  });
  if (problems.length > 0) throw new Refused('validation_failed', 'the request has problems', problems);
  if (columns.length === 0)
    throw new Refused(
      'unsupported_change',
      'a table must keep at least one column (mysql and sqlite know no table without)',
    );
  if (columns.length > MAX_COLUMNS)
    throw new Refused('unsupported_change', `a table has at most ${MAX_COLUMNS} columns`);
  refuseUnsupported(columns, engines);
  const kind = ops.length > 1 ? 'columns.change' : (`column.${ops[0]!.op}` as ColumnsKind);
  return { type: 'ColumnsChangeRequested', saga_id: sagaId, kind, ops };
}

function resolve(
  columns: Column[],
  change: ColumnChange,
  refuse: (field: string, message: string) => void,
): ColumnOp | null {
  const { name, rename_to: to, ...rest } = change;
  const named = Object.keys(rest).filter((key) => rest[key as keyof typeof rest] !== undefined);
  const column = findColumn(columns, name);
  if (column === undefined) {
    if (to !== undefined || rest.type === undefined) throw new Refused('column_not_found', `no column ${name}`);
    for (const issue of nameSchema.safeParse(name).error?.issues ?? []) refuse('name', issue.message);
    const made = completeColumn({ ...rest, name, type: rest.type });
    made.problems.forEach((p) => refuse(p.path, p.message));
    if (made.column.primary_key)
      throw new Refused('unsupported_change', 'a primary key cannot be added to a table that is there already');
    return { op: 'add', column: made.column };
  }
  if (rest.primary_key !== undefined || rest.generated !== undefined)
    throw new Refused(
      'unsupported_change',
      'primary_key and generated of a column that is there already cannot be changed',
    );
  if (named.length === 0 && to === undefined) return { op: 'drop', name: column.name };
  if (named.length > 0 && column.native !== undefined)
    throw new Refused(
      'unsupported_change',
      `${column.name} has a type or default of the engine's own: it can be renamed and dropped, not altered`,
    );
  const set = named.length === 0 ? null : settle(column, rest, refuse);
  if (to === undefined) return set === null ? null : { op: 'alter', name: column.name, set };
  const taken = findColumn(columns, to);
  if (taken !== undefined && taken !== column) refuse('rename_to', `there is a column ${to} already`);
  return { op: 'rename', name: column.name, to, set };
}

function settle(
  column: Column,
  rest: Omit<ColumnChange, 'name' | 'rename_to'>,
  refuse: (field: string, message: string) => void,
): ColumnSet {
  const retyped = rest.type !== undefined;
  const type = rest.type ?? column.type;
  const made = completeColumn({
    name: column.name,
    type,
    nullable: rest.nullable ?? column.nullable,
    primary_key: column.primary_key,
    generated: column.generated,
    unique: rest.unique ?? column.unique,
    length: rest.length ?? (retyped ? null : column.length),
    precision: rest.precision ?? (retyped ? null : column.precision),
    scale: rest.scale ?? (retyped ? null : column.scale),
    default: rest.default !== undefined ? rest.default : column.default,
  });
  for (const problem of made.problems) {
    // A default nobody spoke of stands in the way of the new type: that is no typing error.
    if (problem.path === 'default' && rest.default === undefined)
      throw new Refused(
        'unsupported_change',
        `the default of ${column.name} does not fit: ${problem.message}; name a default in the same change`,
      );
    refuse(problem.path, problem.message);
  }
  if (!convertible(column.type, type))
    throw new Refused('unsupported_change', `no engine turns ${column.type} into ${type} without loss of meaning`);
  const { length, precision, scale, nullable, default: value, unique } = made.column;
  const sized = [rest.type, rest.length, rest.precision, rest.scale].some((field) => field !== undefined);
  // All that was named, also what is so already: it may be so only if a change before this one succeeds.
  return {
    ...(sized || !sameType(column, made.column) ? { type, length, precision, scale } : {}),
    ...(rest.nullable !== undefined ? { nullable } : {}),
    ...(rest.unique !== undefined ? { unique } : {}),
    ...(rest.default !== undefined || JSON.stringify(value) !== JSON.stringify(column.default)
      ? { default: value }
      : {}),
  };
}

export function refuseEnded(table: Table): void {
  if (table.ended === 'failed') throw new Refused('table_failed', `the table's creation failed`);
  if (outlook(table).dropped) throw new Refused('table_dropped', `the table is dropped, or a drop is on its way`);
}

export function refuseUnsupported(columns: Column[], engines: Engine[]): void {
  for (const engine of engines) {
    const reason = engine.refuses(columns.filter((c) => c.type !== 'native'));
    if (reason !== null) throw new Refused('unsupported_change', `${engine.name}: ${reason}`);
  }
}

/** What only one engine knows is built by none of the others. */
export function refuseBuiltElsewhere(columns: Column[], engines: Pick<Engine, 'name'>[]): void {
  for (const { name } of engines) {
    const reason = builtElsewhere(columns, name);
    if (reason !== null) throw new Refused('unsupported_change', reason);
  }
}

/** What only its own engine knows is no type that a column could get. */
export function refuseOwnTypes(columns: Column[]): void {
  const own = columns.find((c) => c.native !== undefined);
  if (own !== undefined)
    throw new Refused(
      'unsupported_change',
      `${own.name} has a type or default of the engine's own (${own.native!.type ?? own.native!.default}), ` +
        'which cannot be built anew',
    );
}

/** When the turn has come: what is to be done to the confirmed table, nothing, or why it no longer makes sense. */
export function judgeInTurn(
  table: Table,
  change: Change,
): { do: 'refuse'; reason: string } | { do: 'go'; ops: ColumnOp[] } | { do: 'nothing' } {
  if (isCreation(change)) return { do: 'go', ops: [] };
  if (change.kind === 'table.restore') {
    if (table.exists) return { do: 'nothing' };
    return table.set_aside.some((a) => a.what === 'table')
      ? { do: 'go', ops: [] }
      : { do: 'refuse', reason: 'the table is not there any more, not even set aside' };
  }
  if (change.kind === 'table.purge') {
    // One that was asked for may be of a part alone.
    if (change.reason !== undefined)
      return change.of.every((id) => table.set_aside.some((a) => a.saga_id === id))
        ? { do: 'go', ops: [] }
        : { do: 'refuse', reason: 'what was to be destroyed came back, or went, meanwhile' };
    const whole = table.set_aside.some((a) => a.what === 'table');
    const fits =
      change.of.every((id) => table.set_aside.some((a) => a.saga_id === id)) &&
      whole === change.of.some((id) => table.set_aside.some((a) => a.saga_id === id && a.what === 'table'));
    return fits
      ? { do: 'go', ops: [] }
      : { do: 'refuse', reason: 'what was to be destroyed came back, or went, meanwhile' };
  }
  if (change.kind === 'table.databases' && change.lost === true)
    return change.remove.some((ref) => concerns(table, ref.id)) ? { do: 'go', ops: [] } : { do: 'nothing' };
  if (!table.exists)
    return { do: 'refuse', reason: table.ended === 'failed' ? `the table's creation failed` : 'the table is dropped' };
  if (change.kind === 'table.rename') return table.name === change.name ? { do: 'nothing' } : { do: 'go', ops: [] };
  if (change.kind === 'table.drop') return { do: 'go', ops: [] };
  if (change.kind === 'table.databases') {
    const there = (ref: DatabaseRef): boolean => table.databases.some((d) => d.id === ref.id);
    if (change.add.some(there) || !change.remove.every(there))
      return { do: 'refuse', reason: 'the table lives elsewhere by now' };
    return change.add.length + change.remove.length === 0 ? { do: 'nothing' } : { do: 'go', ops: [] };
  }
  if (change.kind === 'database.catch_up') return { do: 'go', ops: [] };
  if (change.kind === 'drift.resolve') {
    const {
      database: { id },
      as,
      found,
      changes,
      variant,
    } = change;
    if (!table.databases.some((d) => d.id === id)) return { do: 'refuse', reason: 'the table lives elsewhere by now' };
    const misfit = as === 'adopt' ? misfitOf(table, changes) : null;
    if (misfit !== null) return { do: 'refuse', reason: misfit };
    const same =
      found !== null && changes.length === 0 && JSON.stringify(variant) === JSON.stringify(table.variants[id] ?? null);
    return same ? { do: 'nothing' } : { do: 'go', ops: [] };
  }
  const misfit = misfitOf(table, change.ops);
  if (misfit !== null) return { do: 'refuse', reason: misfit };
  const named = change.kind !== 'table.revert' || change.name === table.name;
  return named && JSON.stringify(change.ops.reduce(applyOp, table.columns)) === JSON.stringify(table.columns)
    ? { do: 'nothing' }
    : { do: 'go', ops: change.ops };
}

/** Why operations decided earlier no longer make sense of the table as it is by now. */
function misfitOf(table: Table, ops: ColumnOp[]): string | null {
  let columns = table.columns;
  for (const op of ops) {
    const name = op.op === 'add' || op.op === 'bring_back' || op.op === 'take' ? op.column.name : op.name;
    const found = findColumn(columns, name);
    if (op.op === 'bring_back' && !table.set_aside.some((a) => a.saga_id === op.saga_id))
      return `column ${name} is not kept any more`;
    if ((op.op === 'add' || op.op === 'bring_back') && found !== undefined) return `there is a column ${name} by now`;
    if (op.op !== 'add' && op.op !== 'bring_back' && found === undefined) return `there is no column ${name} any more`;
    if (op.op === 'rename') {
      const taken = findColumn(columns, op.to);
      if (taken !== undefined && taken !== found) return `there is a column ${op.to} by now`;
    }
    if (
      (op.op === 'alter' || op.op === 'rename') &&
      op.set?.type !== undefined &&
      !convertible(found!.type, op.set.type)
    )
      return `${found!.type} cannot become ${op.set.type}`;
    columns = applyOp(columns, op);
    const after =
      op.op === 'alter' || op.op === 'rename' ? findColumn(columns, op.op === 'rename' ? op.to : op.name) : undefined;
    const fitted =
      after === undefined || after.type === 'native' || after.default === null
        ? null
        : fitDefault(after, after.default);
    if (fitted !== null && 'problem' in fitted)
      return `the default of ${after!.name} does not fit any more: ${fitted.problem}`;
  }
  return null;
}
