import type { Append, EventStore } from '../../event-store/src/index.js';
import { applyStep, compensateStep, preparePlans, type Column, type Connection, type Limits, type Plan, type Task } from '../../byodb/src/index.js';
import type { PlannedStep, Saga, SagaDefinition, StepError } from '../../sagas/src/index.js';
import { judgeInTurn } from './decide.js';
import { applyOp, evolve, findColumn, tableStream, TABLE_SCHEMA_VERSION, type Change, type ColumnOp, type Table, type TableEvent } from './table.js';

export interface ChangePorts {
  store: EventStore;
  /** The connection of a registered database, its identity checked against the ledger's; throws DatabaseError. */
  connect(databaseId: string): Promise<Connection>;
  limits: Limits;
  retentionSeconds: number;
  lockTimeoutMs: number;
}

/** The saga that carries one change of one table to all of its databases. */
export function schemaChange(ports: ChangePorts): SagaDefinition {
  const tableOf = async (saga: Saga): Promise<Table> => (await readTable(ports.store, saga.subject_id))!;
  return {
    async judge(saga) {
      const judged = judgeInTurn(await tableOf(saga), saga.change as Change);
      if (judged.do === 'go') return { verdict: 'go' };
      if (judged.do === 'nothing') return { verdict: 'nothing_to_do' };
      return { verdict: 'refuse', error: { code: 'invalid_in_turn', message: judged.reason, database: null, step_id: null } };
    },
    async prepare(saga, step) {
      const table = await tableOf(saga);
      const change = saga.change as Change;
      const connection = await ports.connect(step.target.id);
      const { plans, fingerprint } = await preparePlans(connection, table.table_id, tasksOf(table, change), change.kind === 'table.create' ? [] : table.columns, ports.limits);
      return { steps: plans.map(({ stepId, plan }) => plannedStep(stepId, plan)), fingerprint, reversible_seconds: plans.some(({ plan }) => keepsAside(plan)) ? ports.retentionSeconds : null };
    },
    async apply(_saga, step, token) {
      return applyStep(await ports.connect(step.target.id), step.plan as Plan, { stepId: step.step_id, token, lockTimeoutMs: ports.lockTimeoutMs }, ports.limits);
    },
    async compensate(_saga, step, token) {
      return compensateStep(await ports.connect(step.target.id), step.plan as Plan, { stepId: step.step_id, token, lockTimeoutMs: ports.lockTimeoutMs });
    },
    async ending(saga, end, error): Promise<Append[]> {
      const table = await tableOf(saga);
      const event = endingEvent(table, saga, end, error, ports.retentionSeconds);
      const { type, ...data } = event;
      return [{ stream: tableStream(table.table_id), expectedVersion: table.version, events: [{ type, schema_version: TABLE_SCHEMA_VERSION, data }] }];
    },
  };
}

export async function readTable(store: EventStore, tableId: string, upTo?: number): Promise<Table | null> {
  const events = await store.readStream(tableStream(tableId), upTo === undefined ? undefined : { upTo });
  return events.reduce<Table | null>((table, e) => evolve(table, { ...e.data, type: e.type } as TableEvent, { version: e.version, recorded_at: e.recorded_at, table_id: tableId }), null);
}

/** What a change comes to in one database, in order. */
export function tasksOf(table: Table, change: Change): Task[] {
  switch (change.kind) {
    case 'table.create': return [{ do: 'create_table', table: change.name, columns: change.columns }];
    case 'table.rename': return [{ do: 'rename_table', table: table.name, to: change.name }];
    case 'table.drop': return [{ do: 'drop_table', table: table.name }];
    default: return columnTasks(table.name, table.columns, change.ops);
  }
}

function columnTasks(table: string, columns: Column[], ops: ColumnOp[]): Task[] {
  const tasks: Task[] = [];
  let now = columns;
  for (const op of ops) {
    if (op.op === 'add') tasks.push({ do: 'add_column', table, column: op.column });
    else if (op.op === 'drop') tasks.push({ do: 'drop_column', table, name: op.name });
    else {
      const from = findColumn(now, op.name)!;
      const to = { ...from, ...op.set };
      if (JSON.stringify(from) !== JSON.stringify(to)) tasks.push({ do: 'alter_column', table, from, to });
      if (op.op === 'rename' && op.to !== from.name) tasks.push({ do: 'rename_column', table, name: from.name, to: op.to });
    }
    now = applyOp(now, op);
  }
  return tasks;
}

function keepsAside(plan: Plan): boolean {
  return plan.operation === 'drop_table' || plan.operation === 'drop_column' || plan.operation === 'keep_values';
}

function plannedStep(stepId: string, plan: Plan): PlannedStep {
  return { step_id: stepId, operation: plan.operation, phase: 'apply', reason: plan.reason, statements: plan.statements, compensation: plan.compensation, plan };
}

function endingEvent(table: Table, saga: Saga, end: 'completed' | 'compensated' | 'rejected', error: StepError | null, retentionSeconds: number): TableEvent {
  const change = saga.change as Change;
  const { saga_id } = saga;
  if (end !== 'completed') return { type: end === 'rejected' ? 'ChangeRejected' : 'ChangeCompensated', saga_id, kind: saga.kind, error: error! };
  switch (change.kind) {
    case 'table.create': return { type: 'TableCreated', saga_id };
    case 'table.rename': return { type: 'TableRenamed', saga_id, name: change.name };
    case 'table.drop': return { type: 'TableDropped', saga_id, reversible_until: new Date(Date.now() + retentionSeconds * 1000).toISOString() };
    default: return { type: 'ColumnsChanged', saga_id, columns: change.ops.reduce(applyOp, table.columns) };
  }
}

