import type { Append } from '#event-store';
import {
  applyStep,
  compensateStep,
  finalizeStep,
  fingerprint,
  preparePlans,
  stepsDone,
  type Connection,
  type Plan,
} from '#byodb';
import {
  changeSteps,
  isEnded,
  listSagas,
  type PlannedStep,
  type Saga,
  type SagaDefinition,
  type ChangeStep,
  type Prepared,
} from '#sagas';
import type { Change } from '../changes/index.js';
import type { DatabaseRef } from '../table/event-parts.js';
import { appendToTable, readTable } from '../table/stream.js';
import { managedOf, type Table } from '../table/table.js';
import { plannedStep } from './planned-steps.js';
import { doneEvent, failed, keyOf, look, type ChangePorts } from './table-change-saga.js';

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
  step: ChangeStep<Plan>;
  way: 'apply' | 'compensate' | 'finalize';
}
/** `way`: of a step that history has taken already. */
type Planned = Plan & { way?: Lacking['way'] };

const EVERYTHING = 1_000_000;

export function databaseChangeSaga(ports: ChangePorts): SagaDefinition<DatabaseChange, Planned> {
  const tablesOf = (saga: Saga<DatabaseChange, Planned>): Promise<Table[]> =>
    Promise.all(saga.change.tables.map(({ table_id }) => knownTable(ports, table_id)));
  return {
    async judge(saga) {
      const tables = await tablesOf(saga);
      if (tables.some((table) => table.pending[0]?.saga_id !== saga.saga_id)) return { verdict: 'wait' };
      return tables.length === 0 ? { verdict: 'nothing_to_do' } : { verdict: 'go' };
    },
    async prepare(saga, step) {
      const { kind, database } = saga.change;
      const connection = await ports.connect(step.target.id);
      const tables = await tablesOf(saga);
      if (kind === 'database.adopt') return prepareAdoption(connection, saga, tables, ports);
      const open = await lacking(ports, connection, database.id);
      const own = open.filter((one) => tables.some((table) => table.table_id === one.step.plan.table_id));
      return { steps: own.map(redo), fingerprint: fingerprint(null), reversible_seconds: null };
    },
    async apply(_saga, step, token) {
      return applyStep(await ports.connect(step.target.id), step.plan, keyOf(ports, step, token), ports.limits);
    },
    async compensate(_saga, step, token) {
      return compensateStep(await ports.connect(step.target.id), step.plan, keyOf(ports, step, token));
    },
    /** What history has done already: it is done here too, however long it takes, and is never undone. */
    async finalize(_saga, step, token) {
      const connection = await ports.connect(step.target.id);
      const plan = step.plan;
      const key = keyOf(ports, step, token);
      if (plan.way === 'compensate') return compensateStep(connection, plan, key);
      if (plan.way === 'finalize') return finalizeStep(connection, plan, key);
      // What was converted elsewhere long ago is not too large now.
      return applyStep(connection, plan, key, { maxRewriteRows: Number.MAX_SAFE_INTEGER });
    },
    look: (_saga, step, claim) => look(ports, step, claim),
    async ending(saga, end, error, at): Promise<Append[]> {
      const keptUntil = new Date(at + ports.retentionSeconds * 1000).toISOString();
      return (await tablesOf(saga)).map((table) => {
        const event =
          end === 'completed' ? doneEvent(table, saga, ownChange(table, saga), keptUntil) : failed(saga, end, error);
        return appendToTable(table, event);
      });
    },
  };
}

async function knownTable(ports: ChangePorts, tableId: string): Promise<Table> {
  const table = await readTable(ports.store, tableId);
  if (table === null) throw new Error(`a saga changes the table ${tableId}, which is not there`);
  return table;
}

/** What a saga is to one of its tables. */
function ownChange(table: Table, saga: Saga): Change {
  const asked = table.pending.find((pending) => pending.saga_id === saga.saga_id);
  if (asked === undefined) throw new Error(`saga ${saga.saga_id} is not pending on table ${table.table_id}`);
  return asked.change;
}

async function prepareAdoption(
  connection: Connection,
  saga: Saga,
  tables: Table[],
  ports: ChangePorts,
): Promise<Prepared<Planned>> {
  const steps: PlannedStep<Planned>[] = [];
  let first: string | null = null;
  for (const table of tables) {
    const change = ownChange(table, saga);
    if (change.kind !== 'database.adopt') throw new Error(`${table.table_id} is not to be adopted`);
    const { plans, fingerprint } = await preparePlans(
      connection,
      table.table_id,
      [{ do: 'adopt', table: table.name, columns: change.columns }],
      managedOf(change),
      ports.limits,
    );
    steps.push(...plans.map(({ stepId, plan }) => plannedStep(stepId, plan, 'apply')));
    first ??= fingerprint;
  }
  return { steps, fingerprint: first!, reversible_seconds: null };
}

function redo({ step, way }: Lacking): PlannedStep<Planned> {
  const plan: Planned = { ...step.plan, way };
  return {
    ...plannedStep(step.step_id, plan, 'finalize'),
    reason: `${way === 'compensate' ? 'undo' : 'do'} what history has done: ${step.reason}`,
    statements: way === 'compensate' ? step.compensation : step.statements,
    compensation: [],
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
  const done = await stepsDone(connection);
  const has = (step: ChangeStep<Plan>, direction: Lacking['way']): boolean =>
    done.get(step.step_id)?.has(direction) === true;
  const sagas = (
    await listSagas<Change | DatabaseChange, Plan>(ports.core, { target_id: databaseId, limit: EVERYTHING })
  )
    .map(({ saga }) => saga)
    .reverse();
  const open: Lacking[] = [];
  for (const saga of sagas) {
    // Another catch-up did no steps of its own.
    if (!isEnded(saga) || saga.kind === 'database.catch_up') continue;
    const steps = changeSteps(saga).filter((step) => step.target.id === databaseId);
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
