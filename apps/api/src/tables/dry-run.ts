import {
  DatabaseError,
  type Engine,
  preparePlans,
  setAsideBy,
  type Limits,
  type Managed,
  type Plan,
  type Task,
} from '#byodb';
import type { CoreClock, CoreDatabase, EventStore } from '#event-store';
import {
  changeOf,
  outlook,
  pastOf,
  purgePlans,
  standing,
  tasksFor,
  typeOf,
  type Change,
  type DatabaseRef,
  type Past,
  type RequestEvent,
  type Table,
} from '#tables';
import type { Databases } from '../databases/databases.js';

export interface DryRunPorts {
  core: CoreDatabase;
  store: EventStore;
  clock: CoreClock;
  databases: Databases;
  limits: Limits;
  retentionSeconds: number;
}

/** What was found for one database. `keeps`: whether something would be set aside there. */
interface Looked {
  steps: object[];
  blocked: { code: string; message: string; database: string } | null;
  keeps: boolean;
}

/** The body of a dry run's answer: the plan that a change would have, after every change that is pending. */
export async function dryRun(
  ports: DryRunPorts,
  event: RequestEvent,
  databases: DatabaseRef[],
  table: Table,
): Promise<object> {
  const change = changeOf(event);
  const foreseen = outlook(table);
  const ahead = { ...table, ...foreseen, exists: !foreseen.dropped };
  const nothing = typeOf(change).judge(ahead, change).do === 'nothing';
  const looked = await Promise.all(databases.map((ref) => look(ports, { change, table, ahead, nothing }, ref)));
  const blocked = looked.find((l) => l.blocked !== null)?.blocked ?? null;
  const plan = {
    based_on: { version: table.version, pending: table.pending.length },
    steps: looked.flatMap((l) => l.steps),
    ...wayBack(ports, change, looked, blocked !== null),
    blocked_by: blocked,
  };
  return { plan };
}

/** Every operation of the plan was planned with its way back; what will not be done has none. */
function wayBack(
  { clock, retentionSeconds }: DryRunPorts,
  change: Change,
  looked: Looked[],
  isBlocked: boolean,
): object {
  if (typeOf(change).isForGood(change)) return { reversible: false, reversible_until: null };
  if (isBlocked) return { reversible: null, reversible_until: null };
  const until = new Date(clock.now() + retentionSeconds * 1000).toISOString();
  return { reversible: true, reversible_until: looked.some((l) => l.keeps) ? until : null };
}

/** `ahead`: the table once every pending change is done. `nothing`: the change would then alter nothing. */
interface Asked {
  change: Change;
  table: Table;
  ahead: Table;
  nothing: boolean;
}

async function look(ports: DryRunPorts, asked: Asked, database: DatabaseRef): Promise<Looked> {
  try {
    return await plannedIn(ports, asked, database);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    const blocked = { code: error.code, message: error.message, database: database.name };
    return { steps: [], blocked, keeps: false };
  }
}

async function plannedIn(ports: DryRunPorts, asked: Asked, database: DatabaseRef): Promise<Looked> {
  const past = pastOf(ports.core, ports.store);
  const { change, table, ahead, nothing } = asked;
  const connection = await ports.databases.connect(database.id);
  const destroyed = typeOf(change).destroys(change);
  if (destroyed.length > 0) {
    const { plans } = await purgePlans(past, connection, { table, databaseId: database.id }, destroyed);
    return { blocked: null, keeps: false, steps: plans.map(({ plan }) => stepView(database, plan, [])) };
  }
  const tasks = nothing ? [] : await tasksFor(past, change, { table: ahead, databaseId: database.id });
  if (tasks.length === 0) return { steps: [], blocked: null, keeps: false };
  const before = await tasksBefore(past, table, database.id);
  const found = standingNow(table, change, database.id);
  const { plans } = await preparePlans(connection, table.table_id, [...before, ...tasks], found, ports.limits);
  const own = plans.filter(({ task }) => task >= before.length).map(({ plan }) => plan);
  const steps = own.map((plan) => stepView(database, plan, notesOn(plan, connection.engine)));
  return { blocked: null, steps, keeps: own.some((plan) => setAsideBy(plan) !== null) };
}

/** What the pending changes will do in one database first. */
async function tasksBefore(past: Past, table: Table, databaseId: string): Promise<Task[]> {
  const tasks: Task[] = [];
  let then = table;
  let lives = table.databases.some((d) => d.id === databaseId);
  for (const pending of table.pending) {
    const { change } = pending;
    // What comes before it is built there is not done there, and what stands there is only looked at.
    const type = typeOf(change);
    const isBuilt = type.bringsTo(change).some((database) => database.id === databaseId);
    if ((lives || isBuilt) && !type.isOfDatabase)
      tasks.push(...(await tasksFor(past, change, { table: { ...then, exists: true }, databaseId })));
    lives ||= isBuilt;
    then = { ...then, ...outlook({ ...then, pending: [pending] }) };
  }
  return tasks;
}

/** What is managed of the table in one database now, before any pending change. */
function standingNow(table: Table, change: Change, databaseId: string): Managed {
  const lives = table.databases.some((d) => d.id === databaseId);
  return standing(lives ? (table.pending[0]?.change ?? change) : change, { table, databaseId });
}

interface Note {
  column: string | null;
  note: string;
}

function notesOn(plan: Plan, engine: Engine): Note[] {
  const { name = null } = plan.params as { name?: string };
  const own = (plan.notes ?? []).map((note) => ({ column: name, note }));
  const ofColumns = plan.columns_after.flatMap((column) => {
    const note = engine.note(column);
    return note === null ? [] : [{ column: column.name, note }];
  });
  return [...own, ...ofColumns];
}

function stepView(database: DatabaseRef, plan: Plan, notes: Note[]): object {
  return {
    database: database.name,
    engine: database.engine,
    operation: plan.operation,
    reason: plan.reason,
    statements: plan.statements,
    compensation: plan.compensation,
    notes,
  };
}
