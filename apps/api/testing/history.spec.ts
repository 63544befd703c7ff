import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pgDriver from 'pg';
import { COLUMN_TYPES, type PortableType } from '#byodb';
import { freshMysql, freshPostgres, freshSqlite, query } from '../../../testing/fixtures.js';
import { threeEngines, type Scene } from './scene.js';
import { WAIT, type Reply, type Service } from './service.js';
import { stateOf } from './state.js';

interface Saga {
  status: string;
  error: { code: string } | null;
}

const ON = ['default', 'crm', 'shop', 'erp'] as const;
type Name = (typeof ON)[number];
let scene: Scene<Exclude<Name, 'default'>>;
let s: Service;
let urls: Record<Name, string>;

beforeAll(async () => {
  scene = await threeEngines(['crm', 'erp', 'shop']);
  ({ s } = scene);
  urls = { default: scene.own, ...scene.urls };
});
afterAll(() => scene.close());

const done = (path: string, body: object): Promise<Reply['body']> => scene.done(path, body);

async function after<T>(ms: number, work: () => Promise<T>): Promise<T> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
  return work();
}

const create = (name: string): Promise<string> =>
  scene.create(name, {
    databases: ON,
    columns: [
      { name: 'id', type: 'integer', primary_key: true, generated: true },
      { name: 'code', type: 'string', length: 40, unique: true },
      { name: 'qty', type: 'integer', nullable: false, default: 1 },
      { name: 'note', type: 'text' },
    ],
    rows: [1, 2].map((qty) => ({ code: `c${qty}`, qty, note: `n${qty}` })),
  });

describe('walked', () => {
  test('show at a version and at a time, in one database, and what there is not', async () => {
    const id = await create('walked');
    const between = new Date().toISOString();
    await new Promise((resolve) => setTimeout(resolve, 10));
    await done('/table/column', { table_id: id, column: { name: 'code', rename_to: 'label' } });
    await done('/table/rename', { table_id: id, name: 'walked_on' });
    const at = async (when: object): Promise<Reply['body']> =>
      (await s.call('POST', '/table/show', { table_id: id, ...when })).body['table'] as Reply['body'];
    expect(await at({ version: 1 })).toMatchObject({ status: 'creating', exists: false, columns: {}, version: 1 });
    expect(Object.keys((await at({ version: 2 }))['columns'] as object)).toEqual(['id', 'code', 'qty', 'note']);
    expect(Object.keys((await at({ at: between }))['columns'] as object)).toEqual(['id', 'code', 'qty', 'note']);
    expect(await at({ version: 3 })).toMatchObject({ status: 'changing', synced: false, name: 'walked' });
    expect(await at({ version: 6 })).toMatchObject({ status: 'active', name: 'walked_on' });
    const query2 = (await s.call('GET', `/tables/${id}?version=4`)).body['table'];
    expect(Object.keys(query2.columns)).toEqual(['id', 'label', 'qty', 'note']);
    expect(await at({ database: 'erp', version: 2 })).toMatchObject({
      databases: ['erp'],
      exists: true,
      name: 'walked',
    });
    expect(await at({ database: 'erp', version: 1 })).toMatchObject({ databases: ['erp'], exists: false });
    expect(await at({ database: 'crm' })).toMatchObject({ databases: ['crm'], exists: true, name: 'walked_on' });
    const codes = [
      await s.call('GET', `/tables/${id}?version=99`),
      await s.call('GET', `/tables/${id}?at=2001-01-01T00:00:00Z`),
      await s.call('GET', `/tables/${id}?version=0`),
      await s.call('GET', `/tables/${id}?database=none`),
      await s.call('GET', `/tables/${id}?colour=red`),
      await s.call('GET', `/tables/${id}?version=1&at=2001-01-01T00:00:00Z`),
    ].map((a) => [a.status, a.body['code']]);
    expect(codes).toEqual([
      [404, 'version_not_found'],
      [404, 'version_not_found'],
      [404, 'version_not_found'],
      [404, 'database_not_found'],
      [400, 'validation_failed'],
      [400, 'validation_failed'],
    ]);
  });

  test('history, oldest first, with one plain sentence each, in pages', async () => {
    const id = await create('told');
    await s.call('POST', '/table/column', {
      table_id: id,
      column: { name: 'qty', type: 'text', unique: true, default: null },
    });
    await done('/table/delete', { table_id: id });
    const { events, next_cursor } = (await s.call('GET', `/tables/${id}/history`)).body as {
      events: { version: number; type: string; summary: string; actor: string; saga_id: string }[];
      next_cursor: null;
    };
    expect([events[0]!.type, events.map((e) => e.version), next_cursor]).toEqual([
      'TableCreationRequested',
      events.map((_, i) => i + 1),
      null,
    ]);
    for (const event of events) expect(event.summary).toMatch(/^[A-Z].*\.?$/);
    const first = (await s.call('GET', `/tables/${id}/history?limit=2`)).body;
    expect(first['next_cursor']).toBe('2');
    expect((await s.call('GET', `/tables/${id}/history?limit=2&cursor=2`)).body['events'][0].version).toBe(3);
    expect((await s.call('GET', '/tables/none/history')).body['code']).toBe('table_not_found');
  });

  test('diff: a renamed column is one column through its life', async () => {
    const id = await create('compared');
    await done('/table/column', {
      table_id: id,
      columns: [{ name: 'code', rename_to: 'label', length: 60 }, { name: 'note' }, { name: 'more', type: 'boolean' }],
    });
    const { body } = await s.call('GET', `/tables/${id}/diff?from=2&to=4`);
    expect(body).toMatchObject({
      name: null,
      renamed: [{ from: 'code', to: 'label' }],
      added: [{ name: 'more' }],
      removed: [{ name: 'note' }],
      altered: [{ column: 'label', from: { name: 'code', length: 40 }, to: { name: 'label', length: 60 } }],
    });
    expect((await s.call('GET', `/tables/${id}/diff?from=2&to=99`)).body['code']).toBe('version_not_found');
    expect((await s.call('GET', `/tables/${id}/diff?from=4&to=4`)).body).toMatchObject({
      added: [],
      removed: [],
      altered: [],
      renamed: [],
    });
  });
});

