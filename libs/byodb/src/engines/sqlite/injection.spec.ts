import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { v7 as uuid } from 'uuid';
import { freshSqlite, query, type Fresh } from '../../../../../testing/fixtures.js';
import { parseUrl } from '../../address.js';
import type { Connection } from '../../engine.js';
import { DatabaseError } from '../../errors.js';
import { observe } from '../../observe.js';
import { asideName } from '../../operation.js';
import { completeColumn } from '../../schema/column-input.js';
import type { Column } from '../../schema/column.js';
import { preparePlans } from '../../prepare.js';
import type { Task } from '../../operations/index.js';
import { applyStep, compensateStep, finalizeStep } from '../../step.js';
import { engineOf } from '../index.js';
import { quote } from './sql.js';

/** What an owner could write into every text of a schema that the service reads and prints again. */
const STATEMENTS = [
  'commit',
  "attach database '@other' as c",
  'create table c.pwned (x)',
  'delete from canary',
  'drop table canary',
  'insert into canary values (2)',
  "vacuum into '@other'",
  'pragma writable_schema = on',
  'detach database c',
  "select load_extension('x')",
];
const ENDINGS = ['int);', "x');", 'x");', 'x];', 'x`);', '*/', '--\n);', '; ', ')', '\u00a0;', '"; ', "');"];
const payload = fc
  .tuple(
    fc.constantFrom(...ENDINGS),
    fc.shuffledSubarray(STATEMENTS, { minLength: 1 }),
    fc.constantFrom('--', '/*', ';', ''),
  )
  .map(([ending, statements, rest]) => `${ending} ${statements.join('; ')}; ${rest}`);

/** Where it can stand; each gives the statements that make a table of that name with it. */
const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const PLACES: Record<string, (table: string, evil: string) => string[]> = {
  'declared type': (t, e) => [`create table ${t} (id integer primary key, a ${quote(e)} not null, b text)`],
  'declared type as a string': (t, e) => [`create table ${t} (id integer primary key, a ${text(e)} not null, b text)`],
  'name of a column': (t, e) => [`create table ${t} (id integer primary key, a int, b text, ${quote(e)} int)`],
  'default': (t, e) => [`create table ${t} (id integer primary key, a int, b text not null default ${text(e)})`],
  'default expression': (t, e) => [
    `create table ${t} (id integer primary key, a int, b text default (${text(e)} || 'x'))`,
  ],
  'check': (t, e) => [
    `create table ${t} (id integer primary key, a int check (a <> ${text(e)}), b text, check (b <> ${text(e)}))`,
  ],
  'name of a check': (t, e) => [
    `create table ${t} (id integer primary key, a int constraint ${quote(e)} check (a > 0), b text)`,
  ],
  'generated column': (t, e) => [
    `create table ${t} (id integer primary key, a int, b text, g text as (b || ${text(e)}))`,
  ],
  'comment': (t, e) => [
    `create table ${t} (id integer primary key, a int /* ${e.replaceAll('*/', '')} */, b text -- ` +
      `${e.replaceAll('\n', ' ')}\n)`,
  ],
  'name of an index': (t, e) => [
    `create table ${t} (id integer primary key, a int, b text)`,
    `create index ${quote(`${t}${e}`)} on ${t} (a)`,
  ],
  'expression of an index': (t, e) => [
    `create table ${t} (id integer primary key, a int, b text)`,
    `create index ${t}_i on ${t} (a, (b || ${text(e)})) where b <> ${text(e)}`,
  ],
  'unique over a column': (t, e) => [`create table ${t} (id integer primary key, a ${quote(e)} unique, b text)`],
  'trigger': (t, e) => [
    `create table ${t} (id integer primary key, a int, b text)`,
    `create trigger ${quote(`${t}${e}`)} after insert on ${t} begin select ${text(e)}; end`,
  ],
  'triggers that write elsewhere': (t, e) => [
    `create table ${t} (id integer primary key, a int, b text)`,
    ...['insert', 'update', 'delete'].flatMap((event) =>
      ['before', 'after'].map(
        (time) =>
          `create trigger ${quote(`${t} ${time} ${event} ${e}`)} ${time} ${event} on ${t} begin delete from ` +
          `canary; insert into canary values (${text(e)}); end`,
      ),
    ),
  ],
  'foreign key': (t, e) => [
    `create table if not exists ${quote(e)} (x int primary key)`,
    `insert or ignore into ${quote(e)} values (5)`,
    `create table ${t} (id integer primary key, a int references ${quote(e)} (x) on delete cascade, b text)`,
  ],
};

let fresh: Fresh;
let connection: Connection;
let other: string;
let serial = 0;

beforeAll(async () => {
  fresh = await freshSqlite();
  other = join(dirname(fresh.url.slice('sqlite:'.length)), 'other.db');
  await query(fresh.url, 'create table canary (n int)');
  await query(fresh.url, 'insert into canary values (1)');
  connection = engineOf('sqlite').open(parseUrl(fresh.url));
  await connection.claim(uuid());
});
afterAll(async () => {
  await connection.close();
  await fresh.drop();
});

