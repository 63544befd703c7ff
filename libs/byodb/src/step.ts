import type { Connection } from './engine.js';
import { DatabaseError } from './errors.js';
import { differences, drift, type Difference, type Expectation } from './expectation.js';
import { fingerprint, type LiveTable } from './live.js';
import type { Limits, Plan, WorkContext } from './operation.js';
import { operationOf } from './operations/index.js';
import type { Direction, LedgerRow, Session } from './session.js';

export interface StepResult {
  fingerprint_before: string;
  fingerprint_after: string;
  statements: string[];
}

/** `slots`: how many steps may run on this database at once, over all processes; undefined: any number. */
export interface StepKey {
  stepId: string;
  token: number;
  lockTimeoutMs: number;
  slots?: number;
  /** The core has recorded that the step was applied: a ledger that does not know it was made anew since. */
  applied?: boolean;
}

/**
 * Makes the step so, exactly once: ledger and catalog decide, never an error's text. Any number of calls, at once or
 * after any crash.
 */
export async function applyStep(connection: Connection, plan: Plan, key: StepKey, limits: Limits): Promise<StepResult> {
  return run(connection, plan, key, 'apply', async (session, rows) => {
    // A compensation that has run closes the step: a late apply must not bring back what was undone.
    if (rows.compensate !== undefined) throw new DatabaseError('stale_token', 'the step was compensated already');
    return {
      skip: false,
      from: plan.before,
      to: plan.after,
      table: plan.table,
      check: async (live) =>
        operationOf(plan.operation).check?.({ session, engine: connection.engine, limits }, plan, live),
    };
  });
}

/** Puts back what the step did, if it did anything. */
export async function compensateStep(connection: Connection, plan: Plan, key: StepKey): Promise<StepResult> {
  try {
    return await undo(connection, plan, key);
  } catch (error) {
    // Not a conversion that somebody asked for: rows written meanwhile do not fit what is to come back. They wait to be
    // mended.
    if (!(error instanceof DatabaseError) || error.code !== 'lossy_conversion') throw error;
    throw new DatabaseError(
      'rows_conflict',
      `rows of ${plan.table} written meanwhile do not fit what is to come back: ${error.message}`,
      { details: error.details, cause: error },
    );
  }
}

function undo(connection: Connection, plan: Plan, key: StepKey): Promise<StepResult> {
  return run(connection, plan, key, 'compensate', async (session, rows) => {
    const { apply } = rows;
    if (apply === undefined && key.applied === true)
      return {
        skip: false,
        from: plan.after,
        to: plan.before,
        table: plan.table_after,
        check: () => Promise.resolve(),
      };
    if (apply === undefined || apply.state === 'not_applied' || apply.state === 'nothing') return { skip: true };
    // Made by the step, and not what its plan foresaw: that is no reason to leave it. Nobody touched it since.
    if (
      apply.state === 'intended' &&
      apply.fingerprint_after !== null &&
      fingerprint(await session.introspect(plan.shown_after)) === apply.fingerprint_after
    ) {
      return { skip: false, from: [], to: plan.before, table: plan.table_after, check: () => Promise.resolve() };
    }
    // Intended and nothing more: the worker died around the statement. The catalog tells on which side, unless an undo
    // has begun already.
    if (
      apply.state === 'intended' &&
      rows.compensate?.state !== 'intended' &&
      (await differences(connection.engine, session, plan.after)).length > 0
    ) {
      const differs = await differences(connection.engine, session, plan.before);
      if (differs.length === 0) return { skip: true, tidies: true };
      const { engine } = connection;
      if ((await operationOf(plan.operation).isOthers?.({ session, engine }, plan)) === true) return { skip: true };
      throw drift(differs);
    }
    // Done: the ledger says that it is ours, so a mark that the customer wrote over is no reason to refuse.
    const from =
      apply.state === 'done' ? plan.after.map(({ owner: _mark, ...expectation }) => expectation) : plan.after;
    return { skip: false, from, to: plan.before, table: plan.table_after, check: () => Promise.resolve() };
  });
}

