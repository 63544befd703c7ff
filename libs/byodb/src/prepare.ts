import { v7 as uuid } from 'uuid';
import type { Connection, Engine } from './engine.js';
import { DatabaseError } from './errors.js';
import { differences, drift, type Expectation } from './expectation.js';
import { findColumn, fingerprint, foldName, type LiveTable } from './live.js';
import {
  planOf,
  stepOf,
  type CheckContext,
  type Expansion,
  type Limits,
  type Plan,
  type Standing,
  type Step,
  type TaskContext,
} from './operation.js';
import { operationOf, type Task } from './operations/index.js';
import type { Managed } from './schema/table-index.js';
import type { Session } from './session.js';

/**
 * `task`: which of the tasks it comes from. `phase`: `finalize` for what only comes when every database has done the
 * rest.
 */
export interface Planned {
  stepId: string;
  plan: Plan;
  task: number;
  phase?: 'finalize';
}

/** A change of one table in one database, and the table as it was found. */
interface Change {
  tableId: string;
  tasks: Task[];
  managed: Managed;
  found: LiveTable | null;
}

/** Plans for all tasks, what has to be looked at for each of them, and the table as they will leave it. */
interface Outcome {
  plans: Planned[];
  checks: (() => Promise<void>)[];
  live: LiveTable | null;
  managed: Managed;
}

/**
 * Looks at the live database, locks nothing, and promises: plans for all tasks in order, each against what the ones
 * before it will leave. `managed`: what stands there before the first one. Throws DatabaseError for what can be known
 * beforehand.
 */
export async function preparePlans(
  connection: Connection,
  tableId: string,
  tasks: Task[],
  managed: Managed,
  limits: Limits,
): Promise<{ plans: Planned[]; fingerprint: string }> {
  const [first] = tasks;
  if (first === undefined) throw new Error('a change has at least one task');
  const [{ engine }, opening] = [connection, operationOf(first.do)];
  return connection.look(async (session) => {
    const context = { session, engine, limits };
    const found = await session.introspect(first.table);
    if (opening.meetsNoTable?.(first) !== true)
      await refuseDrift(engine, session, [{ table: first.table, ...managed }]);
    const outcome = await planTasks(context, { tableId, tasks, managed, found });
    for (const check of outcome.checks) await check();
    const more = found === null ? [] : await followUps(context, tableId, first.table, outcome);
    const plans = [...outcome.plans, ...more];
    await session.rehearse?.(thereAndBack(plans));
    // A name that its check has found free needs no second look.
    if (opening.refusesTaken !== true) await refuseDrift(engine, session, plans[0]?.plan.before ?? []);
    return { plans, fingerprint: fingerprint(found) };
  });
}

async function refuseDrift(engine: Engine, session: Session, expected: Expectation[]): Promise<void> {
  const differs = await differences(engine, session, expected);
  if (differs.length > 0) throw drift(differs);
}

async function planTasks(context: CheckContext, { tableId, tasks, managed, found }: Change): Promise<Outcome> {
  const { session, engine } = context;
  const outcome: Outcome = { plans: [], checks: [], live: found, managed };
  const places = new Map<string, Standing>();
  const standing = (column: string): Standing | undefined => places.get(foldName(column));
  const back: LiveTable[] = [];
  for (const [place, task] of detachedLast(tasks, found)) {
    const { live } = outcome;
    const expansion = await expand(task, { session, engine, live, standing, back, newStepId: uuid });
    for (const step of expansion.steps) {
      const was = outcome.live;
      const { plan, live: left } = planOf(step, was, { engine, tableId, ...outcome.managed });
      const column = step.operation.columnOf?.(step.params);
      const stands = column === undefined ? undefined : standing(column);
      outcome.checks.push(async () =>
        column === undefined || stands === undefined
          ? step.operation.check?.(context, plan, was)
          : checkAhead(step, plan, column, { ...context, stands }, found),
      );
      outcome.plans.push({ stepId: step.stepId, plan, task: place });
      outcome.live = left;
      outcome.managed = { columns: plan.columns_after, indexes: plan.indexes_after ?? [] };
    }
    if (expansion.standing !== undefined) places.set(foldName(expansion.standing.column), expansion.standing.at);
    if (expansion.back !== undefined) back.push(expansion.back);
  }
  return outcome;
}

