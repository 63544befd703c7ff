import type { Append } from '#event-store';
import {
  applyStep,
  compensateStep,
  fingerprint,
  finalizeStep,
  preparePlans,
  readDone,
  type Connection,
  type Plan,
} from '#byodb';
import { isEnded, listSagas, type PlannedStep, type Saga, type SagaDefinition, type Step } from '#sagas';
import { readTable, schemaChange, type ChangePorts } from './schema-change.js';
import { appendToTable, type DatabaseRef, type Table, type TableEvent } from './table.js';

/**
 * A change of one database and several tables: the saga's subject is the database, and each table waits its turn in its
 * own stream.
 */
export interface DatabaseChange {
  kind: 'database.adopt' | 'database.catch_up';
  database: DatabaseRef;
  tables: { table_id: string; name: string }[];
}

/** A step of history that a database has not seen. */
export interface Lacking {
  step: Step;
  way: 'apply' | 'compensate' | 'finalize';
}
type Redone = Plan & { way: Lacking['way'] };

const EVERYTHING = 1_000_000;

export function databaseChange(ports: ChangePorts): SagaDefinition {
  const key = (step: Step, token: number): Parameters<typeof applyStep>[2] => ({
    stepId: step.step_id,
    token,
    lockTimeoutMs: ports.lockTimeoutMs,
    slots: ports.slots,
    applied: step.phase === 'apply' && step.fingerprint_after !== null,
  });
  const tablesOf = (saga: Saga): Promise<Table[]> =>
    Promise.all(
      (saga.change as DatabaseChange).tables.map(async ({ table_id }) => (await readTable(ports.store, table_id))!),
    );
  return {
    async judge(saga) {
      const tables = await tablesOf(saga);
      if (tables.some((table) => table.pending[0]?.saga_id !== saga.saga_id)) return { verdict: 'wait' };
      return tables.length === 0 ? { verdict: 'nothing_to_do' } : { verdict: 'go' };
    },
    async prepare(saga, step) {
      const { kind, database } = saga.change as DatabaseChange;
      const connection = await ports.connect(step.target.id);
      const tables = await tablesOf(saga);
      if (kind === 'database.adopt') return prepareAdoption(connection, saga, tables, ports);
      const open = await lacking(ports, connection, database.id);
      const own = open.filter((one) => tables.some((table) => table.table_id === (one.step.plan as Plan).table_id));
      return { steps: own.map(redo), fingerprint: fingerprint(null), reversible_seconds: null };
    },
    async apply(_saga, step, token) {
      return applyStep(await ports.connect(step.target.id), step.plan as Plan, key(step, token), ports.limits);
    },
    async compensate(_saga, step, token) {
      return compensateStep(await ports.connect(step.target.id), step.plan as Plan, key(step, token));
    },
    /** What history has done already: it is done here too, however long it takes, and is never undone. */
    async finalize(_saga, step, token) {
      const [connection, plan] = [await ports.connect(step.target.id), step.plan as Redone];
      if (plan.way === 'compensate') return compensateStep(connection, plan, key(step, token));
      if (plan.way === 'finalize') return finalizeStep(connection, plan, key(step, token));
      // What was converted elsewhere long ago is not too large now.
      return applyStep(connection, plan, key(step, token), { maxRewriteRows: Number.MAX_SAFE_INTEGER });
    },
    look: schemaChange(ports).look,
    async ending(saga, end, error): Promise<Append[]> {
      const { saga_id, kind } = saga;
      const { database } = saga.change as DatabaseChange;
      return (await tablesOf(saga)).map((table): Append => {
        const event: TableEvent =
          end === 'completed'
            ? kind === 'database.adopt'
              ? { type: 'TableAdopted', saga_id }
              : { type: 'CaughtUp', saga_id, database }
            : { type: end === 'rejected' ? 'ChangeRejected' : 'ChangeCompensated', saga_id, kind, error: error! };
        return appendToTable(table, event);
      });
    },
  };
}

async function prepareAdoption(
  connection: Connection,
  saga: Saga,
  tables: Table[],
  ports: ChangePorts,
): ReturnType<SagaDefinition['prepare']> {
  const steps: PlannedStep[] = [];
  let first: string | null = null;
  for (const table of tables) {
    const change = table.pending.find((p) => p.saga_id === saga.saga_id)!.change;
    if (change.kind !== 'database.adopt') throw new Error(`${table.table_id} is not to be adopted`);
    const { plans, fingerprint } = await preparePlans(
      connection,
      table.table_id,
      [{ do: 'adopt', table: table.name, columns: change.columns }],
      change.columns,
      ports.limits,
    );
    steps.push(...plans.map(({ stepId, plan }) => planned(stepId, plan, 'apply')));
    first ??= fingerprint;
  }
  return { steps, fingerprint: first!, reversible_seconds: null };
}

function redo({ step, way }: Lacking): PlannedStep {
  const plan: Redone = { ...(step.plan as Plan), way };
  return {
    ...planned(step.step_id, plan, 'finalize'),
    reason: `${way === 'compensate' ? 'undo' : 'do'} what history has done: ${step.reason}`,
    statements: way === 'compensate' ? step.compensation : step.statements,
    compensation: [],
  };
}

function planned(stepId: string, plan: Plan, phase: PlannedStep['phase']): PlannedStep {
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

/**
 * What history has done in a database and its ledger does not know, in the order of history. Each such step is done
 * with its own
 * plan and id, so that names of what is set aside, and every later restore and purge, fit this database as they fit the
 * others.
 */
export async function lacking(
  ports: Pick<ChangePorts, 'core'>,
  connection: Connection,
  databaseId: string,
): Promise<Lacking[]> {
  const done = await readDone(connection);
  const has = (step: Step, direction: Lacking['way']): boolean => done.get(step.step_id)?.has(direction) === true;
  const sagas = (await listSagas(ports.core, { target_id: databaseId, limit: EVERYTHING }))
    .map(({ saga }) => saga)
    .reverse();
  const open: Lacking[] = [];
  for (const saga of sagas) {
    // Another catch-up did no steps of its own.
    if (!isEnded(saga) || saga.kind === 'database.catch_up') continue;
    const steps = saga.steps.filter((step) => step.target.id === databaseId && step.phase !== 'prepare');
    if (saga.status === 'completed') {
      for (const step of steps) {
        const way = step.phase === 'finalize' ? 'finalize' : 'apply';
        if (!has(step, way)) open.push({ step, way });
      }
    } else if (saga.status === 'compensated') {
      for (const step of steps.reverse())
        if (has(step, 'apply') && !has(step, 'compensate')) open.push({ step, way: 'compensate' });
    }
  }
  return open;
}