/** Destroys. Any number of calls; never before the saga has passed every barrier. */
export async function finalizeStep(connection: Connection, plan: Plan, key: StepKey): Promise<StepResult> {
  return run(connection, plan, key, 'finalize', async () => ({
    skip: false,
    from: [],
    to: plan.after,
    table: plan.table,
    check: () => Promise.resolve(),
  }));
}

/**
 * Whether the database stands as the step leaves it (`applied`) or as it found it (`restored`): what an operator
 * claims, looked at. Lists where it does not.
 */
export async function checkClaim(
  connection: Connection,
  plan: Plan,
  as: 'applied' | 'restored',
): Promise<{ differs: Difference[]; fingerprint: string }> {
  return connection.look(async (session) => ({
    differs: await differences(connection.engine, session, as === 'applied' ? plan.after : plan.before),
    fingerprint: fingerprint(await session.introspect(as === 'applied' ? plan.shown_after : plan.table)),
  }));
}

/** What is to be done: `from` what must stand there, `to` what must stand after it. */
interface Go {
  skip: false;
  from: Expectation[];
  to: Expectation[];
  table: string;
  check: (live: LiveTable | null) => Promise<void>;
}

/** `tidies`: some of the step's statements may have run all the same. */
type Way = Go | { skip: true; tidies?: true };
type Rows = Partial<Record<Direction, LedgerRow>>;

/** One try at a step, alone on its table. `rows`: what the ledger says of the step when it begins. */
interface Attempt extends WorkContext {
  plan: Plan;
  direction: Direction;
  /** Whether the statements commit together with the ledger's row. */
  isTransaction: boolean;
  rows: Rows;
  record(state: LedgerRow['state'], before: string, after: string | null, statements: string[]): Promise<void>;
}

async function run(
  connection: Connection,
  plan: Plan,
  { stepId, ...key }: StepKey,
  direction: Direction,
  decide: (session: Session, rows: Rows) => Promise<Way>,
): Promise<StepResult> {
  const { engine } = connection;
  const outside = direction === 'apply' && plan.outsideTransaction === true;
  const isTransaction = engine.facts.transactionalDdl && !outside;
  const on = { tableId: plan.table_id, ...key, ...(outside ? { outsideTransaction: true } : {}) };
  return connection.exclusively(on, async (session) => {
    const rows: Rows = Object.fromEntries((await session.readLedger(stepId)).map((row) => [row.direction, row]));
    const row = rows[direction];
    if (row !== undefined && isOver(row))
      return resultOf(row.fingerprint_before, row.fingerprint_after, row.statements);
    const record: Attempt['record'] = (state, before, after, statements) =>
      session.writeLedger({
        step_id: stepId,
        direction,
        state,
        fingerprint_before: before,
        fingerprint_after: after,
        statements,
        recorded_at: new Date().toISOString(),
      });
    const attempt: Attempt = { session, engine, plan, direction, isTransaction, rows, record };
    const now = fingerprint(await session.introspect(direction === 'compensate' ? plan.shown_after : plan.table));
    const way = await decide(session, rows);
    return way.skip ? skip(attempt, way.tidies === true) : carryOut(attempt, way, now);
  });
}

function isOver(row: LedgerRow): row is LedgerRow & { fingerprint_after: string } {
  return row.state === 'done' || row.state === 'nothing';
}

function resultOf(before: string, after: string, statements: string[]): StepResult {
  return { fingerprint_before: before, fingerprint_after: after, statements };
}

async function skip(attempt: Attempt, tidies: boolean): Promise<StepResult> {
  const { session, plan } = attempt;
  const statements = tidies ? await tidy(attempt, plan) : [];
  const was = fingerprint(await session.introspect(plan.table));
  await attempt.record('nothing', was, was, statements);
  return resultOf(was, was, statements);
}