describe('replayed', () => {
  test('the timeline ends in what show says, nothing is sent anywhere, and its DDL builds the table on each engine', async () => {
    const id = await create('again');
    await done('/table/column', { table_id: id, column: { name: 'note', rename_to: 'remark' } });
    const before = (await s.call('GET', '/sagas?limit=500')).body['sagas'].length as number;
    const { status, body } = await s.call('POST', '/table/replay', { table_id: id });
    expect(status).toBe(200);
    expect(body['timeline'].map((t: { version: number }) => t.version)).toEqual([1, 2, 3, 4]);
    expect(body['timeline'].at(-1).table).toEqual(body['table']);
    expect(body['table']).toEqual((await s.call('GET', `/tables/${id}`)).body['table']);
    expect((await s.call('GET', '/sagas?limit=500')).body['sagas']).toHaveLength(before);
    expect((await s.call('POST', '/table/replay', { table_id: id, version: 2 })).body['table']).toMatchObject({
      version: 2,
    });
    for (const [engine, make] of [
      ['postgres', freshPostgres],
      ['mysql', freshMysql],
      ['sqlite', freshSqlite],
    ] as const) {
      const fresh = await make();
      for (const statement of body['ddl'][engine] as string[]) await query(fresh.url, statement);
      await query(fresh.url, `insert into again (code, remark) values ('x', 'y')`);
      expect(await query(fresh.url, 'select id, code, qty, remark from again')).toEqual([
        { id: 1, code: 'x', qty: 1, remark: 'y' },
      ]);
      await fresh.drop();
    }
  });

  test.each(ON)(
    'into %s, as of a version: a new table with its own id and its origin, schema only',
    async (database) => {
      const id = await create(`source_${database}`);
      await done('/table/column', { table_id: id, column: { name: 'note' } });
      const made = await done('/table/replay', { table_id: id, version: 2, database, as: `copy_${database}` });
      expect(made).toMatchObject({
        saga: { kind: 'table.replay' },
        table: { name: `copy_${database}`, databases: [database], origin: { table_id: id, version: 2 } },
      });
      expect(made['table'].table_id).not.toBe(id);
      expect(Object.keys(made['table'].columns as object)).toEqual(['id', 'code', 'qty', 'note']);
      expect((await stateOf({ [database]: urls[database]! }, `copy_${database}`))[database]!.rows).toEqual([]);
      const taken = await s.call('POST', '/table/replay', { table_id: id, database });
      expect([taken.status, taken.body['code']]).toEqual([409, 'table_name_taken']);
      expect((await s.call('POST', '/table/replay', { table_id: id, as: 'x' })).status).toBe(400);
    },
  );
});

