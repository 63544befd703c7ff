import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { v7 as uuid } from 'uuid';
import { freshMysql, freshPostgres, freshSqlite, query, type Fresh } from '../../../testing/fixtures.js';
import { parseUrl } from './address.js';
import type { EngineName } from './engines/names.js';
import type { Connection } from './engine.js';
import { engineOf } from './engines/index.js';
import { fingerprint } from './live.js';
import { asideName } from './operation.js';
import { completeColumn, type ColumnInput } from './schema/column-input.js';
import type { Column } from './schema/column.js';
import { preparePlans, type Planned } from './prepare.js';
import { preparePurge } from './prepare-purge.js';
import type { Task } from './operations/index.js';
import { applyStep, compensateStep, finalizeStep, type StepKey } from './step.js';

const LIMITS = { maxRewriteRows: 1000 };
const column = (input: ColumnInput): Column => completeColumn(input).column;
const COLUMNS = [
  column({ name: 'id', type: 'integer', primary_key: true, generated: true }),
  column({ name: 'code', type: 'string', length: 20 }),
  column({ name: 'note', type: 'text', nullable: false, default: 'none' }),
  column({ name: 'qty', type: 'integer', unique: true }),
];
const [ID, CODE, NOTE, QTY] = COLUMNS as [Column, Column, Column, Column];