/** `now`: the fingerprint before anything is touched. */
async function carryOut(attempt: Attempt, way: Go, now: string): Promise<StepResult> {
  const { session, engine, plan, direction, isTransaction, rows, record } = attempt;
  // A worker that died around the statement has left its intent.
  const begun = rows[direction]?.state === 'intended' ? rows[direction] : undefined;
  const began = begun?.fingerprint_before ?? now;
  const made = await alreadyMade(attempt, way, begun);
  // Before anything is touched, where the ledger cannot commit with the statement.
  if (!isTransaction && begun === undefined)
    await record('intended', began, null, direction === 'compensate' ? plan.compensation : plan.statements);
  const acted = made ?? (await actOrTell(attempt, way, began));
  const settle = (await operationOf(plan.operation).settle?.(attempt, plan, direction)) ?? [];
  for (const statement of settle) await session.run(statement);
  const statements = [...acted, ...settle];
  const left = await differences(engine, session, way.to);
  const ended = fingerprint(await session.introspect(direction === 'compensate' ? plan.table : plan.shown_after));
  if (left.length > 0) {
    // Where it stays all the same: the undo knows by this that it is ours.
    if (!isTransaction && made === null && direction === 'apply') await record('intended', began, ended, statements);
    throw drift(left);
  }
  refuseUnlike(attempt, now, ended);
  await record('done', began, ended, statements);
  return resultOf(began, ended, statements);
}

/**
 * The statements of a worker that died after they had run; null: they have still to run. Errors: DatabaseError
 * drift_detected (neither side of the step stands there).
 */
async function alreadyMade(
  { session, engine }: Attempt,
  way: Go,
  begun: LedgerRow | undefined,
): Promise<string[] | null> {
  const differs = await differences(engine, session, way.from);
  if (differs.length === 0) return null;
  if (begun !== undefined && (await differences(engine, session, way.to)).length === 0) return begun.statements;
  throw drift(differs);
}

async function actOrTell(attempt: Attempt, way: Go, began: string): Promise<string[]> {
  const { plan, direction, isTransaction } = attempt;
  try {
    return await act(attempt, way);
  } catch (error) {
    // Refused: without a transaction say so, else a crash's look-up would have to guess.
    if (!isTransaction && error instanceof DatabaseError && error.outcome === 'not_applied') {
      if (direction === 'apply') await tidy(attempt, plan);
      await attempt.record('not_applied', began, began, []);
    }
    throw error;
  }
}

/** Where nobody touched the table since apply, an undo must leave it to the letter what it was. */
function refuseUnlike({ plan, direction, rows: { apply } }: Attempt, now: string, ended: string): void {
  if (direction !== 'compensate' || apply?.state !== 'done') return;
  if (now !== apply.fingerprint_after || ended === apply.fingerprint_before) return;
  throw new DatabaseError('drift_detected', `${plan.table} is not what it was before the step`, {
    details: { expected: apply.fingerprint_before, found: ended },
  });
}

/** Takes away what the first of a step's statements left, where the last one was not run. */
async function tidy(context: WorkContext, plan: Plan): Promise<string[]> {
  const statements = (await operationOf(plan.operation).tidy?.(context, plan)) ?? [];
  for (const statement of statements) await context.session.run(statement);
  return statements;
}

/**
 * Looks at the rows and acts with nobody writing in between: what was found must still hold when the statement comes.
 */
async function act(attempt: Attempt, way: Go): Promise<string[]> {
  const { session, plan, direction } = attempt;
  const op = operationOf(plan.operation);
  const looks = direction === 'compensate' ? op.looksAtRows?.compensate : op.looksAtRows?.apply;
  const reading = (plan.needs ?? []).flatMap((need) => (need.need === 'table' ? [need.table] : []));
  let thaw = looks === true ? await session.freeze?.(way.table, reading) : undefined;
  try {
    const live = await session.introspect(way.table);
    await way.check(live);
    const work =
      direction === 'compensate' ? await op.compensate(attempt, plan, live) : await op.apply(attempt, plan, live);
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
