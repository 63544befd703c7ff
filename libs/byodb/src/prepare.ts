import { v7 as uuid } from 'uuid';
import type { Connection, Engine, Session } from './engine.js';
import { DatabaseError } from './errors.js';
import { differences, drift } from './expectation.js';
import { findColumn, fingerprint, foldName, type LiveTable } from './live.js';
import { asideName, inTodaysNames, type Limits, type Plan } from './operation.js';
import type { Former } from './operations/alter-column.js';
import { staysInPlace, stayNote } from './operations/detach-column.js';
import { operationOf, type OperationKind } from './operations/index.js';
import { convertible, sameType, type Column } from './schema.js';

/** One thing to be done to a table, as libs/tables resolved it. */
export type Task =
  | { do: 'create_table'; table: string; columns: Column[] }
  | { do: 'drop_table'; table: string }
  | { do: 'rename_table'; table: string; to: string }
  | { do: 'add_column'; table: string; column: Column }
  | { do: 'drop_column'; table: string; name: string }
  | { do: 'rename_column'; table: string; name: string; to: string }
  | { do: 'alter_column'; table: string; from: Column; to: Column; former?: Former }
  | { do: 'adopt'; table: string; columns: Column[] | null }
  | { do: 'restore_table'; table: string; to: string; former: LiveTable }
  | {
      do: 'restore_column';
      others?: LiveTable[];
      table: string;
      aside: string;
      column: Column;
      former: LiveTable;
      after: string | null;
      key?: string[];
    };

/**
 * Something set aside: a table, or a column of `table` that may have been taken out of it. `column`: of a table that is
 * not there itself any more, so that only what was taken out is to be found.
 */
export interface Aside {
  aside: string;
  table: string | null;
  column?: true;
}

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

/**
 * Looks at the live database, locks nothing, and promises: plans for all tasks in order, each against what the ones
 * before it will leave. Throws DatabaseError for what can be known beforehand.
 */
export async function preparePlans(
  connection: Connection,
  tableId: string,
  tasks: Task[],
  columns: Column[],
  limits: Limits,
): Promise<{ plans: Planned[]; fingerprint: string }> {
  return connection.look(async (session) => {
    const name = tasks[0]!.table;
    const found = await session.introspect(name);
    const plans: Planned[] = [];
    const checks: (() => Promise<void>)[] = [];
    let live = found;
    let managed = columns;
    const [first] = tasks as [Task];
    const isNew =
      first.do === 'create_table' || first.do === 'restore_table' || (first.do === 'adopt' && first.columns === null);
    const standing = new Map<string, Standing>();
    if (!isNew) {
      const differs = await differences(connection.engine, session, [{ table: name, columns }]);
      if (differs.length > 0) throw drift(differs);
    }
    const back: LiveTable[] = [];
    for (const [place, given] of detachedLast(tasks, found)) {
      const task: Task =
        given.do === 'restore_table' || given.do === 'restore_column'
          ? { ...given, former: await inTodaysNames(session, given.former) }
          : given;
      if (task.do === 'restore_column') {
        if (back.length > 0) task.others = [...back];
        back.push(task.former);
      }
      // Taken out of the table since it was set aside, or still in its place.
      const kept =
        task.do === 'restore_column' && live !== null && findColumn(live, task.aside) === undefined
          ? await session.introspect(task.aside)
          : null;
      for (const { kind, params, stepId } of expand(task, connection.engine, live, kept)) {
        const op = operationOf(kind);
        const { live: left, ...draft } = op.plan(params, live, {
          engine: connection.engine,
          tableId,
          stepId,
          columns: managed,
        });
        const plan: Plan = { ...draft, operation: kind, params, table_id: tableId, was: live };
        const [before, column] = [live, columnIn(plan)];
        const now = column === null ? undefined : standing.get(foldName(column));
        checks.push(async () =>
          now === undefined
            ? op.check?.(session, plan, before, limits, connection.engine.ddl)
            : checkAhead(session, plan, now, found, limits, connection.engine),
        );
        plans.push({ stepId, plan, task: place });
        live = left;
        managed = plan.columns_after;
      }
      if (task.do === 'rename_column')
        standing.set(foldName(task.to), standing.get(foldName(task.name)) ?? { name: task.name, kept: null });
      if (task.do === 'restore_column') standing.set(foldName(task.column.name), { name: task.aside, kept });
    }
    for (const check of checks) await check();
    plans.push(
      ...(await detachments(session, connection.engine, plans, live, {
        tableId,
        name,
        columns: managed,
        limits,
        there: found !== null,
      })),
    );
    await session.rehearse?.(thereAndBack(plans));
    const { plan } = plans[0]!;
    const differs = tasks[0]!.do === 'create_table' ? [] : await differences(connection.engine, session, plan.before);
    if (differs.length > 0) throw drift(differs);
    return { plans, fingerprint: fingerprint(found) };
  });
}