describe.each<[string, () => Promise<Fresh>]>([
  ['sqlite', freshSqlite],
  ['postgres', freshPostgres],
  ['mysql', freshMysql],
])('steps on %s', (_name, make) => {
  let fresh: Fresh;
  let connection: Connection;
  beforeAll(async () => {
    fresh = await make();
    connection = engineOf(parseUrl(fresh.url).engine).open(parseUrl(fresh.url));
    await connection.claim(uuid());
  });
  afterAll(async () => {
    await connection.close();
    await fresh.drop();
  });

  const key = (stepId: string, token = 1): StepKey => ({ stepId, token, lockTimeoutMs: 500 });
  const seen = async (table: string): Promise<{ fingerprint: string; rows: object[] | null }> =>
    connection.look(async (session) => {
      const live = await session.introspect(table);
      return {
        fingerprint: fingerprint(live),
        rows:
          live === null ? null : await session.query(`select * from ${connection.engine.ddl.quote(table)} order by id`),
      };
    });
  const plansOf = async (tableId: string, tasks: Task[], columns = COLUMNS): Promise<Planned[]> =>
    (await preparePlans(connection, tableId, tasks, { columns, indexes: [] }, LIMITS)).plans;
  /** As a saga does it: what can be undone first, then what only goes forward. */
  const carryOut = async (plans: Planned[]): Promise<void> => {
    for (const { stepId, plan } of plans.filter(({ phase }) => phase === undefined))
      await applyStep(connection, plan, key(stepId), LIMITS);
    for (const { stepId, plan } of plans.filter(({ phase }) => phase === 'finalize')) {
      const done = await finalizeStep(connection, plan, key(stepId));
      expect(await finalizeStep(connection, plan, key(stepId))).toEqual(done);
    }
  };
  /** A table of ours with three rows. */
  const given = async (table: string): Promise<string> => {
    const tableId = uuid();
    const [{ stepId, plan }] = (await plansOf(tableId, [{ do: 'create_table', table, columns: COLUMNS }], [])) as [
      Planned,
    ];
    await applyStep(connection, plan, key(stepId), LIMITS);
    for (const n of [1, 2, 3]) await query(fresh.url, `insert into ${table} (code, qty) values ('0${n}', ${n})`);
    return tableId;
  };
  let serial = 0;
  const name = (): string => `t${++serial}`;

  test('what the core knows to be applied is undone, though the ledger was lost and made anew meanwhile', async () => {
    const table = name();
    const tableId = await given(table);
    const before = await seen(table);
    const task: Task = { do: 'add_column', table, column: column({ name: 'extra', type: 'integer' }) };
    const [{ stepId, plan }] = (await plansOf(tableId, [task])) as [Planned];
    await applyStep(connection, plan, key(stepId), LIMITS);
    await query(fresh.url, 'drop table _saga_ledger');
    expect((await connection.traces()).missing).toEqual(['_saga_ledger']);
    await connection.claim((await connection.identity())!);
    const undo: StepKey = { ...key(stepId), applied: true };
    const undone = await compensateStep(connection, plan, undo);
    expect(await seen(table)).toEqual(before);
    expect(await compensateStep(connection, plan, undo)).toEqual(undone);
  });

  // One lifecycle for every operation: plan, apply, apply again, compensate, compensate again, plan and apply anew, and
  // what destroys.
  test.each<[string, (table: string) => Task]>([
    ['drop_table', (table) => ({ do: 'drop_table', table })],
    ['rename_table', (table) => ({ do: 'rename_table', table, to: `${table}_b` })],
    [
      'add_column',
      (table) => ({
        do: 'add_column',
        table,
        column: column({ name: 'extra', type: 'boolean', nullable: false, default: true }),
      }),
    ],
    [
      'add_column, unique',
      (table) => ({ do: 'add_column', table, column: column({ name: 'extra', type: 'uuid', unique: true }) }),
    ],
    ['drop_column', (table) => ({ do: 'drop_column', table, name: 'code' })],
    ['drop_column, unique', (table) => ({ do: 'drop_column', table, name: 'qty' })],
    ['drop_column, not null', (table) => ({ do: 'drop_column', table, name: 'note' })],
    ['rename_column', (table) => ({ do: 'rename_column', table, name: 'code', to: 'label' })],
    [
      'alter_column, type with values kept',
      (table) => ({ do: 'alter_column', table, from: QTY, to: { ...QTY, type: 'string', length: 30 } }),
    ],
    ['alter_column, longer', (table) => ({ do: 'alter_column', table, from: CODE, to: { ...CODE, length: 200 } })],
    [
      'alter_column, nullable, default and unique',
      (table) => ({
        do: 'alter_column',
        table,
        from: CODE,
        to: { ...CODE, nullable: false, default: 'y', unique: true },
      }),
    ],
    [
      'alter_column, not null without a default',
      (table) => ({ do: 'alter_column', table, from: CODE, to: { ...CODE, nullable: false } }),
    ],
    [
      'alter_column, none of them',
      (table) => ({ do: 'alter_column', table, from: NOTE, to: { ...NOTE, nullable: true, default: null } }),
    ],
  ])('%s: applied twice is applied once, undone twice is undone once, to the letter', async (_kind, task) => {
    const table = name();
    const tableId = await given(table);
    const before = await seen(table);
    const plans = (await plansOf(tableId, [task(table)])).filter(({ phase }) => phase === undefined);
    const results = [];
    for (const { stepId, plan } of plans) results.push(await applyStep(connection, plan, key(stepId), LIMITS));
    for (const [i, { stepId, plan }] of plans.entries())
      expect(await applyStep(connection, plan, key(stepId), LIMITS)).toEqual(results[i]);
    for (const { stepId, plan } of [...plans].reverse()) {
      const undone = await compensateStep(connection, plan, key(stepId));
      expect(await compensateStep(connection, plan, key(stepId))).toEqual(undone);
    }
    expect(await seen(table)).toEqual(before);
    const again = await plansOf(tableId, [task(table)]);
    await carryOut(again);
    const kept = again.filter(({ plan }) => ['drop_table', 'drop_column', 'keep_values'].includes(plan.operation));
    const { plans: purges } = await preparePurge(
      connection,
      tableId,
      kept.map(({ stepId, plan }) =>
        plan.operation === 'drop_column'
          ? { aside: asideName(stepId), table }
          : { aside: plan.table_after, table: null },
      ),
    );
    for (const { stepId, plan } of purges) {
      const gone = await finalizeStep(connection, plan, key(stepId));
      expect(await finalizeStep(connection, plan, key(stepId))).toEqual(gone);
    }
    const left = await connection.look(async (session) =>
      Promise.all(kept.map(async ({ stepId }) => session.introspect(asideName(stepId)))),
    );
    expect(left).toEqual(kept.map(() => null));
  });

  // Earlier versions stored rendered SQL beside what it was rendered from.
  test.each<[string, (table: string) => Task]>([
    [
      'add_column',
      (table) => ({ do: 'add_column', table, column: column({ name: 'extra', type: 'integer', default: 7 }) }),
    ],
    [
      'alter_column',
      (table) => ({
        do: 'alter_column',
        table,
        from: QTY,
        to: { ...QTY, type: 'string', length: 30, nullable: false },
      }),
    ],
  ])('fragments of SQL in a stored plan of %s are not looked at, and none are stored', async (_kind, task) => {
    const table = name();
    const tableId = await given(table);
    const before = await seen(table);
    const plans = await plansOf(tableId, [task(table)]);
    const fragments = { quoted: 'nothing', quotedTable: 'nowhere', lost: 'no condition', lostBack: 'no condition' };
    const stored = plans.map(({ stepId, plan }) => {
      expect(Object.keys(plan.params as object).filter((key) => key in fragments)).toEqual([]);
      return { stepId, plan: { ...plan, params: { ...(plan.params as object), ...fragments } } };
    });
    for (const { stepId, plan } of stored) await applyStep(connection, plan, key(stepId), LIMITS);
    for (const { stepId, plan } of stored.reverse()) await compensateStep(connection, plan, key(stepId));
    expect(await seen(table)).toEqual(before);
  });

  test('restore_table: what was set aside comes back, and goes aside again when that is undone', async () => {
    const table = name();
    const tableId = await given(table);
    const before = await seen(table);
    const [drop] = (await plansOf(tableId, [{ do: 'drop_table', table }])) as [Planned];
    await applyStep(connection, drop.plan, key(drop.stepId), LIMITS);
    const task: Task = { do: 'restore_table', table: drop.plan.table_after, to: table, former: drop.plan.was! };
    for (const undo of [true, false]) {
      const [restore] = (await plansOf(tableId, [task])) as [Planned];
      await applyStep(connection, restore.plan, key(restore.stepId), LIMITS);
      expect(await seen(table)).toEqual(before);
      if (undo) await compensateStep(connection, restore.plan, key(restore.stepId));
    }
  });

  // Where the engine hides such a column in its place instead, its own specs hold that.
  if (engineOf(_name as EngineName).ddl.detachColumn !== undefined)
    test.each<[string, Column]>([
      ['unique', QTY],
      ['not null', NOTE],
      ['plain', CODE],
    ])(
      'a dropped column, %s, is met by nobody, and comes back with its values as often as it must',
      async (_what, dropped) => {
        const table = name();
        const tableId = await given(table);
        await query(
          fresh.url,
          `create index ${table}_theirs on ${table} (${dropped.name === 'note' ? 'qty' : dropped.name}, id)`,
        );
        const before = await seen(table);
        const plans = await plansOf(tableId, [{ do: 'drop_column', table, name: dropped.name }]);
        await carryOut(plans);
        const left = COLUMNS.filter((c) => c !== dropped);
        // A statement without a list of columns means the columns that there are.
        await query(
          fresh.url,
          `insert into ${table} values (9, ${left
            .slice(1)
            .map((c) => (c.type === 'integer' ? '9' : `'nine'`))
            .join(', ')})`,
        );
        const [row] = await query(fresh.url, `select * from ${table} where id = 9`);
        expect(row).toEqual(Object.fromEntries(left.map((c) => [c.name, c.type === 'integer' ? 9 : 'nine'])));
        const back: Task = {
          do: 'restore_column',
          table,
          aside: asideName(plans[0]!.stepId),
          column: dropped,
          former: plans[0]!.plan.was!,
          after: COLUMNS[COLUMNS.indexOf(dropped) - 1]!.name,
        };
        await query(fresh.url, `delete from ${table} where id = 9`);
        const between = await seen(table);
        const sorted = (rows: object[] | null): object[] =>
          (rows ?? []).map((one) => Object.fromEntries(Object.entries(one).sort()));
        for (const undo of [true, true, false]) {
          const [restore] = (await plansOf(tableId, [back], left)) as [Planned];
          await applyStep(connection, restore.plan, key(restore.stepId), LIMITS);
          expect(sorted((await seen(table)).rows)).toEqual(sorted(before.rows));
          if (!undo) continue;
          await compensateStep(connection, restore.plan, key(restore.stepId));
          await compensateStep(connection, restore.plan, key(restore.stepId));
          expect(await seen(table)).toEqual(between);
        }
        const all = await connection.look(async (session) => session.introspect(table));
        const was = plans[0]!.plan.was!;
        expect(all!.columns.find((c) => c.name === dropped.name)).toEqual(
          was.columns.find((c) => c.name === dropped.name),
        );
        expect(all!.uniques).toEqual(was.uniques);
        expect(all!.extras).toEqual(was.extras);
        // What is kept of it goes when its time is over, and the column that is back stays.
        const { plans: purges } = await preparePurge(connection, tableId, [{ aside: back.aside, table }]);
        for (const { stepId, plan } of purges) await finalizeStep(connection, plan, key(stepId));
        expect(await connection.look(async (session) => session.introspect(back.aside))).toBeNull();
        expect(sorted((await seen(table)).rows)).toEqual(sorted(before.rows));
      },
    );

  test('an alter that is taken back later gives the former type and the former spellings, to the letter, and goes forward again when that is undone', async () => {
    const [tableId, table] = [uuid(), name()];
    const seenAt = column({ name: 'seen_at', type: 'string', length: 40, default: 'never' });
    const [made] = (await plansOf(tableId, [{ do: 'create_table', table, columns: [ID, seenAt] }], [])) as [Planned];
    await applyStep(connection, made.plan, key(made.stepId), LIMITS);
    await query(fresh.url, `insert into ${table} (seen_at) values ('2024-05-06 07:08:09')`);
    const before = await seen(table);
    const converted = column({ name: 'seen_at', type: 'timestamp' });
    const [keep, alter] = (await plansOf(
      tableId,
      [{ do: 'alter_column', table, from: seenAt, to: converted }],
      [ID, seenAt],
    )) as [Planned, Planned];
    for (const { stepId, plan } of [keep, alter]) await applyStep(connection, plan, key(stepId), LIMITS);
    const between = await seen(table);
    for (const undo of [true, false]) {
      const back = await plansOf(
        tableId,
        [
          {
            do: 'alter_column',
            table,
            from: converted,
            to: seenAt,
            former: { table: alter.plan.was!, name: 'seen_at', keep: keep.plan.table_after },
          },
        ],
        [ID, converted],
      );
      for (const { stepId, plan } of back) await applyStep(connection, plan, key(stepId), LIMITS);
      expect(await seen(table)).toEqual(before);
      if (undo) for (const { stepId, plan } of [...back].reverse()) await compensateStep(connection, plan, key(stepId));
      if (undo) expect(await seen(table)).toEqual(between);
    }
  });

  test('two workers with one step at once make its effect once', async () => {
    const table = name();
    const tableId = await given(table);
    const [{ stepId, plan }] = (await plansOf(tableId, [
      { do: 'add_column', table, column: column({ name: 'extra', type: 'text' }) },
    ])) as [Planned];
    const both = await Promise.allSettled(
      [1, 2].map(async () => applyStep(connection, plan, { ...key(stepId), lockTimeoutMs: 3000 }, LIMITS)),
    );
    for (const one of both) if (one.status === 'rejected') expect(one.reason).toMatchObject({ retryable: true });
    const result = await applyStep(connection, plan, key(stepId), LIMITS);
    expect(result.statements.length).toBeGreaterThan(0);
    expect(
      (await connection.look((session) => session.readLedger(stepId))).map((row) => [row.direction, row.state]),
    ).toEqual([['apply', 'done']]);
  });

  test('the late answer: a worker that comes back after its successor undid the step can do nothing', async () => {
    const table = name();
    const tableId = await given(table);
    const before = await seen(table);
    const [{ stepId, plan }] = (await plansOf(tableId, [{ do: 'drop_column', table, name: 'code' }])) as [Planned];
    await compensateStep(connection, plan, key(stepId, 2));
    await expect(applyStep(connection, plan, key(stepId, 1), LIMITS)).rejects.toMatchObject({ code: 'stale_token' });
    // Even with a token as good as the successor's: the ledger closed the step.
    await expect(applyStep(connection, plan, key(stepId, 2), LIMITS)).rejects.toMatchObject({ code: 'stale_token' });
    expect(await seen(table)).toEqual(before);
  });

  test('a worker with an older lease is refused by the database itself, for any step on the table', async () => {
    const table = name();
    const tableId = await given(table);
    const [first] = (await plansOf(tableId, [{ do: 'rename_column', table, name: 'code', to: 'label' }])) as [Planned];
    const [second] = (await plansOf(tableId, [{ do: 'rename_column', table, name: 'note', to: 'remark' }])) as [
      Planned,
    ];
    await applyStep(connection, first.plan, key(first.stepId, 7), LIMITS);
    await expect(compensateStep(connection, first.plan, key(first.stepId, 6))).rejects.toMatchObject({
      code: 'stale_token',
    });
    await expect(applyStep(connection, second.plan, key(second.stepId, 6), LIMITS)).rejects.toMatchObject({
      code: 'stale_token',
    });
  });

  test("a step that never ran is not undone: what looks like its effect is another's", async () => {
    const table = name();
    const tableId = uuid();
    const [{ stepId, plan }] = (await plansOf(tableId, [{ do: 'create_table', table, columns: COLUMNS }], [])) as [
      Planned,
    ];
    await given(table);
    const before = await seen(table);
    await compensateStep(connection, plan, key(stepId));
    expect(await seen(table)).toEqual(before);
    await expect(applyStep(connection, plan, key(stepId), LIMITS)).rejects.toMatchObject({ code: 'stale_token' });
  });

  test('the failed duplicate: its creation is refused under the lock, and undoing it leaves the original alone', async () => {
    const table = name();
    const tableId = uuid();
    const [{ stepId, plan }] = (await plansOf(tableId, [{ do: 'create_table', table, columns: COLUMNS }], [])) as [
      Planned,
    ];
    await given(table);
    const before = await seen(table);
    await expect(applyStep(connection, plan, key(stepId), LIMITS)).rejects.toMatchObject({ code: 'drift_detected' });
    await compensateStep(connection, plan, key(stepId));
    expect(await seen(table)).toEqual(before);
  });

  // Elsewhere the record commits with the statement, and there is nothing in between to die in.
  if (_name === 'mysql')
    test("a creation that died before its statement does not take another's equal table for its own", async () => {
      const table = name();
      const tableId = uuid();
      const [{ stepId, plan }] = (await plansOf(tableId, [{ do: 'create_table', table, columns: COLUMNS }], [])) as [
        Planned,
      ];
      // What the ledger holds after a kill between the record and the statement, where both cannot commit as one.
      await connection.exclusively({ tableId, token: 1, lockTimeoutMs: 500 }, async (session) =>
        session.writeLedger({
          step_id: stepId,
          direction: 'apply',
          state: 'intended',
          fingerprint_before: fingerprint(null),
          fingerprint_after: null,
          statements: plan.statements,
          recorded_at: new Date().toISOString(),
        }),
      );
      await given(table);
      const before = await seen(table);
      await expect(applyStep(connection, plan, key(stepId), LIMITS)).rejects.toMatchObject({ code: 'drift_detected' });
      await compensateStep(connection, plan, key(stepId));
      expect(await seen(table)).toEqual(before);
    });

  // Two kills: one after the conversion and before its record, one after the column is back and before its values are.
  if (_name === 'mysql')
    test('an undo that died half-way is finished: former spellings are given back', async () => {
      const table = name();
      const tableId = uuid();
      const [id, seenAt] = [ID, column({ name: 'seen_at', type: 'string', length: 40 })];
      const [make] = (await plansOf(tableId, [{ do: 'create_table', table, columns: [id, seenAt] }], [])) as [Planned];
      await applyStep(connection, make.plan, key(make.stepId), LIMITS);
      await query(fresh.url, `insert into ${table} (seen_at) values ('2024-05-06 07:08:09')`);
      const [keep, alter] = (await plansOf(
        tableId,
        [{ do: 'alter_column', table, from: seenAt, to: column({ name: 'seen_at', type: 'timestamp' }) }],
        [id, seenAt],
      )) as [Planned, Planned];
      for (const { stepId, plan } of [keep, alter]) await applyStep(connection, plan, key(stepId), LIMITS);
      await connection.exclusively({ tableId, token: 1, lockTimeoutMs: 500 }, async (session) => {
        const [row] = await session.readLedger(alter.stepId);
        await session.writeLedger({ ...row!, state: 'intended', fingerprint_after: null });
        await session.writeLedger({
          ...row!,
          direction: 'compensate',
          state: 'intended',
          fingerprint_before: row!.fingerprint_after!,
          fingerprint_after: null,
        });
        for (const statement of alter.plan.compensation) await session.run(statement);
      });
      expect(await query(fresh.url, `select seen_at from ${table}`)).toEqual([
        { seen_at: '2024-05-06 07:08:09.000000' },
      ]);
      await compensateStep(connection, alter.plan, key(alter.stepId));
      await compensateStep(connection, keep.plan, key(keep.stepId));
      expect(await query(fresh.url, `select seen_at from ${table}`)).toEqual([{ seen_at: '2024-05-06 07:08:09' }]);
    });

  // Where the statement's effect stays: elsewhere it goes with the transaction.
  test('what a step made goes back, also where it is not what its plan foresaw', async () => {
    const table = name();
    const tableId = await given(table);
    const before = await seen(table);
    const plans = await plansOf(tableId, [{ do: 'alter_column', table, from: QTY, to: { ...QTY, type: 'bigint' } }]);
    const { stepId, plan } = plans.at(-1)!;
    for (const one of plans.slice(0, -1)) await applyStep(connection, one.plan, key(one.stepId), LIMITS);
    const misread = {
      ...plan,
      after: plan.after.map((one) => ({
        ...one,
        columns: (one.columns as Column[]).map((c) => (c.name === 'qty' ? { ...c, default: '9' } : c)),
      })),
    };
    await expect(applyStep(connection, misread, key(stepId), LIMITS)).rejects.toMatchObject({ code: 'drift_detected' });
    await expect(applyStep(connection, misread, key(stepId), LIMITS)).rejects.toMatchObject({ code: 'drift_detected' });
    await compensateStep(connection, misread, key(stepId));
    for (const one of plans.slice(0, -1).reverse()) await compensateStep(connection, one.plan, key(one.stepId));
    expect(await seen(table)).toEqual(before);
  });

  test('a created table that holds rows by now is set aside when its creation is undone, never dropped', async () => {
    const table = name();
    const tableId = uuid();
    const [{ stepId, plan }] = (await plansOf(tableId, [{ do: 'create_table', table, columns: COLUMNS }], [])) as [
      Planned,
    ];
    await applyStep(connection, plan, key(stepId), LIMITS);
    await query(fresh.url, `insert into ${table} (code) values ('precious')`);
    await compensateStep(connection, plan, key(stepId));
    expect((await seen(table)).rows).toBeNull();
    expect(await query(fresh.url, `select code from ${asideName(stepId)}`)).toEqual([{ code: 'precious' }]);
  });

  test('values that somebody wrote into an added column are set aside with it when the add is undone', async () => {
    const table = name();
    const tableId = await given(table);
    const [{ stepId, plan }] = (await plansOf(tableId, [
      { do: 'add_column', table, column: column({ name: 'extra', type: 'text' }) },
    ])) as [Planned];
    await applyStep(connection, plan, key(stepId), LIMITS);
    await query(fresh.url, `update ${table} set extra = 'precious' where id = 2`);
    await compensateStep(connection, plan, key(stepId));
    expect(await query(fresh.url, `select ${asideName(stepId)} as v from ${table} where id = 2`)).toEqual([
      { v: 'precious' },
    ]);
  });

  test.each<[string, Partial<ColumnInput>, string, Partial<ColumnInput>, string]>([
    [
      'a text that was json',
      { type: 'json', nullable: false },
      `'{"a": [1.50, "x"]}'`,
      { type: 'text', nullable: false },
      `'no json'`,
    ],
    ['a decimal that was an integer', { type: 'integer' }, '7', { type: 'decimal', precision: 10, scale: 2 }, '1.5'],
    ['a text that was a date', { type: 'date' }, `'2020-02-29'`, { type: 'text' }, `'2020-02-30'`],
    ['an integer that was a boolean', { type: 'boolean' }, 'true', { type: 'integer' }, '2'],
    ['a bigint that was a string', { type: 'string', length: 4 }, `'7'`, { type: 'bigint' }, '12345678'],
  ])(
    'rows written meanwhile that do not fit wait to be mended, and are never bent: %s',
    async (_what, was, kept, becomes, late) => {
      const [tableId, table] = [uuid(), name()];
      const from = column({ name: 'v', type: 'text', ...was });
      const columns = [ID, from];
      const [made] = (await plansOf(tableId, [{ do: 'create_table', table, columns }], [])) as [Planned];
      await applyStep(connection, made.plan, key(made.stepId), LIMITS);
      await query(fresh.url, `insert into ${table} (v) values (${kept})`);
      const before = await seen(table);
      const plans = await plansOf(
        tableId,
        [{ do: 'alter_column', table, from, to: column({ name: 'v', type: 'text', ...becomes }) }],
        columns,
      );
      const undo = async (): Promise<void> => {
        for (const { stepId, plan } of [...plans].reverse()) await compensateStep(connection, plan, key(stepId));
      };
      for (const { stepId, plan } of plans) await applyStep(connection, plan, key(stepId), LIMITS);
      await query(fresh.url, `insert into ${table} (v) values (${late})`);
      const between = await seen(table);
      await expect(undo()).rejects.toMatchObject({ code: 'rows_conflict' });
      expect(await seen(table)).toEqual(between);
      await query(fresh.url, `delete from ${table} where id = 2`);
      await undo();
      expect(await seen(table)).toEqual(before);
    },
  );

  test('drift in the managed part refuses the step; what others put beside it is carried along', async () => {
    const table = name();
    const tableId = await given(table);
    await query(fresh.url, `create index ${table}_theirs on ${table} (qty, id)`);
    await query(fresh.url, `alter table ${table} add column theirs varchar(9)`);
    const before = await seen(table);
    const [{ stepId, plan }] = (await plansOf(tableId, [
      { do: 'rename_column', table, name: 'code', to: 'label' },
    ])) as [Planned];
    await applyStep(connection, plan, key(stepId), LIMITS);
    await compensateStep(connection, plan, key(stepId));
    expect(await seen(table)).toEqual(before);
    const [next] = (await plansOf(tableId, [{ do: 'drop_column', table, name: 'code' }])) as [Planned];
    await query(fresh.url, `alter table ${table} drop column theirs`);
    await query(fresh.url, `alter table ${table} rename column note to changed`);
    await expect(applyStep(connection, next.plan, key(next.stepId), LIMITS)).rejects.toMatchObject({
      code: 'drift_detected',
      details: { difference: [{ table, column: 'note', expected: 'a column', found: 'no column' }] },
    });
    await expect(plansOf(tableId, [{ do: 'drop_column', table, name: 'code' }])).rejects.toMatchObject({
      code: 'drift_detected',
    });
  });

  test.each<[string, (table: string) => Task]>([
    ['a table', (table) => ({ do: 'drop_table', table })],
    ['a column', (table) => ({ do: 'drop_column', table, name: 'qty' })],
  ])('%s is not set aside with an index that was made since: it could not come back', async (_what, drop) => {
    const table = name();
    const tableId = await given(table);
    const [{ stepId, plan }] = (await plansOf(tableId, [drop(table)])) as [Planned];
    await query(fresh.url, `create index ${table}_theirs on ${table} (qty, id)`);
    const before = await seen(table);
    await expect(applyStep(connection, plan, key(stepId), LIMITS)).rejects.toMatchObject({
      code: 'drift_detected',
      outcome: 'not_applied',
    });
    await compensateStep(connection, plan, key(stepId));
    expect(await seen(table)).toEqual(before);
    const [again] = (await plansOf(tableId, [drop(table)])) as [Planned];
    await applyStep(connection, again.plan, key(again.stepId), LIMITS);
    await compensateStep(connection, again.plan, key(again.stepId));
    expect(await seen(table)).toEqual(before);
  });

  describe.each<[string, (table: string) => Task]>([
    ['an added column', (table) => ({ do: 'add_column', table, column: column({ name: 'extra', type: 'integer' }) })],
    ['a renamed column', (table) => ({ do: 'rename_column', table, name: 'qty', to: 'amount' })],
    ['a shortened column', (table) => ({ do: 'alter_column', table, from: CODE, to: { ...CODE, length: 10 } })],
    ['a converted column', (table) => ({ do: 'alter_column', table, from: QTY, to: { ...QTY, type: 'bigint' } })],
    ['a column made nullable', (table) => ({ do: 'alter_column', table, from: NOTE, to: { ...NOTE, nullable: true } })],
    ['a renamed table', (table) => ({ do: 'rename_table', table, to: `${table}_moved` })],
  ])('an index that somebody makes beside %s stays when that is undone', (_what, change) => {
    test.each(['planned', 'applied'])('made once it was %s', async (since) => {
      const table = name();
      const tableId = await given(table);
      const make = (on: string): Promise<unknown> =>
        query(fresh.url, `create index ${table}_theirs on ${on} (code, id)`);
      const plans = await plansOf(tableId, [change(table)]);
      if (since === 'planned') await make(table);
      for (const { stepId, plan } of plans) await applyStep(connection, plan, key(stepId), LIMITS);
      if (since === 'applied') await make(plans.at(-1)!.plan.shown_after);
      for (const { stepId, plan } of [...plans].reverse()) await compensateStep(connection, plan, key(stepId));
      const live = await connection.look((session) => session.introspect(table));
      expect(live!.extras.map((extra) => extra.name)).toContain(`${table}_theirs`);
    });
  });

  test('an index that somebody makes beside a column that is set aside stays when the column comes back', async () => {
    const table = name();
    const tableId = await given(table);
    const [{ stepId, plan }] = (await plansOf(tableId, [{ do: 'drop_column', table, name: 'qty' }])) as [Planned];
    await applyStep(connection, plan, key(stepId), LIMITS);
    await query(fresh.url, `create index ${table}_theirs on ${table} (code, id)`);
    await compensateStep(connection, plan, key(stepId));
    const live = await connection.look((session) => session.introspect(table));
    expect(live!.extras.map((extra) => extra.name)).toContain(`${table}_theirs`);
  });

  test('names of up to 48 characters that differ in the last one never collide, aside and keys included', async () => {
    const long = 'n'.repeat(47);
    const ids = [await given(`${long}a`), await given(`${long}b`)];
    const before = await seen(`${long}b`);
    const columns = [
      ...COLUMNS,
      column({ name: `${long}x`, type: 'integer', unique: true }),
      column({ name: `${long}y`, type: 'integer', unique: true }),
    ];
    for (const [i, letter] of ['x', 'y'].entries()) {
      const [{ stepId, plan }] = (await plansOf(
        ids[0]!,
        [{ do: 'add_column', table: `${long}a`, column: columns[4 + i]! }],
        columns.slice(0, 4 + i),
      )) as [Planned];
      await applyStep(connection, plan, key(stepId), LIMITS);
      expect(letter).toBe(columns[4 + i]!.name.at(-1));
    }
    const [{ stepId, plan }] = (await plansOf(ids[0]!, [{ do: 'drop_table', table: `${long}a` }], columns)) as [
      Planned,
    ];
    await applyStep(connection, plan, key(stepId), LIMITS);
    expect(await seen(`${long}b`)).toEqual(before);
    await compensateStep(connection, plan, key(stepId));
    expect(await query(fresh.url, `select count(*) as n from ${long}a`)).toEqual([{ n: expect.anything() }]);
    expect(ID.generated).toBe(true);
  });

  test('a purge destroys nothing but what the project set aside itself', async () => {
    const table = name();
    const tableId = await given(table);
    const {
      plans: [purge],
    } = await preparePurge(connection, tableId, [{ aside: table, table: null }]);
    await expect(finalizeStep(connection, purge!.plan, key(purge!.stepId))).rejects.toMatchObject({
      code: 'database_error',
    });
    expect((await seen(table)).rows).toHaveLength(3);
  });
});
