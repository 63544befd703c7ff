import type { Append, CoreDatabase, EventStore } from '#event-store';
import {
  applyStep,
  compensateStep,
  convertible,
  DatabaseError,
  finalizeStep,
  foldName,
  isPlanOf,
  lookAtClaim,
  preparePlans,
  preparePurge,
  sameType,
  setAsideBy,
  type Aside,
  type Column,
  type Connection,
  type Limits,
  type ParamsOf,
  type Plan,
  type StepKey,
  type Task,
} from '#byodb';
import { loadSaga, type PlannedStep, type Saga, type SagaDefinition, type Step, type StepError } from '#sagas';
import { judgeInTurn } from './decide.js';
import { leadsTo } from './revert.js';
import { pointAt } from './snapshots.js';
import {
  appendToTable,
  applyOp,
  asideIn,
  columnsIn,
  evolve,
  findColumn,
  isCreation,
  movedTo,
  restoredAs,
  tableStream,
  type Change,
  type ColumnOp,
  type DatabaseRef,
  type Retype,
  type Table,
  type TableEvent,
  type Variant,
} from './table.js';

export interface ChangePorts {
  store: EventStore;
  core: CoreDatabase;
  /** The connection of a registered database, its identity checked against the ledger's; throws DatabaseError. */
  connect(databaseId: string): Promise<Connection>;
  limits: Limits;
  retentionSeconds: number;
  lockTimeoutMs: number;
  /** How many steps may run on one database at once, over all processes. */
  slots: number;
}

/** The saga that carries one change of one table to all of its databases. */
export function schemaChange(ports: ChangePorts): SagaDefinition {
  const keyOf = (step: Step, token: number): StepKey => ({
    stepId: step.step_id,
    token,
    lockTimeoutMs: ports.lockTimeoutMs,
    slots: ports.slots,
    applied: step.fingerprint_after !== null,
  });
  const tableOf = async (saga: Saga): Promise<Table> =>
    (await pointAt(ports.core, ports.store, saga.subject_id, {}))!.table;
  return {
    async judge(saga) {
      const table = await tableOf(saga);
      // What concerns a whole database came first.
      if (table.pending[0]?.saga_id !== saga.saga_id) return { verdict: 'wait' };
      const change = saga.change as Change;
      const judged = judgeInTurn(table, change);
      if (judged.do === 'refuse') return refused(judged.reason);
      if (judged.do === 'go' && isSentElsewhere(saga, change, table))
        return refused('the table lives elsewhere by now');
      if (change.kind === 'table.revert') {
        const target = await pointAt(ports.core, ports.store, saga.subject_id, { version: change.version });
        if (target !== null && !leadsTo(table, change.ops, target.table))
          return refused(`a change ahead of it failed, so it would not lead to version ${change.version}: ask again`);
      }
      return { verdict: judged.do === 'go' ? 'go' : 'nothing_to_do' };
    },
    async prepare(saga, step) {
      const table = await tableOf(saga);
      const change = saga.change as Change;
      const connection = await ports.connect(step.target.id);
      if (change.kind === 'table.purge') {
        const { plans, fingerprint } = await purgePlans(ports.core, connection, table, change.of, step.target.id);
        return {
          steps: plans.map(({ stepId, plan }) => plannedStep(stepId, plan, 'finalize')),
          fingerprint,
          reversible_seconds: null,
        };
      }
      const tasks = await tasksFor(ports.core, table, change, step.target.id);
      const { plans, fingerprint } = await preparePlans(
        connection,
        table.table_id,
        tasks,
        standing(table, change, step.target.id),
        ports.limits,
      );
      return {
        steps: plans.map(({ stepId, plan, phase }) => plannedStep(stepId, plan, phase ?? 'apply')),
        fingerprint,
        reversible_seconds: plans.some(({ plan }) => setAsideBy(plan) !== null) ? ports.retentionSeconds : null,
      };
    },
    async apply(_saga, step, token) {
      return applyStep(await ports.connect(step.target.id), step.plan as Plan, keyOf(step, token), ports.limits);
    },
    async compensate(_saga, step, token) {
      return compensateStep(await ports.connect(step.target.id), step.plan as Plan, keyOf(step, token));
    },
    async finalize(_saga, step, token) {
      return finalizeStep(await ports.connect(step.target.id), step.plan as Plan, keyOf(step, token));
    },
    async look(_saga, step, claim) {
      try {
        const { differs, fingerprint } = await lookAtClaim(
          await ports.connect(step.target.id),
          step.plan as Plan,
          claim,
        );
        if (differs.length === 0) return fingerprint;
        const { table, column, expected, found } = differs[0]!;
        throw new Error(`${column === null ? table : `${table}.${column}`}: expected ${expected}, found ${found}`);
      } catch (error) {
        // Out of reach: the operator's word is all there is.
        if (error instanceof DatabaseError && error.code === 'database_unreachable') return null;
        throw error;
      }
    },
    async ending(saga, end, error, at): Promise<Append[]> {
      const table = await tableOf(saga);
      const event = endingEvent(table, saga, end, error, new Date(at + ports.retentionSeconds * 1000).toISOString());
      return [appendToTable(table, event)];
    },
  };
}

