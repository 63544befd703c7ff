import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { v7 as uuid } from 'uuid';
import { fingerprint, type LiveTable } from '../../../live.js';
import { asideName } from '../../../operation.js';
import { observe } from '../../../observe.js';
import { preparePlans, type Planned } from '../../../prepare.js';
import { applyStep, compensateStep, type StepKey } from '../../../step.js';
import { freshDatabase, type Fresh } from '../testing/fixture.js';

const LIMITS = { maxRewriteRows: 1000 };

let fresh: Fresh;
let serial = 0;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  await fresh.remove();
});

const key = (stepId: string): StepKey => ({ stepId, token: 1, lockTimeoutMs: 500 });
const introspect = (table: string): Promise<LiveTable | null> =>
  fresh.connection.look((session) => session.introspect(table));
const names = async (table: string): Promise<string[]> =>
  (await introspect(table))!.extras
    .filter((extra) => extra.kind === 'trigger')
    .map((extra) => extra.name)
    .sort();

/** A table with triggers of every kind, and the plan of its drop. */
async function given(): Promise<{ table: string; dropped: Planned; before: LiveTable }> {
  const table = `t${(serial += 1)}`;
  const ansi =
    `create trigger "${table} ""c""" before insert on "${table}" for each row follows ${table}_b set ` +
    `new."v" = concat(new."v", 'c"')`;
  await fresh.admin(`create table ${table} (id int primary key, v varchar(100))`);
  await fresh.admin(
    `create trigger ${table}_b before insert on ${table} for each row set new.v = concat(new.v, '\\\\b\u{1F600}''')`,
  );
  await fresh.admin(
    `set statement sql_mode = 'ANSI_QUOTES,NO_ZERO_DATE' for execute immediate '${ansi.replaceAll("'", "''")}'`,
  );
  await fresh.admin(
    `create trigger ${table}_a before insert on ${table} for each row precedes ${table}_b begin /* first ` +
      `*/ if new.v is null then set new.v = 'a'; end if; end -- end`,
  );
  await fresh.admin(`create trigger \`${table}_u\` after update on \`${table}\` for each row set @updated = new.id`);
  const before = (await introspect(table))!;
  const {
    plans: [dropped],
  } = await preparePlans(
    fresh.connection,
    uuid(),
    [{ do: 'drop_table', table }],
    { columns: observe(fresh.connection.engine, before), indexes: [] },
    LIMITS,
  );
  return { table, dropped: dropped!, before };
}

it('give their names up with their table, and come back with it to the letter and in their order', async () => {
  const {
    table,
    dropped: { stepId, plan },
    before,
  } = await given();
  const applied = await applyStep(fresh.connection, plan, key(stepId), LIMITS);
  expect(applied.statements).toHaveLength(5);
  expect(await names(asideName(stepId))).toEqual([]);
  await compensateStep(fresh.connection, plan, key(stepId));
  expect(fingerprint(await introspect(table))).toBe(fingerprint(before));
  await fresh.admin(`insert into ${table} values (1, null)`);
  expect(await fresh.admin(`select v from ${table}`)).toEqual([{ v: 'a\\b\u{1F600}\'c"' }]);
});

it('are finished where a drop, or its undoing, died between two of its statements', async () => {
  for (const done of [0, 1, 2, 3, 4]) {
    const {
      table,
      dropped: { stepId, plan },
      before,
    } = await given();
    const aside = asideName(stepId);
    await fresh.connection.look((session) =>
      session.writeLedger({
        step_id: stepId,
        direction: 'apply',
        state: 'intended',
        fingerprint_before: fingerprint(before),
        fingerprint_after: null,
        statements: plan.statements,
        recorded_at: '',
      }),
    );
    await fresh.admin(plan.statements[0]!);
    const frees = await fresh.connection.look((session) => session.freeNames!(aside));
    expect(frees).toHaveLength(4);
    for (const statement of frees.slice(0, done)) await fresh.admin(statement);
    if (done % 2 === 0) {
      await applyStep(fresh.connection, plan, key(stepId), LIMITS);
      expect(await names(aside)).toEqual([]);
    }
    const makes = (
      await fresh.connection.look(async (session) =>
        fresh.connection.engine.ddl.bringBackTable((await session.introspect(aside))!, before),
      )
    ).statements;
    await fresh.connection.look((session) =>
      session.writeLedger({
        step_id: stepId,
        direction: 'compensate',
        state: 'intended',
        fingerprint_before: '',
        fingerprint_after: null,
        statements: makes,
        recorded_at: '',
      }),
    );
    for (const statement of makes.slice(0, Math.min(1, makes.length - 1))) await fresh.admin(statement);
    await compensateStep(fresh.connection, plan, key(stepId));
    expect([done, fingerprint(await introspect(table))]).toEqual([done, fingerprint(before)]);
  }
});

it('are finished, or taken away again, where a restore died between two of its statements', async () => {
  for (const [made, goesOn] of [
    [1, true],
    [4, true],
    [1, false],
    [4, false],
  ] as const) {
    const { table, dropped, before } = await given();
    await applyStep(fresh.connection, dropped.plan, key(dropped.stepId), LIMITS);
    const aside = asideName(dropped.stepId);
    const {
      plans: [restored],
    } = await preparePlans(
      fresh.connection,
      uuid(),
      [{ do: 'restore_table', table: aside, to: table, former: before }],
      { columns: observe(fresh.connection.engine, before), indexes: [] },
      LIMITS,
    );
    const { stepId, plan } = restored!;
    const began = fingerprint(await introspect(aside));
    await fresh.connection.look((session) =>
      session.writeLedger({
        step_id: stepId,
        direction: 'apply',
        state: 'intended',
        fingerprint_before: began,
        fingerprint_after: null,
        statements: plan.statements,
        recorded_at: '',
      }),
    );
    for (const statement of plan.statements.slice(0, made)) await fresh.admin(statement);
    if (goesOn) await applyStep(fresh.connection, plan, key(stepId), LIMITS);
    else await compensateStep(fresh.connection, plan, key(stepId));
    expect(fingerprint(await introspect(goesOn ? table : aside))).toBe(goesOn ? fingerprint(before) : began);
  }
});