describe('gone back to', () => {
  test('a revert behind a change that failed is refused where it would not lead to its version', async () => {
    const id = await create('behind_failed');
    await done('/table/column', { table_id: id, column: { name: 'extra', type: 'integer' } });
    const owner = new pgDriver.Client(urls.crm);
    await owner.connect();
    await owner.query('begin');
    await owner.query('lock table behind_failed in access exclusive mode');
    // It waits for the lock; the revert is found with the column gone.
    const drop = await s.call('POST', '/table/column', { table_id: id, column: { name: 'extra' } });
    const revert = await s.call('POST', '/table/revert', { table_id: id, version: 2 });
    expect([drop.status, revert.status]).toEqual([202, 202]);
    await s.call('POST', `/sagas/${drop.body['saga'].saga_id}/abort`, { reason: 'not today' });
    await owner.query('rollback');
    await owner.end();
    const ended = await after(0, async () => {
      for (;;) {
        const { saga } = (await s.call('GET', `/sagas/${revert.body['saga'].saga_id}`)).body as { saga: Saga };
        if (['completed', 'compensated', 'rejected'].includes(saga.status)) return saga;
        await after(50, async () => undefined);
      }
    });
    expect(ended).toMatchObject({ status: 'rejected', error: { code: 'invalid_in_turn' } });
    const { table } = await done('/table/revert', { table_id: id, version: 2 });
    expect(Object.keys(table.columns as object)).not.toContain('extra');
  });

  test('an earlier version: names, types and dropped columns with their data, on every database', async () => {
    const id = await create('reverted');
    const before = await stateOf(urls, 'reverted');
    await done('/table/column', {
      table_id: id,
      columns: [
        { name: 'code', rename_to: 'label' },
        { name: 'note' },
        { name: 'more', type: 'boolean' },
        { name: 'qty', type: 'bigint', nullable: true },
      ],
    });
    await done('/table/rename', { table_id: id, name: 'reverted_away' });
    const back = await done('/table/revert', { table_id: id, version: 2 });
    expect(back).toMatchObject({ saga: { kind: 'table.revert', status: 'completed' }, table: { name: 'reverted' } });
    expect(Object.keys(back['table'].columns as object)).toEqual(['id', 'code', 'qty', 'note']);
    const now = await stateOf(urls, 'reverted');
    for (const name of ON)
      expect(
        (now[name]!.rows as Record<string, unknown>[]).map(({ id: key, code, qty, note }) => [
          key,
          code,
          Number(qty),
          note,
        ]),
      ).toEqual(before[name]!.rows!.map((r) => Object.values(r)));
    const head = back['table'].version as number;
    expect((await s.call('GET', `/tables/${id}/diff?from=2&to=${head}`)).body).toMatchObject({
      name: null,
      added: [],
      removed: [],
      altered: [],
      renamed: [],
    });
    // And forward again: what the revert dropped comes back as well.
    await done('/table/revert', { table_id: id, version: 6 });
    expect(Object.keys((await s.call('GET', `/tables/${id}`)).body['table'].columns)).toEqual([
      'id',
      'label',
      'qty',
      'more',
    ]);
    expect((await s.call('GET', `/tables/${id}/diff?from=6`)).body).toMatchObject({
      name: null,
      added: [],
      removed: [],
      altered: [],
      renamed: [],
    });
  });

  test('columns dropped one after another come back in the order in which they stood', async () => {
    const id = await create('ordered');
    for (const column of ['code', 'qty', 'note'])
      await done('/table/column', { table_id: id, column: { name: column } });
    await done('/table/revert', { table_id: id, version: 4 });
    const { table } = await done('/table/revert', { table_id: id, version: 2 });
    expect(Object.keys(table.columns as object)).toEqual(['id', 'code', 'qty', 'note']);
    const states = await stateOf(urls, 'ordered');
    for (const [name, { rows }] of Object.entries(states)) {
      const stand = Object.keys(rows![0]!);
      if (name !== 'crm') expect(stand).toEqual(['id', 'code', 'qty', 'note']);
      // PostgreSQL knows no place but the last: that is known of this database, and no drift.
      else expect(stand).toEqual(['id', 'note', 'qty', 'code']);
      expect(
        (await s.call('GET', `/databases/${name}/drift`)).body['drift'].filter(
          (one: { table: string }) => one.table === 'ordered',
        ),
      ).toEqual([]);
    }
  });

  test('a column that was renamed and then altered is looked at under the name that it has by now', async () => {
    const id = await create('called');
    await done('/table/column', {
      table_id: id,
      columns: [{ name: 'note' }, { name: 'code', rename_to: 'note' }, { name: 'qty', nullable: true }],
    });
    await done('/table/column', {
      table_id: id,
      columns: [
        { name: 'note', type: 'text', unique: false },
        { name: 'qty', rename_to: 'amount' },
        { name: 'amount', type: 'string', length: 20, default: null },
      ],
    });
    for (const url of Object.values(urls))
      await query(url, `update called set note = '${'x'.repeat(60)}' where id = 2`);
    // Its former type cannot hold what was written: found by a look at the column that is called otherwise now.
    const refused = await s.call('POST', '/table/revert', { table_id: id, version: 2 }, WAIT);
    expect(refused.body).toMatchObject({
      code: 'saga_rejected',
      saga: { error: { code: 'lossy_conversion', details: { count: 1, example: { id: '2' } } } },
    });
    for (const url of Object.values(urls)) await query(url, `update called set note = 'c2' where id = 2`);
    await done('/table/revert', { table_id: id, version: 2 });
    for (const { rows } of Object.values(await stateOf(urls, 'called')))
      expect(rows!.map((row) => Object.values(row))).toEqual([
        [1, 'c1', 1, 'n1'],
        [2, 'c2', 2, 'n2'],
      ]);
  });

  test('rows written meanwhile that do not fit what is to come back: rejected with rows_conflict', async () => {
    const id = await create('misfit');
    await done('/table/column', { table_id: id, column: { name: 'note', nullable: false } });
    await done('/table/column', { table_id: id, column: { name: 'note' } });
    await query(urls.crm, `insert into misfit (code) values ('without')`);
    const refused = await s.call('POST', '/table/revert', { table_id: id, version: 4 }, WAIT);
    expect(refused.body).toMatchObject({
      code: 'saga_rejected',
      saga: { status: 'rejected', error: { code: 'rows_conflict', database: 'crm', details: { count: 1 } } },
    });
  });

  test('what it cannot go back to is refused at once', async () => {
    const id = await create('refused');
    const seen = async (version: number): Promise<unknown[]> => {
      const a = await s.call('POST', '/table/revert', { table_id: id, version });
      return [a.status, a.body['code']];
    };
    expect(await seen(99)).toEqual([404, 'version_not_found']);
    expect(await seen(1)).toEqual([422, 'unsupported_change']);
    await done('/table/delete', { table_id: id });
    expect(await seen(2)).toEqual([409, 'table_dropped']);
  });
});