function refused(message: string): { verdict: 'refuse'; error: StepError } {
  return { verdict: 'refuse', error: { code: 'invalid_in_turn', message, database: null, step_id: null } };
}

/** Sent before the table moved: it would miss a database, or meet one where the table is not. */
function isSentElsewhere(saga: Saga, change: Change, table: Table): boolean {
  const hasItsOwnPlaces =
    isCreation(change) ||
    change.kind === 'table.databases' ||
    change.kind === 'table.purge' ||
    change.kind === 'drift.resolve';
  if (hasItsOwnPlaces) return false;
  const sent = saga.steps.filter((step) => step.phase === 'prepare').map((step) => step.target.id);
  const lives = table.databases.map((database) => database.id);
  return sent.sort().join() !== lives.sort().join();
}

export async function readTable(store: EventStore, tableId: string, upTo?: number): Promise<Table | null> {
  const events = await store.readStream(tableStream(tableId), upTo === undefined ? undefined : { upTo });
  return events.reduce<Table | null>(
    (table, e) =>
      evolve(table, { ...e.data, type: e.type } as TableEvent, {
        version: e.version,
        recorded_at: e.recorded_at,
        table_id: tableId,
      }),
    null,
  );
}

function isAdded(change: Extract<Change, { kind: 'table.databases' }>, databaseId: string): boolean {
  return change.add.some((ref) => ref.id === databaseId);
}

/** The managed columns that a change meets in one database before it begins. */
export function standing(table: Table, change: Change, databaseId: string): Column[] {
  if ('columns' in change) return [];
  // Built there anew, unless it was set aside there and comes back.
  if (change.kind === 'table.databases' && isAdded(change, databaseId))
    return asideIn(table, databaseId) === undefined ? [] : table.columns;
  return change.kind === 'drift.resolve' && change.database.id === databaseId
    ? (change.found ?? [])
    : columnsIn(table, databaseId);
}

/** What a change comes to in one database, in order; never nothing: a database that has it already is looked at. */
export async function tasksFor(core: CoreDatabase, table: Table, change: Change, databaseId: string): Promise<Task[]> {
  const tasks = await allTasks(core, table, change, databaseId);
  return tasks.length > 0 ? tasks : [{ do: 'adopt', table: table.name, columns: standing(table, change, databaseId) }];
}

async function allTasks(core: CoreDatabase, table: Table, change: Change, databaseId: string): Promise<Task[]> {
  if (change.kind === 'drift.resolve') {
    const { database, as, found, changes } = change;
    if (database.id !== databaseId)
      return as === 'adopt' ? columnTasks(core, table.name, columnsIn(table, databaseId), changes, databaseId) : [];
    if (as !== 'restore') return [{ do: 'adopt', table: table.name, columns: found }];
    return found === null
      ? [{ do: 'create_table', table: table.name, columns: table.columns }]
      : columnTasks(core, table.name, found, changes, databaseId);
  }
  if ('ops' in change) {
    const tasks = await columnTasks(core, table.name, columnsIn(table, databaseId), change.ops, databaseId);
    return change.kind === 'table.revert' && change.name !== table.name
      ? [...tasks, { do: 'rename_table', table: table.name, to: change.name }]
      : tasks;
  }
  if (change.kind === 'table.databases') {
    if (isAdded(change, databaseId)) {
      const plan = await planAside(core, table, databaseId);
      if (plan === null) return [{ do: 'create_table', table: table.name, columns: table.columns }];
      const differs = cannotComeBack(plan, table.columns);
      if (differs !== null) throw new DatabaseError('unsupported_change', differs);
      return [{ do: 'restore_table', table: plan.table_after, to: table.name, former: plan.was! }];
    }
    return change.remove.some((ref) => ref.id === databaseId) ? [{ do: 'drop_table', table: table.name }] : [];
  }
  if (change.kind !== 'table.restore') return tasksOf(table, change);
  const dropped = table.set_aside.find((a) => a.what === 'table');
  const plan = await planOfTable(core, dropped?.saga_id, databaseId);
  return [{ do: 'restore_table', table: plan.table_after, to: restoredAs(table, change), former: plan.was! }];
}