async function expand(task: Task, context: TaskContext): Promise<Expansion> {
  const operation = operationOf(task.do);
  if (operation.expand !== undefined) return operation.expand(task, context);
  const stepId = context.newStepId();
  return { steps: [stepOf(operation, { ...task, step_id: stepId }, stepId)] };
}

/**
 * Columns that still stand in their table come back before those that were taken out do: these find their values by the
 * key, of which those may be members.
 */
function detachedLast(tasks: readonly Task[], found: LiveTable | null): [place: number, task: Task][] {
  const broughtBack = (task: Task | undefined): string | undefined =>
    task === undefined ? undefined : operationOf(task.do).bringsBack?.(task);
  const stands = (task: Task): boolean => {
    const aside = broughtBack(task);
    return aside !== undefined && found !== null && findColumn(found, aside) !== undefined;
  };
  const ordered = [...tasks.entries()];
  for (let i = 0; i < tasks.length; i += 1) {
    if (broughtBack(tasks[i]) === undefined || broughtBack(tasks[i - 1]) !== undefined) continue;
    let end = i;
    while (broughtBack(tasks[end]) !== undefined) end += 1;
    const run = ordered.slice(i, end);
    ordered.splice(
      i,
      run.length,
      ...run.filter(([, task]) => stands(task)),
      ...run.filter(([, task]) => !stands(task)),
    );
  }
  return ordered;
}

/**
 * All that these plans may run: there, back as a compensation goes, and there again with what comes behind the pivot.
 */
function thereAndBack(plans: readonly Planned[]): string[] {
  const applied = plans.filter((p) => p.phase !== 'finalize');
  const there = applied.flatMap(({ plan }) => plan.statements);
  const back = [...applied].reverse().flatMap(({ plan }) => plan.compensation);
  return [
    ...there,
    ...back,
    ...there,
    ...plans.filter((p) => p.phase === 'finalize').flatMap(({ plan }) => plan.statements),
  ];
}

/**
 * What comes behind the pivot, against the table as it will be when all of these plans are done. Why none comes is told
 * in the plan that it would follow.
 */
async function followUps(
  { session, engine, limits }: CheckContext,
  tableId: string,
  table: string,
  { plans, live: after, managed }: Outcome,
): Promise<Planned[]> {
  const more: Planned[] = [];
  let live = after;
  for (const { plan, task } of plans) {
    if (live === null) break;
    const context = { session, engine, limits, table, newStepId: uuid };
    const next = await operationOf(plan.operation).follow?.(context, plan, live);
    if (next == null) continue;
    if ('note' in next) {
      plan.notes = [...(plan.notes ?? []), next.note];
      continue;
    }
    const made = planOf(next.step, live, { engine, tableId, ...managed });
    more.push({ stepId: next.step.stepId, task, phase: 'finalize', plan: made.plan });
    live = made.live;
  }
  return more;
}

/**
 * Prepare looks before any step has run: under the new name there would be no such column yet, or one that goes. Told
 * in the name that the caller knows.
 */
async function checkAhead(
  { operation }: Step,
  plan: Plan,
  column: string,
  context: CheckContext & { stands: Standing },
  found: LiveTable | null,
): Promise<void> {
  try {
    await operation.check?.(context, plan, found);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    throw new DatabaseError(error.code, error.message.replaceAll(context.stands.name, column), {
      retryable: error.retryable,
      outcome: error.outcome,
      details: error.details,
      cause: error,
    });
  }
}
