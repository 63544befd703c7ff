import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as uuid } from 'uuid';
import type { Connection } from '../../../engine.js';
import { DatabaseError } from '../../../errors.js';
import { observe } from '../../../observe.js';
import { asideName } from '../../../operation.js';
import type { Column } from '../../../schema/column.js';
import { preparePlans, type Planned } from '../../../prepare.js';
import { preparePurge } from '../../../prepare-purge.js';
import type { Task } from '../../../operations/index.js';
import { applyStep, compensateStep, finalizeStep } from '../../../step.js';
import { refusal as refusalOf } from './guard.js';
import { sqlite } from '../index.js';

const refusal = refusalOf as (sql: string) => string | null;
const LIMITS = { maxRewriteRows: 1000 };
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'sqlite-guard-'));
});
afterAll(() => {
  rmSync(dir, { recursive: true });
});

describe("what is run on a customer's file", () => {
  test.each([
    "attach database 'x' as y",
    " /* a */ -- b\n ATTACH 'x' as y",
    "\ufeffattach 'x' as y",
    'detach y',
    'vacuum',
    "vacuum into 'x'",
    "explain attach 'x' as y",
    'reindex',
    'analyze',
    'pragma writable_schema = on',
    'pragma journal_mode = wal',
    "pragma temp_store_directory = 'x'",
    "pragma legacy_alter_table = on; attach 'x' as y",
    'pragma trusted_schema(1)',
    'create virtual table x using fts5(a)',
    'create temp table x (a)',
    'create temporary view x as select 1',
    'create',
    '',
    '; select 1',
    '"attach" x',
  ])('not %j', (sql) => {
    expect(refusal(sql)).toMatch(/is not run on a customer's file/);
  });

  test.each([
    'select 1',
    ' -- a\n with a as (select 1) select * from a',
    'CREATE UNIQUE INDEX i on t (a)',
    'create table t (a)',
    'pragma legacy_alter_table = off',
    'drop trigger x',
    'begin immediate',
  ])('%j', (sql) => {
    expect(refusal(sql)).toBeNull();
  });

  test("one statement at a time, and no function or module of the file's own choice", async () => {
    const file = join(dir, 'one.db');
    const connection = sqlite.open({ engine: 'sqlite', file });
    await connection.claim('one');
    const alone = (sql: string): Promise<void> =>
      connection.exclusively({ tableId: 't', token: 1, lockTimeoutMs: 1000 }, (session) => session.run(sql));
    await alone('create table t (a)');
    await expect(alone('drop table t; create table other (a)')).rejects.toMatchObject({ code: 'database_error' });
    await expect(alone(`attach database '${join(dir, 'attached.db')}' as x`)).rejects.toMatchObject({
      code: 'permission_denied',
    });
    await expect(
      connection.look((session) => session.query(`vacuum into '${join(dir, 'copied.db')}'`)),
    ).rejects.toMatchObject({ code: 'permission_denied' });
    expect(await connection.tables()).toEqual(['t']);
    expect([existsSync(join(dir, 'attached.db')), existsSync(join(dir, 'copied.db'))]).toEqual([false, false]);
    await alone('create view v as select count(*) as n from dbstat');
    await expect(connection.look((session) => session.query('select * from v'))).rejects.toThrow(
      'unsafe use of virtual table',
    );
    await connection.close();
  });
});

/** A schema's text in which whatever stands in a quoted place is SQL. */
interface Hostile {
  type: string;
  quote: string;
  fallback: string;
  check: string;
  comment: string;
  name: string;
  expression: string;
  trigger: string;
  view: string;
}

const name = (text: string): string => `"${text.split('"').join('""')}"`;
const literal = (text: string): string => `'${text.split("'").join("''")}'`;

const OPENINGS = [
  '',
  ')',
  '))',
  "')",
  '")',
  '`)',
  '])',
  '*/',
  '\n',
  '\u00a0',
  '1',
  '()',
  'end; end',
  ', x int)',
  "')) ",
];
const ENDINGS = ['--', '/*', "; select '", '; select "', ';', '', '; create table more (a', '; select [', '(('];
const ACTS = [
  "attach database 'CORE' as c; create table c.pwned (x)",
  "attach 'BESIDE' as b; create table b.pwned (x)",
  "attach database 'CORE' as c; delete from c.canary",
  'delete from canary',
  'insert into canary values (2)',
  'drop table canary',
  'update canary set v = 3',
  'pragma writable_schema = on',
  "vacuum into 'BESIDE'",
  'create table pwned (x)',
];

function hostile(files: { core: string; beside: string }): fc.Arbitrary<Hostile> {
  const sql = (openings: string[]): fc.Arbitrary<string> =>
    fc
      .tuple(
        fc.constantFrom(...openings),
        fc.constantFrom('commit; ', ''),
        fc.constantFrom(...ACTS),
        fc.constantFrom(...ENDINGS),
      )
      .map(
        ([opening, commit, act, ending]) =>
          `${opening}; ${commit}${act.replace('CORE', files.core).replace('BESIDE', files.beside)}${ending}`,
      );
  const payload = sql(OPENINGS);
  return fc.record({
    type: sql(['int)', 'x)', 'int', '']),
    quote: fc.constantFrom('"', '`', '['),
    fallback: payload,
    check: payload,
    comment: payload,
    name: payload,
    expression: payload,
    trigger: payload,
    view: payload,
  });
}

function texts({ type, quote, fallback, check, comment, name: called, expression, trigger, view }: Hostile): string[] {
  const declared =
    quote === '"' ? name(type) : quote === '`' ? `\`${type.split('`').join('``')}\`` : `[${type.split(']').join(' ')}]`;
  const remark = `/* ${comment.split('*/').join('* /')} */ -- ${comment.split('\n').join(' ')}\n`;
  return [
    `create table t (${remark} id integer primary key, z ${declared} not null default ` +
      `${literal(fallback)}, a ${declared} default ${literal(fallback)}, b text not null default 'x' ` +
      `constraint ${name(called)} check (b <> ${literal(check)}), ${remark}` +
      ` ${name(called)} ${declared} unique, g text as (b || ${literal(expression)}), n integer references ` +
      `${name(`${called} parent`)} (id), check (a is not ${literal(check)} or ${name(called)} is null) ` +
      `${remark})`,
    `create table ${name(`${called} parent`)} (id integer primary key)`,
    `create index ${name(`${called} i`)} on t (b, (${name(called)} || ${literal(expression)}) desc) ` +
      `where b <> ${literal(check)} ${remark}`,
    `create trigger ${name(`${called} t`)} after update on t begin insert into log values ` +
      `(${literal(trigger)}); ${remark} end`,
    `create view ${name(`${called} v`)} as select ${literal(view)} as ${name(called)} ${remark}`,
    'create table log (a)',
    `insert into t (id, a) values (1, ${literal(type)}), (2, null)`,
  ];
}