/** How the table was set aside in a database from which it was removed; null: it is not kept there. */
export async function planAside(core: CoreDatabase, table: Table, databaseId: string): Promise<Plan | null> {
  const aside = asideIn(table, databaseId);
  if (aside === undefined) return null;
  return planOfTable(core, aside.saga_id, databaseId);
}

/** How a saga set the table aside in one database. Errors: DatabaseError drift_detected (it did not). */
async function planOfTable(core: CoreDatabase, sagaId: string | undefined, databaseId: string): Promise<Plan> {
  const plans = (await stepsThere(core, sagaId, databaseId)).map(planOf);
  const plan = plans.find((one) => setAsideBy(one)?.what === 'table');
  if (plan === undefined)
    throw new DatabaseError('drift_detected', 'nothing of the table is set aside in this database');
  return plan;
}

/**
 * Why a table that was removed from a database cannot come back there with its rows as a table of these columns; null:
 * it can.
 */
export function cannotComeBack(plan: Plan, columns: Column[]): string | null {
  const then = plan.before.find((one) => one.table === plan.table)?.columns;
  if (JSON.stringify(then) === JSON.stringify(columns)) return null;
  return (
    `the columns of ${plan.table} are not what they were when it was removed from this database, where ` +
    'its rows are kept: change them back first, or destroy what is kept (POST /table/purge) and add it ' +
    'empty'
  );
}

/**
 * What destroys these sagas' leavings in one database. Errors: DatabaseError unsupported_change (a column that still
 * stands in a dropped table goes with that alone).
 */
export async function purgePlans(
  core: CoreDatabase,
  connection: Connection,
  table: Table,
  of: string[],
  databaseId: string,
): ReturnType<typeof preparePurge> {
  const asides = await asidesOf(core, table, of, databaseId);
  const whole = of.some((id) => table.set_aside.some((a) => a.saga_id === id && a.what === 'table'));
  if (!table.exists && !whole) {
    const stays = await connection.look(async (session) => {
      for (const { aside, column } of asides)
        if (column === true && (await session.introspect(aside)) === null) return true;
      return false;
    });
    if (stays)
      throw new DatabaseError(
        'unsupported_change',
        `a dropped column still stands in ${table.name}, which is dropped too: it goes with the table, or ` +
          'once the table is restored',
      );
  }
  return preparePurge(connection, table.table_id, asides);
}

/**
 * What these sagas set aside in one database. A column that still stands in its table goes with it when that is
 * destroyed itself.
 */
async function asidesOf(core: CoreDatabase, table: Table, of: string[], databaseId: string): Promise<Aside[]> {
  const asides: Aside[] = [];
  for (const sagaId of of) {
    for (const step of await stepsThere(core, sagaId, databaseId)) {
      const left = setAsideBy(planOf(step));
      if (left === null) continue;
      if (left.what !== 'column') asides.push({ aside: left.aside, table: null });
      else if (table.exists) asides.push({ aside: left.aside, table: table.name });
      else asides.push({ aside: left.aside, table: null, column: true });
    }
  }
  return asides;
}

/** Of a step that prepare planned. */
function planOf(step: Step): Plan {
  return step.plan as Plan;
}

async function stepsThere(core: CoreDatabase, sagaId: string | undefined, databaseId: string): Promise<Step[]> {
  const saga = sagaId === undefined ? null : await loadSaga(core, sagaId);
  return saga?.steps.filter((step) => step.target.id === databaseId && step.phase === 'apply') ?? [];
}

function tasksOf(
  table: Table,
  change: Exclude<Change, { kind: 'table.restore' | 'table.databases' | 'drift.resolve' } | { ops: ColumnOp[] }>,
): Task[] {
  switch (change.kind) {
    // A purge and what concerns a whole database have steps of their own.
    case 'table.purge':
    case 'database.adopt':
    case 'database.catch_up':
      return [];
    case 'table.create':
    case 'table.replay':
      return [{ do: 'create_table', table: change.name, columns: change.columns }];
    case 'table.rename':
      return [{ do: 'rename_table', table: table.name, to: change.name }];
    case 'table.drop':
      return [{ do: 'drop_table', table: table.name }];
  }
}