describe('where it lives', () => {
  test('add builds it there without rows, remove sets it aside there; later changes go where it lives then', async () => {
    const { table } = await done('/table/create', { name: 'placed', databases: ['default', 'crm'] });
    const id = table.table_id as string;
    await query(urls.crm, `insert into placed (name) values ('kept')`);
    // Sent without waiting: the column is added wherever the table will be by then.
    expect(
      (await s.call('POST', '/table/databases', { table_id: id, add: ['erp', 'shop'], remove: ['crm'] })).status,
    ).toBe(202);
    const { table: now, saga } = await done('/table/column', {
      table_id: id,
      column: { name: 'more', type: 'integer' },
    });
    expect(now.databases).toEqual(['default', 'erp', 'shop']);
    expect(
      saga.steps
        .filter((step: { phase: string }) => step.phase === 'apply')
        .map((step: { database: string }) => step.database)
        .sort(),
    ).toEqual(['default', 'erp', 'shop']);
    for (const name of ['erp', 'shop', 'default'] as const)
      expect((await stateOf({ [name]: urls[name] }, 'placed'))[name]!.rows).toEqual([]);
    expect((await stateOf({ crm: urls.crm }, 'placed'))['crm']!.rows).toBeNull();
    // The name is free there, what was set aside is kept, and the database cannot be forgotten while it is.
    expect((await s.call('POST', '/table/create', { name: 'placed', databases: ['crm'] }, WAIT)).status).toBe(200);
    const asides = await query<{ n: string }>(
      urls.crm,
      `select relname as n from pg_class where relname like '\\_saga\\_%' and relkind = 'r' and length(relname) = 38`,
    );
    expect(await Promise.all(asides.map(async ({ n }) => query(urls.crm, `select * from ${n}`)))).toContainEqual([
      expect.objectContaining({ name: 'kept' }),
    ]);
    expect((await s.call('GET', '/databases/erp/drift')).body['in_sync']).toBe(true);
    const refused = [
      await s.call('POST', '/table/databases', { table_id: id, add: ['crm'] }),
      await s.call('POST', '/table/databases', { table_id: id, remove: ['default', 'erp', 'shop'] }),
      await s.call('POST', '/table/databases', { table_id: id }),
      await s.call('POST', '/table/databases', { table_id: id, add: ['none'] }),
      await s.call('POST', '/table/databases', { table_id: id, add: ['crm'], remove: ['crm'] }),
    ].map((a) => [a.status, a.body['code']]);
    expect(refused).toEqual([
      [409, 'table_name_taken'],
      [422, 'unsupported_change'],
      [400, 'validation_failed'],
      [404, 'database_not_found'],
      [400, 'validation_failed'],
    ]);
    expect((await done('/table/databases', { table_id: id, add: ['erp'] })).saga).toMatchObject({
      kind: 'table.databases',
      status: 'completed',
    });
  });
});