/**
 * All that a change can do to the table, each step forward and back; how many came through. Refusals are no matter
 * here.
 */
async function everything(connection: Connection): Promise<number> {
  let done = 0;
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
      done++;
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
    }
  };
  const columns = async (): Promise<Column[]> =>
    connection.look(async (session) => observe(sqlite, (await session.introspect('t'))!));
  const all = await columns();
  const run = async (plans: Planned[], undo: boolean): Promise<void> => {
    const key = (stepId: string): { stepId: string; token: number; lockTimeoutMs: number } => ({
      stepId,
      token: 1,
      lockTimeoutMs: 1000,
    });
    for (const { stepId, plan, phase } of plans)
      await (phase === 'finalize'
        ? finalizeStep(connection, plan, key(stepId))
        : applyStep(connection, plan, key(stepId), LIMITS));
    if (undo) for (const { stepId, plan } of [...plans].reverse()) await compensateStep(connection, plan, key(stepId));
  };
  const change = async (tasks: Task[], now: Column[], undo = true): Promise<Planned[]> => {
    const { plans } = await preparePlans(connection, uuid(), tasks, { columns: now, indexes: [] }, LIMITS);
    await run(undo ? plans.filter((p) => p.phase === undefined) : plans, undo);
    return plans;
  };
  for (const column of all) {
    await attempt(async () => {
      await change([{ do: 'rename_column', table: 't', name: column.name, to: 'renamed' }], await columns());
    });
    await attempt(async () => {
      await change(
        [{ do: 'alter_column', table: 't', from: column, to: { ...column, nullable: !column.nullable } }],
        await columns(),
      );
    });
    await attempt(async () => {
      const former = (await connection.look((session) => session.introspect('t')))!;
      const [dropped] = await change([{ do: 'drop_column', table: 't', name: column.name }], await columns(), false);
      await change(
        [{ do: 'restore_column', table: 't', aside: asideName(dropped!.stepId), column, former, after: null }],
        await columns(),
        false,
      );
      const purge = await preparePurge(connection, uuid(), [{ aside: asideName(dropped!.stepId), table: 't' }]);
      for (const { stepId, plan } of purge.plans)
        await finalizeStep(connection, plan, { stepId, token: 1, lockTimeoutMs: 1000 });
    });
  }
  await attempt(async () => {
    await change([{ do: 'rename_table', table: 't', to: 'u' }], await columns());
  });
  await attempt(async () => {
    await change([{ do: 'drop_table', table: 't' }], await columns());
  });
  await attempt(async () => {
    const former = (await connection.look((session) => session.introspect('t')))!;
    const [dropped] = await change([{ do: 'drop_table', table: 't' }], await columns(), false);
    await change(
      [{ do: 'restore_table', table: asideName(dropped!.stepId), to: 'v', former }],
      await columns().catch(() => all),
      false,
    );
  });
  return done;
}

test('SQL in any place of a file moves nothing: not there, not in the core, not in a file beside', async () => {
  const files = { core: join(dir, 'core.db'), beside: join(dir, 'beside.db') };
  const core = new Database(files.core);
  core.exec('create table canary (v); insert into canary values (1)');
  core.close();
  const coreBefore = readFileSync(files.core);
  let done = 0;
  let serial = 0;
  await fc.assert(
    fc.asyncProperty(hostile(files), async (drawn) => {
      const file = join(dir, `f${++serial}.db`);
      const owner = new Database(file);
      owner.exec('create table canary (v); insert into canary values (1)');
      for (const sql of texts(drawn)) owner.prepare(sql).run();
      owner.close();
      const connection = sqlite.open({ engine: 'sqlite', file });
      await connection.claim('one');
      done += await everything(connection);
      await connection.close();
      const after = new Database(file);
      expect(after.prepare('select v from canary').all()).toEqual([{ v: 1 }]);
      expect(after.prepare("select name from sqlite_schema where name in ('pwned', 'more')").all()).toEqual([]);
      expect(after.pragma('writable_schema', { simple: true })).toBe(0);
      after.close();
      expect(readFileSync(files.core).equals(coreBefore)).toBe(true);
      expect(existsSync(files.beside)).toBe(false);
    }),
    { seed: 4, numRuns: Number(process.env['PROPERTY_RUNS'] ?? 4) },
  );
  // Most of it is done, not refused.
  expect(done / serial).toBeGreaterThan(10);
}, 120_000);
