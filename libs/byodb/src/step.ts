import type { Connection, Direction, Engine, LedgerRow, Session } from './engine.js';
import { DatabaseError } from './errors.js';
import { differences, drift, type Difference, type Expectation } from './expectation.js';
import { fingerprint, type LiveTable } from './live.js';
import type { Limits, Operation, Plan } from './operation.js';
import { operationOf } from './operations/index.js';

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
      check: (live) =>
        operationOf(plan.operation).check?.(session, plan, live, limits, connection.engine.ddl) ?? Promise.resolve(),
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
      if (await isOthers(session, plan)) return { skip: true };
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
export async function lookAtClaim(
  connection: Connection,
  plan: Plan,
  as: 'applied' | 'restored',
): Promise<{ differs: Difference[]; fingerprint: string }> {
  return connection.look(async (session) => ({
    differs: await differences(connection.engine, session, as === 'applied' ? plan.after : plan.before),
    fingerprint: fingerprint(await session.introspect(as === 'applied' ? plan.shown_after : plan.table)),
  }));
}

/**
 * A creation that died around its statement: the table that stands there now is somebody else's unless it bears our
 * mark.
 */
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

async function run(
  connection: Connection,
  plan: Plan,
  key: StepKey,
  direction: Direction,
  decide: (session: Session, rows: Rows) => Promise<Way>,
): Promise<StepResult> {
  const { engine } = connection;
  return connection.exclusively(
    {
      tableId: plan.table_id,
      token: key.token,
      lockTimeoutMs: key.lockTimeoutMs,
      ...(key.slots === undefined ? {} : { slots: key.slots }),
    },
    async (session) => {
      const rows: Rows = Object.fromEntries((await session.readLedger(key.stepId)).map((row) => [row.direction, row]));
      const done = rows[direction];
      if (done !== undefined && (done.state === 'done' || done.state === 'nothing'))
        return {
          fingerprint_before: done.fingerprint_before,
          fingerprint_after: done.fingerprint_after!,
          statements: done.statements,
        };
      const shown = direction === 'compensate' ? [plan.shown_after, plan.table] : [plan.table, plan.shown_after];
      const record = async (
        state: LedgerRow['state'],
        before: string,
        after: string | null,
        statements: string[],
      ): Promise<void> =>
        session.writeLedger({
          step_id: key.stepId,
          direction,
          state,
          fingerprint_before: before,
          fingerprint_after: after,
          statements,
          recorded_at: new Date().toISOString(),
        });
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
      const op = operationOf(plan.operation);
      // Before anything is touched, on an engine where the ledger cannot commit with the statement.
      if (!engine.facts.transactionalDdl && !resumed)
        await record('intended', began, null, direction === 'compensate' ? plan.compensation : plan.statements);
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
      const settle = (await op.settle?.(session, plan, direction, engine.ddl)) ?? [];
      for (const statement of settle) await session.run(statement);
      const statements = [...(there ? done.statements : acted), ...settle];
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
      if (
        direction === 'compensate' &&
        apply?.state === 'done' &&
        now === apply.fingerprint_after &&
        ended !== apply.fingerprint_before
      ) {
        throw new DatabaseError('drift_detected', `${plan.table} is not what it was before the step`, {
          details: { expected: apply.fingerprint_before, found: ended },
        });
      }
      await record('done', began, ended, statements);
      return { fingerprint_before: began, fingerprint_after: ended, statements };
    },
  );
}

/** Takes away what the first of a step's statements left, where the last one was not run. */
async function tidy(session: Session, plan: Plan): Promise<string[]> {
  const statements = (await operationOf(plan.operation).tidy?.(session, plan)) ?? [];
  for (const statement of statements) await session.run(statement);
  return statements;
}

/**
 * Looks at the rows and acts with nobody writing in between: what was found must still hold when the statement comes.
 */
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
