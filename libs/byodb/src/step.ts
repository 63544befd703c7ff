import { v7 as uuid } from 'uuid';
import type { Connection, Direction, Engine, LedgerRow, Session } from './engine.js';
import { DatabaseError } from './errors.js';
import { differences, drift, type Difference, type Expectation } from './expectation.js';
import { findColumn, fingerprint, foldName, type LiveTable } from './live.js';
import { asideName, inTodaysNames, type Limits, type Operation, type Plan } from './operation.js';
import { staysInPlace, stayNote } from './operations/detach-column.js';
import type { Former } from './operations/alter-column.js';
import { operations, type OperationKind } from './operations/index.js';
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
export interface Aside { aside: string; table: string | null; column?: true }

/** `task`: which of the tasks it comes from. `phase`: `finalize` for what only comes when every database has done the rest. */
export interface Planned { stepId: string; plan: Plan; task: number; phase?: 'finalize' }

export interface StepResult { fingerprint_before: string; fingerprint_after: string; statements: string[] }
/** `slots`: how many steps may run on this database at once, over all processes; undefined: any number. */
export interface StepKey { stepId: string; token: number; lockTimeoutMs: number; slots?: number }

function operation(kind: string): Operation<unknown> {
  return operations[kind as OperationKind];
}

/**
 * Looks at the live database, locks nothing, and promises: plans for all tasks in order, each against what the ones
 * before it will leave. Throws DatabaseError for what can be known beforehand.
 */
