import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { v7 as uuid } from 'uuid';
import { freshMysql, freshPostgres, freshSqlite, query, type Fresh } from '../../../../testing/fixtures.js';
import { parseUrl } from '../address.js';
import type { Connection } from '../engine.js';
import { engineOf } from '../engines/index.js';
import { fingerprint } from '../live.js';
import { preparePlans, type Planned } from '../prepare.js';
import { completeColumn } from '../schema/column-input.js';
import type { Column } from '../schema/column.js';
import { namesInDatabases, type Index } from '../schema/table-index.js';
import { applyStep, compensateStep, finalizeStep, type StepKey } from '../step.js';
import type { CreateIndexParams } from './create-index.js';
import { isPlanOf, type Task } from './index.js';

const LIMITS = { maxRewriteRows: 1000 };
const COLUMNS = [
  completeColumn({ name: 'id', type: 'integer', primary_key: true, generated: true }).column,
  completeColumn({ name: 'code', type: 'string', length: 20 }).column,
  completeColumn({ name: 'qty', type: 'integer' }).column,
];
/** What the driver says: of one realm of modules, which need not be this one's, so that it is no Error here. */
const TWICE = { message: expect.stringMatching(/unique|duplicate/i) };
const key = (stepId: string): StepKey => ({ stepId, token: 1, lockTimeoutMs: 500 });
const indexOf = (table: string, name: string, unique: boolean): Index => ({
  name,
  columns: [
    { name: 'qty', order: 'desc' },
    { name: 'code', order: 'asc' },
  ],
  unique,
  called: namesInDatabases(table, name, uuid()),
});