/** Carried out and put back; a refusal is as good, as long as nothing moved. */
async function thereAndBack(task: Task, tableId: string): Promise<void> {
  try {
    const columns = await connection.look((session) => session.introspect(task.table));
    const { plans: all } = await preparePlans(
      connection,
      tableId,
      [task],
      { columns: observe(connection.engine, columns!), indexes: [] },
      {
        maxRewriteRows: 1000,
      },
    );
    // What comes past the point of no return is not put back.
    const plans = all.filter(({ phase }) => phase !== 'finalize');
    const key = (stepId: string): Parameters<typeof applyStep>[2] => ({ stepId, token: 1, lockTimeoutMs: 500 });
    for (const { stepId, plan } of plans) await applyStep(connection, plan, key(stepId), { maxRewriteRows: 1000 });
    for (const { stepId, plan } of [...plans].reverse()) await compensateStep(connection, plan, key(stepId));
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
  }
}

/** Dropped for good, taken out of its table, and brought back later. */
async function awayAndBack(table: string, name: string): Promise<void> {
  try {
    const tableId = uuid();
    const key = (stepId: string): Parameters<typeof applyStep>[2] => ({ stepId, token: 1, lockTimeoutMs: 500 });
    const columnsNow = async (): Promise<Column[]> =>
      observe(connection.engine, (await connection.look((session) => session.introspect(table)))!);
    const managed = await columnsNow();
    const { plans } = await preparePlans(
      connection,
      tableId,
      [{ do: 'drop_column', table, name }],
      { columns: managed, indexes: [] },
      {
        maxRewriteRows: 1000,
      },
    );
    for (const { stepId, plan, phase } of plans)
      await (phase === 'finalize'
        ? finalizeStep(connection, plan, key(stepId))
        : applyStep(connection, plan, key(stepId), { maxRewriteRows: 1000 }));
    const { stepId, plan } = plans[0]!;
    const at = managed.findIndex((c) => c.name === name);
    const back: Task = {
      do: 'restore_column',
      table,
      aside: asideName(stepId),
      column: managed[at]!,
      former: plan.was!,
      after: managed[at - 1]?.name ?? null,
    };
    const { plans: again } = await preparePlans(
      connection,
      tableId,
      [back],
      { columns: await columnsNow(), indexes: [] },
      {
        maxRewriteRows: 1000,
      },
    );
    for (const one of again) await applyStep(connection, one.plan, key(one.stepId), { maxRewriteRows: 1000 });
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
  }
}

async function canary(): Promise<unknown> {
  return {
    rows: await query(fresh.url, 'select n from canary'),
    other: existsSync(other),
    journal: await query(fresh.url, 'pragma journal_mode'),
  };
}

describe('nothing that a schema says is run', () => {
  test.each(Object.keys(PLACES))('SQL as %s', async (place) => {
    await fc.assert(
      fc.asyncProperty(payload, async (drawn) => {
        const table = `t${++serial}`;
        for (const sql of PLACES[place]!(table, drawn.replaceAll('@other', other))) await query(fresh.url, sql);
        // A number as its owner wrote it: converted, and given back in that spelling.
        await query(fresh.url, `insert into ${table} (id, a, b) values (1, 5, '2.5')`);
        await query(fresh.url, 'delete from canary');
        await query(fresh.url, 'insert into canary values (1)');
        const before = await canary();
        const column = completeColumn({ name: 'c', type: 'integer', nullable: false, default: 1 }).column;
        const live = (await connection.look((session) => session.introspect(table)))!;
        const b = observe(connection.engine, live).find((c) => c.name === 'b')!;
        const tasks: Task[] = [
          { do: 'add_column', table, column },
          { do: 'drop_column', table, name: 'a' },
          { do: 'drop_column', table, name: 'b' },
          { do: 'rename_column', table, name: 'b', to: 'd' },
          { do: 'rename_table', table, to: `${table}_r` },
          { do: 'drop_table', table },
          { do: 'alter_column', table, from: b, to: { ...b, nullable: !b.nullable } },
          { do: 'alter_column', table, from: b, to: { ...b, type: 'decimal', precision: 10, scale: 2, default: null } },
        ];
        for (const task of tasks) await thereAndBack(task, uuid());
        for (const name of ['a', 'b']) await awayAndBack(table, name);
        expect(await canary()).toEqual(before);
        expect(await query(fresh.url, `select id, a, b from ${table}`)).toEqual([{ id: 1, a: 5, b: '2.5' }]);
      }),
      { numRuns: 2 },
    );
  });

  test.each([
    "attach database 'x.db' as c",
    " /* */ attach database 'x.db' as c",
    "vacuum into 'x.db'",
    'pragma writable_schema = on',
    'select 1; select 2',
  ])('%s is refused', async (sql) => {
    const run = connection.exclusively({ tableId: uuid(), token: 1, lockTimeoutMs: 500 }, (session) =>
      session.run(sql),
    );
    await expect(run).rejects.toMatchObject({ code: expect.stringMatching(/^(permission_denied|database_error)$/) });
  });
});