/** From now on PostgreSQL refuses a change that made a column named poison…, once its statement has run. */
async function refusePoison(): Promise<void> {
  await query(
    urls.crm,
    'create function refuse_more() returns event_trigger language plpgsql as $$ begin if exists (select ' +
      'from pg_event_trigger_ddl_commands() c join pg_attribute a on a.attrelid = c.objid where a.attname ' +
      `like 'poison%') then raise exception 'not today'; end if; end $$`,
  );
  await query(
    urls.crm,
    "create event trigger refuse_more on ddl_command_end when tag in ('ALTER TABLE') execute function refuse_more()",
  );
}

test('what was asked behind a change that fails is done all the same, though it would have been so already', async () => {
  const id = await create('behind');
  await refusePoison();
  const change = (...columns: object[]): Promise<Reply> =>
    s.call('POST', '/table/column', { table_id: id, columns }, WAIT);
  const text = (name: string): object => ({ name, type: 'text' });
  const quantity = { name: 'qty', nullable: true, default: 5 };
  const long = 'longer than forty characters, which is what it may be now';
  const tooLong = 'again longer than forty characters, which it may not be now';
  try {
    const [first, second, third] = await Promise.all([
      change(quantity, text('poison')),
      after(20, () => change(quantity)),
      after(40, () => change({ name: 'code', length: 200, default: long }, text('poison_too'))),
      after(60, () => change({ name: 'code', nullable: false, default: tooLong })),
    ]);
    expect([first.body['code'], second.status, third.body['code']]).toEqual([
      'saga_compensated',
      200,
      'saga_compensated',
    ]);
    const { columns, last_error } = (await s.call('GET', `/tables/${id}`)).body['table'];
    expect(columns).toMatchObject({
      qty: { nullable: true, default: 5 },
      code: { type: 'string', length: 40, nullable: true, default: null },
    });
    expect(last_error).toMatchObject({ code: 'invalid_in_turn' });
    for (const name of ON)
      expect([
        name,
        (await s.call('GET', `/databases/${name}/drift`)).body['drift'].filter(
          (d: { table: string }) => d.table === 'behind',
        ),
      ]).toEqual([name, []]);
  } finally {
    await query(urls.crm, 'drop event trigger refuse_more');
  }
});