describe.each<[string, () => Promise<Fresh>]>([
  ['sqlite', freshSqlite],
  ['postgres', freshPostgres],
  ['mysql', freshMysql],
])('indexes on %s', (engine, make) => {
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

  const plansOf = async (tableId: string, tasks: Task[], indexes: Index[] = []): Promise<Planned[]> =>
    (await preparePlans(connection, tableId, tasks, { columns: COLUMNS, indexes }, LIMITS)).plans;
  const applied = async (plans: Planned[]): Promise<void> => {
    for (const { stepId, plan } of plans.filter(({ phase }) => phase === undefined)) {
      const result = await applyStep(connection, plan, key(stepId), LIMITS);
      expect(await applyStep(connection, plan, key(stepId), LIMITS)).toEqual(result);
    }
  };
  const finalized = async (plans: Planned[]): Promise<void> => {
    for (const { stepId, plan } of plans.filter(({ phase }) => phase === 'finalize')) {
      const result = await finalizeStep(connection, plan, key(stepId));
      expect(await finalizeStep(connection, plan, key(stepId))).toEqual(result);
    }
  };
  const undone = async (plans: Planned[]): Promise<void> => {
    for (const { stepId, plan } of plans.filter(({ phase }) => phase === undefined).reverse()) {
      const result = await compensateStep(connection, plan, key(stepId));
      expect(await compensateStep(connection, plan, key(stepId))).toEqual(result);
    }
  };
  const seen = async (table: string): Promise<string> =>
    connection.look(async (session) => fingerprint(await session.introspect(table)));
  const found = async (table: string): Promise<string[]> =>
    connection.look(async (session) =>
      connection.engine.indexes((await session.introspect(table))!).map((one) => {
        const told = one.columns.map(({ name, order }) => `${name} ${order}`).join(', ');
        return `${one.valid ? '' : 'broken '}${one.unique ? 'unique ' : ''}${one.name} (${told})`;
      }),
    );

  let serial = 0;
  /** A table with two rows. */
  const given = async (): Promise<{ table: string; tableId: string }> => {
    const [table, tableId] = [`t${++serial}`, uuid()];
    await applied(
      (
        await preparePlans(
          connection,
          tableId,
          [{ do: 'create_table', table, columns: COLUMNS }],
          { columns: [], indexes: [] },
          LIMITS,
        )
      ).plans,
    );
    for (const n of [1, 2]) await query(fresh.url, `insert into ${table} (code, qty) values ('c${n}', ${n})`);
    return { table, tableId };
  };
  const duplicate = (table: string): Promise<unknown> =>
    query(fresh.url, `insert into ${table} (code, qty) values ('c1', 1)`);

  test.each([false, true])('create_index, unique %s: there and back as often as it must', async (unique) => {
    const { table, tableId } = await given();
    const before = await seen(table);
    const index = indexOf(table, 'by_qty', unique);
    for (const undo of [true, false]) {
      const plans = await plansOf(tableId, [{ do: 'create_index', table, index }]);
      expect(plans.map(({ plan }) => plan.indexes_after)).toEqual([[index]]);
      await applied(plans);
      expect(await found(table)).toEqual([`${unique ? 'unique ' : ''}${table}_by_qty (qty desc, code asc)`]);
      if (undo) {
        await undone(plans);
        expect(await seen(table)).toEqual(before);
      }
    }
    const work = duplicate(table);
    await (unique ? expect(work).rejects.toMatchObject(TWICE) : work);
  });

  test('drop_index: a unique one refuses duplicates until every database has dropped it', async () => {
    const { table, tableId } = await given();
    const index = indexOf(table, 'by_qty', true);
    await applied(await plansOf(tableId, [{ do: 'create_index', table, index }]));
    const before = await seen(table);
    for (const undo of [true, false]) {
      const plans = await plansOf(tableId, [{ do: 'drop_index', table, index }], [index]);
      expect(plans.map(({ phase }) => phase)).toEqual([undefined, 'finalize']);
      await applied(plans);
      expect(await found(table)).toEqual([]);
      await expect(duplicate(table)).rejects.toMatchObject(TWICE);
      if (undo) {
        await undone(plans);
        expect(await seen(table)).toEqual(before);
      } else await finalized(plans);
    }
    await duplicate(table);
    expect(await found(table)).toEqual([]);
  });

  test('rename_index, and one that takes the name of one that goes', async () => {
    const { table, tableId } = await given();
    const index = indexOf(table, 'by_qty', true);
    await applied(await plansOf(tableId, [{ do: 'create_index', table, index }]));
    const before = await seen(table);
    const to = { name: 'other', called: namesInDatabases(table, 'other', uuid()) };
    const renamed = await plansOf(tableId, [{ do: 'rename_index', table, index, to }], [index]);
    await applied(renamed);
    expect(await found(table)).toEqual([`unique ${table}_other (qty desc, code asc)`]);
    await undone(renamed);
    expect(await seen(table)).toEqual(before);

    const instead: Index = { ...indexOf(table, 'by_qty', false), columns: [{ name: 'code', order: 'asc' }] };
    const tasks: Task[] = [
      { do: 'drop_index', table, index },
      { do: 'create_index', table, index: instead },
    ];
    for (const undo of [true, false]) {
      const plans = await plansOf(tableId, tasks, [index]);
      await applied(plans);
      expect(await found(table)).toEqual([expect.stringMatching(/^t\d+_by_qty\w* \(code asc\)$/)]);
      if (undo) {
        await undone(plans);
        expect(await seen(table)).toEqual(before);
      } else await finalized(plans);
    }
  });

  test('what others made of a managed index meanwhile is drift, and no step runs', async () => {
    const { table, tableId } = await given();
    const index = indexOf(table, 'by_qty', false);
    await applied(await plansOf(tableId, [{ do: 'create_index', table, index }]));
    const [drop] = (await plansOf(tableId, [{ do: 'drop_index', table, index }], [index])) as [Planned];
    const [rename] = (await plansOf(tableId, [{ do: 'rename_table', table, to: `${table}_b` }], [index])) as [Planned];
    await query(
      fresh.url,
      engine === 'mysql' ? `drop index ${table}_by_qty on ${table}` : `drop index ${table}_by_qty`,
    );
    const wanted = {
      code: 'drift_detected',
      message: expect.stringMatching(/expected index by_qty \(qty desc, code\)/),
    };
    for (const { plan, stepId } of [drop, rename])
      await expect(applyStep(connection, plan, key(stepId), LIMITS)).rejects.toMatchObject(wanted);
    await expect(plansOf(tableId, [{ do: 'drop_index', table, index }], [index])).rejects.toMatchObject(wanted);
  });

  test('duplicates refuse a unique one: in prepare with count and example, and when they come later', async () => {
    const { table, tableId } = await given();
    const index = indexOf(table, 'one_qty', true);
    const [planned] = (await plansOf(tableId, [{ do: 'create_index', table, index }])) as [Planned];
    await duplicate(table);
    const before = await seen(table);
    await expect(plansOf(tableId, [{ do: 'create_index', table, index }])).rejects.toMatchObject({
      code: 'rows_conflict',
      message: expect.stringMatching(
        /^\(qty, code\) is not unique: 2 row\(s\) of t\d+ hold values .* at \{"id":"[13]"\}$/,
      ),
      details: { count: 2, example: { id: expect.stringMatching(/^[13]$/) } },
    });
    await expect(applyStep(connection, planned.plan, key(planned.stepId), LIMITS)).rejects.toMatchObject({
      code: 'rows_conflict',
    });
    expect(await seen(table)).toEqual(before);
    expect(await compensateStep(connection, planned.plan, key(planned.stepId))).toMatchObject({ statements: [] });
    expect(await seen(table)).toEqual(before);
  });

  test('a column under a unique index is altered and put back, and the index stays what it is', async () => {
    const { table, tableId } = await given();
    const index: Index = { ...indexOf(table, 'one_qty', true), columns: [{ name: 'qty', order: 'asc' }] };
    await applied(await plansOf(tableId, [{ do: 'create_index', table, index }]));
    const before = await seen(table);
    const from = COLUMNS[2]!;
    const altered: Partial<Column>[] = [
      { nullable: false },
      { default: 7 },
      { type: 'bigint' },
      { type: 'string', length: 30 },
      { unique: true },
    ];
    for (const change of altered) {
      const plans = await plansOf(tableId, [{ do: 'alter_column', table, from, to: { ...from, ...change } }], [index]);
      await applied(plans);
      expect(await found(table)).toContainEqual(`unique ${table}_one_qty (qty asc)`);
      await undone(plans);
      expect(await seen(table)).toEqual(before);
    }
    // And its own uniqueness goes without it.
    const unique = { ...from, unique: true };
    await applied(await plansOf(tableId, [{ do: 'alter_column', table, from, to: unique }], [index]));
    const back = await preparePlans(
      connection,
      tableId,
      [{ do: 'alter_column', table, from: unique, to: from }],
      { columns: COLUMNS.map((column) => (column === from ? unique : column)), indexes: [index] },
      LIMITS,
    );
    await applied(back.plans);
    expect(await seen(table)).toEqual(before);
  });

  test('an index that came back with its column is kept, and stays when that is undone', async () => {
    const { table, tableId } = await given();
    const index = indexOf(table, 'by_qty', false);
    await applied(await plansOf(tableId, [{ do: 'create_index', table, index }]));
    const before = await seen(table);
    const plans = await plansOf(tableId, [{ do: 'create_index', table, index }]);
    expect(plans.map(({ plan }) => plan.statements)).toEqual([[]]);
    await applied(plans);
    await undone(plans);
    expect(await seen(table)).toEqual(before);
  });

  if (engine !== 'postgres') return;

  /** As a build leaves it whose worker died, or whose rows refused it. */
  const leaveBroken = async (table: string, { stepId, plan }: Planned): Promise<string> => {
    if (!isPlanOf('create_index', plan)) throw new Error('no index is created');
    const { as }: CreateIndexParams = plan.params;
    const start = await seen(table);
    await connection.exclusively({ tableId: plan.table_id, token: 1, lockTimeoutMs: 500 }, (session) =>
      session.writeLedger({
        step_id: stepId,
        direction: 'apply',
        state: 'intended',
        fingerprint_before: start,
        fingerprint_after: null,
        statements: plan.statements,
        recorded_at: new Date().toISOString(),
      }),
    );
    await duplicate(table);
    await expect(
      query(fresh.url, `create unique index concurrently ${as} on ${table} (qty desc, code)`),
    ).rejects.toMatchObject(TWICE);
    await query(fresh.url, `delete from ${table} where id > 2`);
    expect(await found(table)).toEqual([`broken unique ${as} (qty desc, code asc)`]);
    return as;
  };

  test('what a broken-off build left goes, and the index is built', async () => {
    const { table, tableId } = await given();
    const index = indexOf(table, 'by_qty', true);
    const [planned] = (await plansOf(tableId, [{ do: 'create_index', table, index }])) as [Planned];
    expect(planned.plan.outsideTransaction).toBe(true);
    const as = await leaveBroken(table, planned);
    const { statements } = await applyStep(connection, planned.plan, key(planned.stepId), LIMITS);
    expect(statements.filter((statement) => !statement.startsWith('set '))).toEqual([
      `drop index concurrently "${as}"`,
      `create unique index concurrently "${as}" on "${table}" ("qty" desc, "code")`,
    ]);
    expect(await found(table)).toEqual([`unique ${as} (qty desc, code asc)`]);
  });

  test('what a broken-off build left goes when the change is undone', async () => {
    const { table, tableId } = await given();
    const index = indexOf(table, 'by_qty', true);
    const before = await seen(table);
    const [planned] = (await plansOf(tableId, [{ do: 'create_index', table, index }])) as [Planned];
    await leaveBroken(table, planned);
    await undone([planned]);
    expect(await found(table)).toEqual([]);
    expect(await seen(table)).toEqual(before);
  });
});