/**
 * Columns that still stand in their table come back before those that were taken out do: these find their values by the
 * key, of which those may be members.
 */
function detachedLast(tasks: readonly Task[], found: LiveTable | null): [place: number, task: Task][] {
  const isBack = (task: Task | undefined): boolean => task?.do === 'restore_column';
  const stands = (task: Task): boolean =>
    task.do === 'restore_column' && found !== null && findColumn(found, task.aside) !== undefined;
  const ordered = [...tasks.entries()];
  for (let i = 0; i < tasks.length; i += 1) {
    if (!isBack(tasks[i]) || isBack(tasks[i - 1])) continue;
    let end = i;
    while (isBack(tasks[end])) end += 1;
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

interface Left {
  tableId: string;
  name: string;
  columns: Column[];
  limits: Limits;
  there: boolean;
}

/**
 * What takes the columns that these plans set aside out of the table, as it will be when all of them are done. A column
 * that must stay is told of in its own plan.
 */
async function detachments(
  session: Session,
  engine: Engine,
  plans: readonly Planned[],
  after: LiveTable | null,
  { tableId, name, columns, limits, there }: Left,
): Promise<Planned[]> {
  const more: Planned[] = [];
  let live = after;
  for (const { stepId: dropped, plan, task } of plans.filter((p) => p.plan.operation === 'drop_column')) {
    if (live === null || !there) continue;
    const [aside, column] = [asideName(dropped), (plan.params as { name: string }).name];
    const reason = await staysInPlace(session, engine, live, aside, engine.ddl.quote(name), limits);
    if (reason === 'hidden') continue;
    if (reason !== null) {
      plan.notes = [...(plan.notes ?? []), stayNote(live.name, column, reason)];
      continue;
    }
    const stepId = uuid();
    const params = { table: live.name, aside, name: column, step_id: stepId };
    const { live: left, ...draft } = operationOf('detach_column').plan(params, live, {
      engine,
      tableId,
      stepId,
      columns,
    });
    more.push({
      stepId,
      task,
      phase: 'finalize',
      plan: { ...draft, operation: 'detach_column', params, table_id: tableId, was: live },
    });
    live = left;
  }
  return more;
}

/**
 * Where a column that an earlier task renames or brings back stands until that has run: under which name, or as the
 * values of a table of its own.
 */
interface Standing {
  name: string;
  kept: LiveTable | null;
}

type ColumnPlan = Plan<{ name: string; from: Column; to: Column; lost: string | null }>;

/** The column that a step alters, renames or drops; null: another kind of step. */
function columnIn(plan: Plan): string | null {
  const { params, operation: kind } = plan as ColumnPlan;
  if (kind === 'alter_column') return params.from.name;
  return kind === 'rename_column' || kind === 'drop_column' ? params.name : null;
}

/**
 * Prepare looks before any step has run: under the new name there would be no such column yet, or one that goes. Told
 * in the name that the caller knows.
 */
async function checkAhead(
  session: Session,
  plan: Plan,
  { name, kept }: Standing,
  found: LiveTable | null,
  limits: Limits,
  engine: Engine,
): Promise<void> {
  const { check } = operationOf(plan.operation);
  const { params } = plan as ColumnPlan;
  const { quote, lost } = engine.ddl;
  // Nothing but its values is there: what refuses a column by what hangs on it is looked at by what brings it back.
  if (kept !== null && plan.operation !== 'alter_column') return;
  try {
    if (plan.operation !== 'alter_column')
      return await check?.(session, { ...plan, params: { ...params, name } }, found, limits, engine.ddl);
    const quoted = quote(kept === null ? name : 'v');
    const place = kept === null ? { from: { ...params.from, name } } : { quotedTable: quote(kept.name) };
    const seen = {
      ...plan,
      params: { ...params, ...place, quoted, lost: params.lost === null ? null : lost(params.from, params.to, quoted) },
    };
    await check?.(session, seen, found, limits, engine.ddl);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    throw new DatabaseError(error.code, error.message.replaceAll(name, columnIn(plan)!), {
      retryable: error.retryable,
      outcome: error.outcome,
      details: error.details,
      cause: error,
    });
  }
}

/** Plans that destroy what was set aside, each against the database as it is; locks nothing. */
export async function preparePurge(
  connection: Connection,
  tableId: string,
  asides: Aside[],
): Promise<{ plans: { stepId: string; plan: Plan }[]; fingerprint: string }> {
  return connection.look(async (session) => {
    const plans: { stepId: string; plan: Plan }[] = [];
    let first: LiveTable | null = null;
    for (const { aside, table: place, column } of asides) {
      const stepId = uuid();
      // A column that was taken out of its table is a table by now.
      const detached = column === undefined && place === null ? null : await session.introspect(aside);
      if (column === true && detached === null) continue;
      const table = detached === null ? place : null;
      const params = { aside, table, step_id: stepId };
      const was = detached ?? (await session.introspect(table ?? aside));
      first ??= was;
      const { live: _left, ...draft } = operationOf('purge').plan(params, was, {
        engine: connection.engine,
        tableId,
        stepId,
        columns: [],
      });
      plans.push({ stepId, plan: { ...draft, operation: 'purge', params, table_id: tableId, was: null } });
    }
    return { plans, fingerprint: fingerprint(first) };
  });
}

function expand(
  task: Task,
  engine: Engine,
  live: LiveTable | null,
  kept: LiveTable | null,
): { kind: OperationKind; params: unknown; stepId: string }[] {
  const stepId = uuid();
  if (task.do === 'add_column')
    return [{ kind: task.do, params: { ...task, step_id: stepId, quotedTable: engine.ddl.quote(task.table) }, stepId }];
  if (task.do === 'restore_column' && kept !== null)
    return [{ kind: 'reattach_column', params: { ...task, kept }, stepId }];
  if (task.do === 'restore_column')
    return [
      {
        kind: task.do,
        params: { ...task, quotedTable: engine.ddl.quote(task.table), quotedAside: engine.ddl.quote(task.aside) },
        stepId,
      },
    ];
  if (task.do !== 'alter_column') return [{ kind: task.do, params: { ...task, step_id: stepId }, stepId }];
  const { table, from, to } = task;
  if (!convertible(from.type, to.type))
    throw new DatabaseError('unsupported_change', `${from.type} cannot become ${to.type}`);
  const quoted = engine.ddl.quote(from.name);
  const rewrites = !sameType(from, to) && !engine.ddl.metadataOnly(from, to);
  const keepId = rewrites && live !== null && live.primaryKey.length > 0 && !from.primary_key ? uuid() : null;
  const alter = {
    kind: 'alter_column' as const,
    stepId,
    params: {
      table,
      from,
      to,
      ...(task.former === undefined ? {} : { former: task.former }),
      step_id: stepId,
      quoted,
      quotedTable: engine.ddl.quote(table),
      lost: rewrites ? engine.ddl.lost(from, to, quoted) : null,
      // Elsewhere the statement itself refuses what would be bent. MySQL rounds a number without a word, and MariaDB
      // takes `CHECK (json_valid(…))` with MODIFY for granted.
      lostBack:
        engine.facts.transactionalDdl || sameType(from, to) || engine.ddl.metadataOnly(to, from)
          ? null
          : engine.ddl.lost(to, from, quoted),
      keep: keepId === null ? null : asideName(keepId),
    },
  };
  return keepId === null
    ? [alter]
    : [{ kind: 'keep_values', params: { table, name: from.name, step_id: keepId }, stepId: keepId }, alter];
}