export async function preparePlans(connection: Connection, tableId: string, tasks: Task[], columns: Column[], limits: Limits): Promise<{ plans: Planned[]; fingerprint: string }> {
  return connection.look(async (session) => {
    const name = tasks[0]!.table;
    const found = await session.introspect(name);
    const plans: Planned[] = [];
    const checks: (() => Promise<void>)[] = [];
    let live = found;
    let managed = columns;
    const [first] = tasks as [Task];
    const isNew = first.do === 'create_table' || first.do === 'restore_table' || (first.do === 'adopt' && first.columns === null);
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
      const kept = task.do === 'restore_column' && live !== null && findColumn(live, task.aside) === undefined ? await session.introspect(task.aside) : null;
      for (const { kind, params, stepId } of expand(task, connection.engine, live, kept)) {
        const op = operation(kind);
        const { live: left, ...draft } = op.plan(params, live, { engine: connection.engine, tableId, stepId, columns: managed });
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
    plans.push(...await detachments(session, connection.engine, plans, live, { tableId, name, columns: managed, limits, there: found !== null }));
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

/** All that these plans may run: there, back as a compensation goes, and there again with what comes behind the pivot. */
function thereAndBack(plans: readonly Planned[]): string[] {
  const applied = plans.filter((p) => p.phase !== 'finalize');
  const there = applied.flatMap(({ plan }) => plan.statements);
  const back = [...applied].reverse().flatMap(({ plan }) => plan.compensation);
  return [...there, ...back, ...there, ...plans.filter((p) => p.phase === 'finalize').flatMap(({ plan }) => plan.statements)];
}

interface Left { tableId: string; name: string; columns: Column[]; limits: Limits; there: boolean }

/** What takes the columns that these plans set aside out of the table, as it will be when all of them are done. A column that must stay is told of in its own plan. */
async function detachments(session: Session, engine: Engine, plans: readonly Planned[], after: LiveTable | null, { tableId, name, columns, limits, there }: Left): Promise<Planned[]> {
  const more: Planned[] = [];
  let live = after;
  for (const { stepId: dropped, plan, task } of plans.filter((p) => p.plan.operation === 'drop_column')) {
    if (live === null || !there) continue;
    const [aside, column] = [asideName(dropped), (plan.params as { name: string }).name];
    const reason = await staysInPlace(session, engine, live, aside, engine.ddl.quote(name), limits);
    if (reason === 'hidden') continue;
    if (reason !== null) {
      plan.notes = [...plan.notes ?? [], stayNote(live.name, column, reason)];
      continue;
    }
    const stepId = uuid();
    const params = { table: live.name, aside, name: column, step_id: stepId };
    const { live: left, ...draft } = operation('detach_column').plan(params, live, { engine, tableId, stepId, columns });
    more.push({ stepId, task, phase: 'finalize', plan: { ...draft, operation: 'detach_column', params, table_id: tableId, was: live } });
    live = left;
  }
  return more;
}

/**
 * Where a column that an earlier task renames or brings back stands until that has run: under which name, or as the
 * values of a table of its own.
 */
interface Standing { name: string; kept: LiveTable | null }

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
  const { check } = operation(plan.operation);
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
export async function preparePurge(connection: Connection, tableId: string, asides: Aside[]): Promise<{ plans: { stepId: string; plan: Plan }[]; fingerprint: string }> {
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
      const was = detached ?? await session.introspect(table ?? aside);
      first ??= was;
      const { live: _left, ...draft } = operation('purge').plan(params, was, { engine: connection.engine, tableId, stepId, columns: [] });
      plans.push({ stepId, plan: { ...draft, operation: 'purge', params, table_id: tableId, was: null } });
    }
    return { plans, fingerprint: fingerprint(first) };
  });
}

function expand(task: Task, engine: Engine, live: LiveTable | null, kept: LiveTable | null): { kind: OperationKind; params: unknown; stepId: string }[] {
  const stepId = uuid();
  if (task.do === 'add_column') return [{ kind: task.do, params: { ...task, step_id: stepId, quotedTable: engine.ddl.quote(task.table) }, stepId }];
  if (task.do === 'restore_column' && kept !== null) return [{ kind: 'reattach_column', params: { ...task, kept }, stepId }];
  if (task.do === 'restore_column') return [{ kind: task.do, params: { ...task, quotedTable: engine.ddl.quote(task.table), quotedAside: engine.ddl.quote(task.aside) }, stepId }];
  if (task.do !== 'alter_column') return [{ kind: task.do, params: { ...task, step_id: stepId }, stepId }];
  const { table, from, to } = task;
  if (!convertible(from.type, to.type)) throw new DatabaseError('unsupported_change', `${from.type} cannot become ${to.type}`);
  const quoted = engine.ddl.quote(from.name);
  const rewrites = !sameType(from, to) && !engine.ddl.metadataOnly(from, to);
  const keepId = rewrites && live !== null && live.primaryKey.length > 0 && !from.primary_key ? uuid() : null;
  const alter = {
    kind: 'alter_column' as const, stepId,
    params: { table, from, to, ...(task.former === undefined ? {} : { former: task.former }), step_id: stepId, quoted, quotedTable: engine.ddl.quote(table), lost: rewrites ? engine.ddl.lost(from, to, quoted) : null,
      // Elsewhere the statement itself refuses what would be bent. MySQL rounds a number without a word, and MariaDB takes `CHECK (json_valid(…))` with MODIFY for granted.
      lostBack: engine.facts.transactionalDdl || sameType(from, to) || engine.ddl.metadataOnly(to, from) ? null : engine.ddl.lost(to, from, quoted), keep: keepId === null ? null : asideName(keepId) },
  };
  return keepId === null ? [alter] : [{ kind: 'keep_values', params: { table, name: from.name, step_id: keepId }, stepId: keepId }, alter];
}

/** Makes the step so, exactly once: ledger and catalog decide, never an error's text. Any number of calls, at once or after any crash. */
export async function applyStep(connection: Connection, plan: Plan, key: StepKey, limits: Limits): Promise<StepResult> {
  return run(connection, plan, key, 'apply', async (session, rows) => {
    // A compensation that has run closes the step: a late apply must not bring back what was undone.
    if (rows.compensate !== undefined) throw new DatabaseError('stale_token', 'the step was compensated already');
    return { skip: false, from: plan.before, to: plan.after, table: plan.table, check: (live) => operation(plan.operation).check?.(session, plan, live, limits, connection.engine.ddl) ?? Promise.resolve() };
  });
}

/** Puts back what the step did, if it did anything. */
export async function compensateStep(connection: Connection, plan: Plan, key: StepKey): Promise<StepResult> {
  try {
    return await undo(connection, plan, key);
  } catch (error) {
    // Not a conversion that somebody asked for: rows written meanwhile do not fit what is to come back. They wait to be mended.
    if (!(error instanceof DatabaseError) || error.code !== 'lossy_conversion') throw error;
    throw new DatabaseError('rows_conflict', `rows of ${plan.table} written meanwhile do not fit what is to come back: ${error.message}`, { details: error.details, cause: error });
  }
}

function undo(connection: Connection, plan: Plan, key: StepKey): Promise<StepResult> {
  return run(connection, plan, key, 'compensate', async (session, rows) => {
    const { apply } = rows;
    if (apply === undefined || apply.state === 'not_applied' || apply.state === 'nothing') return { skip: true };
    // Made by the step, and not what its plan foresaw: that is no reason to leave it. Nobody touched it since.
    if (
      apply.state === 'intended' &&
      apply.fingerprint_after !== null &&
      fingerprint(await session.introspect(plan.shown_after)) === apply.fingerprint_after
    ) {
      return { skip: false, from: [], to: plan.before, table: plan.table_after, check: () => Promise.resolve() };
    }
    // Intended and nothing more: the worker died around the statement. The catalog tells on which side, unless an undo has begun already.
    if (apply.state === 'intended' && rows.compensate?.state !== 'intended' && (await differences(connection.engine, session, plan.after)).length > 0) {
      const differs = await differences(connection.engine, session, plan.before);
      if (differs.length === 0) return { skip: true, tidies: true };
      if (await isOthers(session, plan)) return { skip: true };
      throw drift(differs);
    }
    // Done: the ledger says that it is ours, so a mark that the customer wrote over is no reason to refuse.
    const from = apply.state === 'done' ? plan.after.map(({ owner: _mark, ...expectation }) => expectation) : plan.after;
    return { skip: false, from, to: plan.before, table: plan.table_after, check: () => Promise.resolve() };
  });
}

/** Destroys. Any number of calls; never before the saga has passed every barrier. */
export async function finalizeStep(connection: Connection, plan: Plan, key: StepKey): Promise<StepResult> {
  return run(connection, plan, key, 'finalize', async () => ({ skip: false, from: [], to: plan.after, table: plan.table, check: () => Promise.resolve() }));
}

/** Whether the database stands as the step leaves it (`applied`) or as it found it (`restored`): what an operator claims, looked at. Lists where it does not. */
export async function lookAtClaim(connection: Connection, plan: Plan, as: 'applied' | 'restored'): Promise<{ differs: Difference[]; fingerprint: string }> {
  return connection.look(async (session) => ({
    differs: await differences(connection.engine, session, as === 'applied' ? plan.after : plan.before),
    fingerprint: fingerprint(await session.introspect(as === 'applied' ? plan.shown_after : plan.table)),
  }));
}

/** A creation that died around its statement: the table that stands there now is somebody else's unless it bears our mark. */
async function isOthers(session: Session, plan: Plan): Promise<boolean> {
  return plan.operation === 'create_table' && (await session.introspect(plan.table))?.owner !== plan.table_id;
}

/** `tidies`: some of the step's statements may have run all the same. */
type Way =
  | { skip: true; tidies?: true }
  | {
      skip: false;
      from: Expectation[];
      to: Expectation[];
      table: string;
      check: (live: LiveTable | null) => Promise<void>;
    };
type Rows = Partial<Record<Direction, LedgerRow>>;

async function run(connection: Connection, plan: Plan, key: StepKey, direction: Direction, decide: (session: Session, rows: Rows) => Promise<Way>): Promise<StepResult> {
  const { engine } = connection;
  return connection.exclusively({ tableId: plan.table_id, token: key.token, lockTimeoutMs: key.lockTimeoutMs, ...(key.slots === undefined ? {} : { slots: key.slots }) }, async (session) => {
    const rows: Rows = Object.fromEntries((await session.readLedger(key.stepId)).map((row) => [row.direction, row]));
    const done = rows[direction];
    if (done !== undefined && (done.state === 'done' || done.state === 'nothing')) return { fingerprint_before: done.fingerprint_before, fingerprint_after: done.fingerprint_after!, statements: done.statements };
    const shown = direction === 'compensate' ? [plan.shown_after, plan.table] : [plan.table, plan.shown_after];
    const record = async (state: LedgerRow['state'], before: string, after: string | null, statements: string[]): Promise<void> =>
      session.writeLedger({ step_id: key.stepId, direction, state, fingerprint_before: before, fingerprint_after: after, statements, recorded_at: new Date().toISOString() });
    const now = fingerprint(await session.introspect(shown[0]!));
    const way = await decide(session, rows);
    if (way.skip) {
      const statements = way.tidies === true ? await tidy(session, plan) : [];
      const was = fingerprint(await session.introspect(plan.table));
      await record('nothing', was, was, statements);
      return { fingerprint_before: was, fingerprint_after: was, statements };
    }
    const resumed = done?.state === 'intended';
    const began = resumed ? done.fingerprint_before : now;
    const differs = await differences(engine, session, way.from);
    const there = differs.length > 0 && resumed && (await differences(engine, session, way.to)).length === 0;
    if (differs.length > 0 && !there) throw drift(differs);
    const op = operation(plan.operation);
    // Before anything is touched, on an engine where the ledger cannot commit with the statement.
    if (!engine.facts.transactionalDdl && !resumed) await record('intended', began, null, direction === 'compensate' ? plan.compensation : plan.statements);
    let acted: string[] = [];
    try {
      if (!there) acted = await act(session, engine, op, plan, direction, way);
    } catch (error) {
      // Refused: on an engine without transactions say so, else a crash's look-up would have to guess.
      if (!engine.facts.transactionalDdl && error instanceof DatabaseError && error.outcome === 'not_applied') {
        if (direction === 'apply') await tidy(session, plan);
        await record('not_applied', began, began, []);
      }
      throw error;
    }
    const settle = await op.settle?.(session, plan, direction, engine.ddl) ?? [];
    for (const statement of settle) await session.run(statement);
    const statements = [...there ? done.statements : acted, ...settle];
    const left = await differences(engine, session, way.to);
    const ended = fingerprint(await session.introspect(shown[1]!));
    if (left.length > 0) {
      // Where it stays all the same: the undo knows by this that it is ours.
      if (!engine.facts.transactionalDdl && !there && direction === 'apply')
        await record('intended', began, ended, statements);
      throw drift(left);
    }
    // Nobody touched the table since apply, so it must be to the letter what it was.
    const { apply } = rows;
    if (direction === 'compensate' && apply?.state === 'done' && now === apply.fingerprint_after && ended !== apply.fingerprint_before) {
      throw new DatabaseError('drift_detected', `${plan.table} is not what it was before the step`, { details: { expected: apply.fingerprint_before, found: ended } });
    }
    await record('done', began, ended, statements);
    return { fingerprint_before: began, fingerprint_after: ended, statements };
  });
}

/** Takes away what the first of a step's statements left, where the last one was not run. */
async function tidy(session: Session, plan: Plan): Promise<string[]> {
  const statements = await operation(plan.operation).tidy?.(session, plan) ?? [];
  for (const statement of statements) await session.run(statement);
  return statements;
}

/** Looks at the rows and acts with nobody writing in between: what was found must still hold when the statement comes. */
async function act(
  session: Session,
  engine: Engine,
  op: Operation<unknown>,
  plan: Plan,
  direction: Direction,
  way: Extract<Way, { skip: false }>,
): Promise<string[]> {
  const looks = direction === 'compensate' ? op.looksAtRows?.compensate : op.looksAtRows?.apply;
  const reading = (plan.needs ?? []).flatMap((need) => (need.need === 'table' ? [need.table] : []));
  let thaw = looks === true ? await session.freeze?.(way.table, reading) : undefined;
  try {
    const live = await session.introspect(way.table);
    await way.check(live);
    const work =
      direction === 'compensate'
        ? await op.compensate(session, plan, live, engine.ddl)
        : await op.apply(session, plan, live, engine.ddl);
    if (work.thawFirst === true) {
      await thaw?.();
      thaw = undefined;
    }
    for (const statement of work.statements) await session.run(statement);
    return work.statements;
  } finally {
    await thaw?.();
  }
}