async function columnTasks(
  core: CoreDatabase,
  table: string,
  columns: Column[],
  ops: ColumnOp[],
  databaseId: string,
): Promise<Task[]> {
  const tasks: Task[] = [];
  /**
   * Columns made here in their last form, under the names that they have by then: what else happens to them has
   * happened.
   */
  const fresh = new Set<string>();
  let now = columns;
  for (const [i, op] of ops.entries()) {
    if (op.op === 'add') tasks.push({ do: 'add_column', table, column: op.column });
    else if (op.op === 'bring_back') {
      const dropped = (await stepsThere(core, op.saga_id, databaseId)).flatMap((step) => {
        const left = setAsideBy(planOf(step));
        const isIt = left?.what === 'column' && foldName(left.name) === foldName(op.column.name);
        return isIt ? [{ aside: left.aside, former: planOf(step).was! }] : [];
      })[0];
      if (dropped !== undefined)
        tasks.push({
          do: 'restore_column',
          table,
          ...dropped,
          column: op.column,
          after: op.after,
          ...(op.key === undefined ? {} : { key: op.key }),
        });
      else {
        // The table came to this database after the drop: there are no values that could come back.
        if (op.column.primary_key || op.column.native !== undefined)
          throw new DatabaseError(
            'unsupported_change',
            `${op.column.name} was dropped before the table came to this database, and cannot be made here anew`,
          );
        tasks.push({ do: 'add_column', table, column: lastForm(op.column, ops.slice(i + 1)) });
        fresh.add(foldName(op.column.name));
      }
    } else if (op.op !== 'take' && fresh.has(foldName(op.name))) {
      if (op.op === 'rename') {
        // Another column may get the name that this one had.
        fresh.delete(foldName(op.name));
        fresh.add(foldName(op.to));
      }
    } else {
      const from = findColumn(now, op.op === 'take' ? op.column.name : op.name);
      // Missing here by somebody's word (a variant): there is nothing to be done to it.
      if (from === undefined) continue;
      if (op.op === 'drop') tasks.push({ do: 'drop_column', table, name: from.name });
      else {
        const to = applyOp([from], op)[0]!;
        if (JSON.stringify({ ...from, name: to.name }) !== JSON.stringify(to))
          tasks.push(...(await alterTasks(core, table, from, { ...to, name: from.name }, op, databaseId)));
        if (to.name !== from.name) tasks.push({ do: 'rename_column', table, name: from.name, to: to.name });
      }
    }
    now = applyOp(now, op);
  }
  return tasks;
}

/**
 * Of a revert that undoes conversions: the column's native type and default come from what the first of them found
 * here, and the values that it kept. What was altered beside the type is altered by itself.
 */
async function alterTasks(
  core: CoreDatabase,
  table: string,
  from: Column,
  to: Column,
  op: ColumnOp,
  databaseId: string,
): Promise<Task[]> {
  const plain: Task = { do: 'alter_column', table, from, to };
  const first = op.op === 'alter' && op.undoes !== undefined ? await firstRetype(core, op.undoes, databaseId) : null;
  if (first === null || !sameType(first.params.from, to)) return [plain];
  const found = { ...first.params.from, name: from.name };
  const former = {
    table: first.was!,
    name: first.params.from.name,
    keep: convertible(found.type, from.type) ? first.params.keep : null,
  };
  const back: Task = { do: 'alter_column', table, from, to: found, former };
  return JSON.stringify(found) === JSON.stringify(to) ? [back] : [back, { do: 'alter_column', table, from: found, to }];
}

/** The plan of the step that was the first of these conversions in one database; null: none was made there. */
async function firstRetype(
  core: CoreDatabase,
  retypes: Retype[],
  databaseId: string,
): Promise<Plan<ParamsOf<'alter_column'>> | null> {
  for (const { saga_id, name } of retypes) {
    for (const step of await stepsThere(core, saga_id, databaseId)) {
      const plan = planOf(step);
      if (step.status !== 'succeeded' || !isPlanOf('alter_column', plan)) continue;
      const { from, to } = plan.params;
      if (foldName(from.name) === foldName(name) && !sameType(from, to)) return plan;
    }
  }
  return null;
}

/** What the rest of a revert makes of a column: it alters and renames what it brought back, and drops none of it. */
function lastForm(column: Column, ops: ColumnOp[]): Column {
  return ops.filter((op) => op.op === 'alter' || op.op === 'rename').reduce(applyOp, [column])[0]!;
}

/**
 * The columns after a revert, and the databases in which they stand otherwise. One that a revert made anew, or put back
 * after it
 * was taken out of its table, stands last where the engine knows no other place; history takes the order of the first
 * database.
 */