test('a change that was sent behind a move that did not happen is judged again, and refused', async () => {
  const { table } = await done('/table/create', { name: 'stays', databases: ['default'] });
  await query(urls.erp, 'create table stays (precious int)');
  const move = (await s.call('POST', '/table/databases', { table_id: table.table_id, add: ['erp'] })).body['saga']
    .saga_id as string;
  const behind = await s.call(
    'POST',
    '/table/column',
    { table_id: table.table_id, column: { name: 'more', type: 'text' } },
    WAIT,
  );
  expect((await s.call('GET', `/sagas/${move}`)).body['saga']).toMatchObject({
    status: 'rejected',
    error: { code: 'table_name_taken', database: 'erp' },
  });
  expect(behind.body).toMatchObject({ code: 'saga_rejected', saga: { error: { code: 'invalid_in_turn' } } });
  await query(urls.erp, 'drop table stays');
  expect(
    (await done('/table/column', { table_id: table.table_id, column: { name: 'more', type: 'text' } })).table.databases,
  ).toEqual(['default']);
});

describe('a database by itself', () => {
  test('its own timeline: which step was applied there when, with statements and fingerprints', async () => {
    const id = await create('timeline');
    await done('/table/column', { table_id: id, column: { name: 'note', rename_to: 'remark' } });
    const { events } = (await s.call('GET', '/databases/erp/history?limit=500')).body as {
      events: {
        table_id: string;
        operation: string;
        direction: string;
        statements: string[];
        fingerprint_after: string;
      }[];
    };
    expect(events.filter((e) => e.table_id === id).map((e) => [e.operation, e.direction, e.statements.length])).toEqual(
      [
        ['create_table', 'apply', 1],
        ['rename_column', 'apply', 1],
      ],
    );
    const first = (await s.call('GET', '/databases/erp/history?limit=1')).body;
    const second = (await s.call('GET', `/databases/erp/history?limit=1&cursor=${first['next_cursor'] as string}`))
      .body;
    expect([first['events'][0], second['events'][0]]).toEqual(events.slice(0, 2));
  });

  const DEFAULTS: Partial<Record<PortableType, unknown>> = {
    smallint: 7,
    integer: -1,
    bigint: '9223372036854775807',
    decimal: '1.50',
    float: 1.5,
    double: 0.1,
    boolean: true,
    string: `it's`,
    text: 'x\\y',
    uuid: { function: 'uuid' },
    date: { function: 'now' },
    time: '12:34:56.5',
    timestamp: { function: 'now' },
    json: { a: [1, null] },
  };

  test.each(ON)(
    "%s: the project's own schema is no drift, whatever its types and defaults; what others did is, column by column",
    async (name) => {
      const { table } = await done('/table/create', {
        name: `drift_${name}`,
        databases: [name],
        columns: [
          { name: 'id', type: 'bigint', primary_key: true, generated: true },
          ...COLUMN_TYPES.flatMap((type) => [
            { name: `plain_${type}`, type },
            ...(type in DEFAULTS ? [{ name: `with_${type}`, type, nullable: false, default: DEFAULTS[type] }] : []),
          ]),
          { name: 'one', type: 'string', length: 20, unique: true },
        ],
      });
      // Everything that the tests above made, changed, renamed and reverted there included.
      expect((await s.call('GET', `/databases/${name}/drift`)).body).toEqual({
        database: name,
        in_sync: true,
        drift: [],
      });
      const url = urls[name]!;
      await query(url, `alter table drift_${name} rename column plain_text to theirs`);
      await query(url, 'create table stranger (id integer)');
      const { drift } = (await s.call('GET', `/databases/${name}/drift`)).body as {
        drift: { kind: string; table: string; table_id: string | null; differences: object[] }[];
      };
      expect(drift.find((d) => d.table === 'stranger')).toMatchObject({ kind: 'added', table_id: null });
      const own = drift.find((d) => d.table === `drift_${name}`)!;
      expect(own).toMatchObject({ kind: 'changed', table_id: table.table_id });
      expect(own.differences).toEqual([
        { column: 'plain_text', expected: 'a column', found: 'no column' },
        { column: 'theirs', expected: 'no column', found: expect.stringMatching(/^a column of type/) },
      ]);
      await query(url, `drop table drift_${name}`);
      expect((await s.call('GET', `/databases/${name}/drift`)).body['drift']).toContainEqual({
        kind: 'missing',
        table: `drift_${name}`,
        table_id: table.table_id,
        differences: [{ column: null, expected: 'a table', found: 'no table' }],
      });
    },
  );
});
