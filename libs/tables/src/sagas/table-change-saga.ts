import type { Append, CoreDatabase, EventStore } from '#event-store';
import {
  applyStep,
  compensateStep,
  DatabaseError,
  finalizeStep,
  checkClaim,
  preparePlans,
  setAsideBy,
  type Connection,
  type Limits,
  type Plan,
  type StepKey,
} from '#byodb';
import type { ChangeStep, Saga, SagaDefinition, StepError } from '#sagas';
import { typeOf, type Change, type TableEvent } from '../changes/index.js';
import { MOVED_ON } from '../changes/change-type.js';
import { pointAt } from '../history/snapshots.js';
import { appendToTable } from '../table/stream.js';
import type { Table } from '../table/table.js';
import { pastOf } from './past.js';
import { plannedStep, purgePlans, standing, tasksFor } from './planned-steps.js';

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
export function tableChangeSaga(ports: ChangePorts): SagaDefinition<Change, Plan> {
  const past = pastOf(ports.core, ports.store);
  const tableOf = async ({ subject_id: id }: { subject_id: string }): Promise<Table> => {
    const point = await pointAt(ports.core, ports.store, id, {});
    if (point === null) throw new Error(`a saga changes the table ${id}, which is not there`);
    return point.table;
  };
  return {
    async judge(saga) {
      const table = await tableOf(saga);
      // What concerns a whole database came first.
      if (table.pending[0]?.saga_id !== saga.saga_id) return { verdict: 'wait' };
      const { change } = saga;
      const judged = typeOf(change).judge(table, change);
      if (judged.do === 'refuse') return refused(judged.reason);
      if (judged.do === 'go' && isSentElsewhere(saga, change, table)) return refused(MOVED_ON);
      const contradiction = await typeOf(change).contradiction(change, table, past);
      if (contradiction !== null) return refused(contradiction);
      return { verdict: judged.do === 'go' ? 'go' : 'nothing_to_do' };
    },
    async prepare(saga, step) {
      const place = { table: await tableOf(saga), databaseId: step.target.id };
      const { change } = saga;
      const connection = await ports.connect(step.target.id);
      const destroyed = typeOf(change).destroys(change);
      if (destroyed.length > 0) {
        const { plans, fingerprint } = await purgePlans(past, connection, place, destroyed);
        const steps = plans.map(({ stepId, plan }) => plannedStep(stepId, plan, 'finalize'));
        return { steps, fingerprint, reversible_seconds: null };
      }
      const tasks = await tasksFor(past, change, place);
      const { plans, fingerprint } = await preparePlans(
        connection,
        place.table.table_id,
        tasks,
        standing(change, place),
        ports.limits,
      );
      const steps = plans.map(({ stepId, plan, phase }) => plannedStep(stepId, plan, phase ?? 'apply'));
      const leaves = plans.some(({ plan }) => setAsideBy(plan) !== null);
      return { steps, fingerprint, reversible_seconds: leaves ? ports.retentionSeconds : null };
    },
    async apply(_saga, step, token) {
      return applyStep(await ports.connect(step.target.id), step.plan, keyOf(ports, step, token), ports.limits);
    },
    async compensate(_saga, step, token) {
      return compensateStep(await ports.connect(step.target.id), step.plan, keyOf(ports, step, token));
    },
    async finalize(_saga, step, token) {
      return finalizeStep(await ports.connect(step.target.id), step.plan, keyOf(ports, step, token));
    },
    look: (_saga, step, claim) => look(ports, step, claim),
    async ending(saga, end, error, at): Promise<Append[]> {
      const table = await tableOf(saga);
      const keptUntil = new Date(at + ports.retentionSeconds * 1000).toISOString();
      const event = end === 'completed' ? doneEvent(table, saga, saga.change, keptUntil) : failed(saga, end, error);
      return [appendToTable(table, event)];
    },
  };
}

/** How a step is known in the ledger of its database. */
export function keyOf(ports: ChangePorts, step: ChangeStep<Plan>, token: number): StepKey {
  return {
    stepId: step.step_id,
    token,
    lockTimeoutMs: ports.lockTimeoutMs,
    slots: ports.slots,
    applied: step.phase !== 'finalize' && step.fingerprint_after !== null,
  };
}

/** Looks whether a step has done, or undone, what somebody says of it. Null: the database is out of reach. */
export async function look(
  ports: ChangePorts,
  step: ChangeStep<Plan>,
  claim: 'applied' | 'restored',
): Promise<string | null> {
  try {
    const { differs, fingerprint } = await checkClaim(await ports.connect(step.target.id), step.plan, claim);
    const [first] = differs;
    if (first === undefined) return fingerprint;
    const { table, column, expected, found } = first;
    throw new Error(`${column === null ? table : `${table}.${column}`}: expected ${expected}, found ${found}`);
  } catch (error) {
    // Out of reach: the operator's word is all there is.
    if (error instanceof DatabaseError && error.code === 'database_unreachable') return null;
    throw error;
  }
}

function refused(message: string): { verdict: 'refuse'; error: StepError } {
  return { verdict: 'refuse', error: { code: 'invalid_in_turn', message, database: null, step_id: null } };
}

/** Sent before the table moved: it would miss a database, or meet one where the table is not. */
function isSentElsewhere(saga: Saga<Change, Plan>, change: Change, table: Table): boolean {
  if (typeOf(change).choosesDatabases) return false;
  const sent = saga.steps.filter((step) => step.phase === 'prepare').map((step) => step.target.id);
  const lives = table.databases.map((database) => database.id);
  return sent.sort().join() !== lives.sort().join();
}

/** The event that tells that a saga has done its change of a table. */
export function doneEvent(table: Table, saga: Saga<object, Plan>, change: Change, keptUntil: string): TableEvent {
  const reversibleUntil = saga.reversible_seconds === null ? null : keptUntil;
  return typeOf(change).outcome({ table, change, saga, keptUntil, reversibleUntil });
}

/** The event that tells that a saga has not done its change. */
export function failed({ saga_id, kind }: Saga, end: 'compensated' | 'rejected', error: StepError | null): TableEvent {
  if (error === null) throw new Error(`saga ${saga_id} is ${end} without a reason`);
  return { type: end === 'rejected' ? 'ChangeRejected' : 'ChangeCompensated', saga_id, kind, error };
}