function afterRevert(
  table: Table,
  saga: Saga,
  ops: ColumnOp[],
): { columns: Column[]; variants: Record<string, Variant> } {
  const columns = ops.reduce(applyOp, table.columns);
  const first = table.databases[0];
  const order =
    first === undefined || table.variants[first.id] !== undefined ? columns : asItStands(saga, first.id, columns);
  const variants = Object.fromEntries(
    table.databases.flatMap(({ id }) => {
      const own = table.variants[id];
      const there = asItStands(saga, id, ops.reduce(applyOp, columnsIn(table, id)));
      const beside = own?.beside ?? [];
      return beside.length === 0 && JSON.stringify(there) === JSON.stringify(order)
        ? []
        : [[id, { columns: there, beside }]];
    }),
  );
  return { columns: order, variants };
}

/**
 * `columns` in the order in which they stand in one database after what a revert did there: its last step left them so.
 */
function asItStands(saga: Saga, databaseId: string, columns: Column[]): Column[] {
  const last = saga.steps.filter((s) => s.target.id === databaseId && s.phase === 'apply').at(-1);
  const left = (last?.plan as Plan | undefined)?.columns_after.map((c) => foldName(c.name)) ?? [];
  const place = (column: Column): number => left.indexOf(foldName(column.name));
  return columns.some((column) => place(column) === -1) ? columns : [...columns].sort((a, b) => place(a) - place(b));
}

/** The databases where a move brought back what had been set aside. */
function broughtBack(saga: Saga): { back?: DatabaseRef[] } {
  const back = saga.steps.filter((step) => step.operation === 'restore_table').map((step) => step.target);
  return back.length === 0 ? {} : { back };
}

function plannedStep(stepId: string, plan: Plan, phase: PlannedStep['phase']): PlannedStep {
  return {
    step_id: stepId,
    operation: plan.operation,
    phase,
    reason: plan.reason,
    statements: plan.statements,
    compensation: plan.compensation,
    plan,
  };
}

function endingEvent(
  table: Table,
  saga: Saga,
  end: 'completed' | 'compensated' | 'rejected',
  error: StepError | null,
  until: string,
): TableEvent {
  const change = saga.change as Change;
  const { saga_id } = saga;
  if (end !== 'completed')
    return {
      type: end === 'rejected' ? 'ChangeRejected' : 'ChangeCompensated',
      saga_id,
      kind: saga.kind,
      error: error!,
    };
  switch (change.kind) {
    case 'table.create':
    case 'table.replay':
      return { type: 'TableCreated', saga_id };
    case 'table.rename':
      return { type: 'TableRenamed', saga_id, name: change.name };
    case 'table.drop':
      return { type: 'TableDropped', saga_id, reversible_until: until };
    case 'table.restore':
      return { type: 'TableRestored', saga_id, name: table.exists ? table.name : restoredAs(table, change) };
    case 'table.revert': {
      const { columns, variants } = afterRevert(table, saga, change.ops);
      return {
        type: 'TableReverted',
        saga_id,
        name: change.name,
        columns,
        reversible_until: saga.reversible_seconds === null ? null : until,
        ...(Object.keys(variants).length === 0 ? {} : { variants }),
      };
    }
    case 'table.databases':
      return {
        type: 'TableDatabasesChanged',
        saga_id,
        databases: movedTo(table.databases, change),
        removed: change.remove,
        reversible_until: saga.reversible_seconds === null ? null : until,
        ...(change.lost === true ? { lost: true as const } : {}),
        ...broughtBack(saga),
      };
    case 'table.purge':
      return { type: 'Purged', saga_id, of: change.of };
    case 'drift.resolve': {
      const { database, as, found, changes, variant } = change;
      const gone = as === 'adopt' && found === null;
      return {
        type: 'DriftResolved',
        saga_id,
        database,
        as,
        variant,
        columns: as === 'adopt' ? changes.reduce(applyOp, table.columns) : table.columns,
        databases: gone ? table.databases.filter((d) => d.id !== database.id) : table.databases,
        reversible_until: saga.reversible_seconds === null ? null : until,
      };
    }
    case 'database.adopt':
    case 'database.catch_up':
      throw new Error(`${change.kind} concerns a database, not one table`);
    default:
      return {
        type: 'ColumnsChanged',
        saga_id,
        columns: change.ops.reduce(applyOp, table.columns),
        reversible_until: saga.reversible_seconds === null ? null : until,
      };
  }
}
