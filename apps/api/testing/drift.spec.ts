import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { query, type Fresh } from '../../../testing/fixtures.js';
import { copyDatabase } from '../../../testing/copy-database.js';
import { threeEngines, type Scene } from './scene.js';
import { WAIT, type Reply, type Service } from './service.js';
import { stateOf } from './state.js';

const ON = ['crm', 'shop', 'erp'] as const;
type Name = (typeof ON)[number];
let scene: Scene<Name>;
let s: Service;
let urls: Record<Name, string>;
const kept: Fresh[] = [];

beforeAll(async () => {
  scene = await threeEngines(['crm', 'erp', 'shop']);
  ({ s, urls } = scene);
});
afterAll(async () => {
  await scene.close();
  await Promise.all(kept.map((fresh) => fresh.drop()));
});

const done = (path: string, body: object | undefined): Promise<Reply['body']> => scene.done(path, body);

const create = (name: string, databases: readonly Name[] = ON): Promise<string> =>
  scene.create(name, {
    databases,
    columns: [
      { name: 'id', type: 'integer', primary_key: true, generated: true },
      { name: 'code', type: 'string', length: 40 },
      { name: 'qty', type: 'integer', nullable: false, default: 1 },
    ],
    rows: [{ code: 'c1', qty: 1 }],
  });

async function allEvents(saga: string): Promise<{ data: { error?: { code: string } } }[]> {
  return (await s.call('GET', `/sagas/${saga}/events?limit=500`)).body['events'] as {
    data: { error?: { code: string } };
  }[];
}

async function shown(id: string): Promise<Record<string, Record<string, unknown>>> {
  return (await s.call('GET', `/tables/${id}`)).body['table'].columns;
}

async function drift(database: string, table: string): Promise<object[]> {
  const answer = await s.call('GET', `/databases/${database}/drift`);
  expect(answer.status).toBe(200);
  return (answer.body['drift'] as { table: string; differences: object[] }[])
    .filter((d) => d.table === table)
    .flatMap((d) => d.differences);
}

const resolve = async (database: string, table_id: string, as: string): Promise<Reply> =>
  s.call('POST', `/databases/${database}/drift/resolve`, { table_id, as }, WAIT);

describe.each(ON)('drift on %s', (where) => {
  const others = ON.filter((name) => name !== where);

  test('what was ignored is not adopted with what came later, and is meant when nothing else differs', async () => {
    const id = await create(`later_${where}`);
    const columnsOf = async (): Promise<string[]> => Object.values(await shown(id)).map((c) => String(c['name']));
    await query(urls[where], `alter table later_${where} add column theirs integer`);
    expect((await resolve(where, id, 'ignore')).status).toBe(200);
    await query(urls[where], `alter table later_${where} add column ours integer`);
    expect(await drift(where, `later_${where}`)).toHaveLength(1);
    expect((await resolve(where, id, 'adopt')).status).toBe(200);
    expect(await columnsOf()).toEqual(['id', 'code', 'qty', 'ours']);
    await query(urls[where], `update later_${where} set theirs = 7`);
    expect(await drift(where, `later_${where}`)).toEqual([]);
    expect((await resolve(where, id, 'adopt')).status).toBe(200);
    expect((await columnsOf()).sort()).toEqual(['code', 'id', 'ours', 'qty', 'theirs']);
    for (const other of others) await query(urls[other], `update later_${where} set theirs = 8, ours = 9`);
  });

  test('a change that meets drift is rejected with the difference, until it is restored', async () => {
    const id = await create(`meets_${where}`);
    await query(urls[where], `alter table meets_${where} rename column code to theirs`);
    const before = await stateOf(urls, `meets_${where}`);
    const refused = await s.call('POST', '/table/column', { table_id: id, column: { name: 'a', type: 'text' } }, WAIT);
    expect(refused).toMatchObject({
      status: 422,
      body: {
        code: 'saga_rejected',
        saga: {
          error: {
            code: 'drift_detected',
            database: where,
            details: { difference: [{ column: 'code', expected: 'a column', found: 'no column' }] },
          },
        },
      },
    });
    expect(await stateOf(urls, `meets_${where}`)).toEqual(before);
    expect(await drift(where, `meets_${where}`)).toHaveLength(2);
    const restored = await resolve(where, id, 'restore');
    expect([restored.status, restored.body['detail']]).toEqual([200, undefined]);
    expect(restored.body).toMatchObject({
      saga: { kind: 'drift.resolve', status: 'completed', reversible_until: null },
    });
    expect(await query(urls[where], `select code from meets_${where}`)).toEqual([{ code: 'c1' }]);
    expect(await drift(where, `meets_${where}`)).toEqual([]);
    expect(Object.keys(await shown(id))).toEqual(['id', 'code', 'qty']);
    await done('/table/column', { table_id: id, column: { name: 'a', type: 'text' } });
    for (const name of ON) expect(await drift(name, `meets_${where}`)).toEqual([]);
    expect(await query(urls[where], `select id, qty from meets_${where}`)).toHaveLength(1);
  });

  test('adopted: history and the other databases follow', async () => {
    const id = await create(`adopted_${where}`);
    await query(urls[where], `alter table adopted_${where} add column extra varchar(20)`);
    if (where !== 'shop')
      await query(
        urls[where],
        where === 'crm'
          ? `alter table adopted_crm alter column qty type bigint`
          : `alter table adopted_erp modify qty bigint not null default 1`,
      );
    await query(urls[where], `alter table adopted_${where} drop column code`);
    expect(await drift(where, `adopted_${where}`)).toEqual(
      expect.arrayContaining([
        { column: 'extra', expected: 'no column', found: expect.stringContaining('a column') },
        { column: 'code', expected: 'a column', found: 'no column' },
      ]),
    );
    const dry = await s.call('POST', `/databases/${where}/drift/resolve?dry_run=true`, { table_id: id, as: 'adopt' });
    expect(dry.body['plan']).toMatchObject({
      blocked_by: null,
      steps: expect.arrayContaining([
        expect.objectContaining({ database: others[0], operation: 'drop_column' }),
        expect.objectContaining({ database: where, operation: 'adopt', statements: [] }),
      ]),
    });
    expect((await resolve(where, id, 'adopt')).status).toBe(200);
    const columns = await shown(id);
    expect(Object.keys(columns)).toEqual(['id', 'qty', 'extra']);
    expect(columns).toMatchObject({
      extra: { type: 'string', length: 20, nullable: true },
      qty: { type: where === 'shop' ? 'integer' : 'bigint', nullable: false },
    });
    for (const name of ON) expect([name, await drift(name, `adopted_${where}`)]).toEqual([name, []]);
    expect((await s.call('GET', `/tables/${id}?database=${where}`)).body['table'].columns).toHaveProperty('extra');
    await done('/table/column', { table_id: id, column: { name: 'extra', length: 30 } });
    for (const name of ON) expect([name, await drift(name, `adopted_${where}`)]).toEqual([name, []]);
  });

  test('D22: a column that was renamed by hand is renamed on the others, with its values', async () => {
    const table = `carried_${where}`;
    const id = await create(table);
    await query(urls[where], `alter table ${table} rename column code to remark`);
    await query(urls[where], `alter table ${table} add column extra varchar(20)`);
    const dry = await s.call('POST', `/databases/${where}/drift/resolve?dry_run=true`, { table_id: id, as: 'adopt' });
    expect(
      (dry.body['plan'].steps as { database: string; operation: string }[])
        .filter(({ database }) => database === others[0])
        .map(({ operation }) => operation),
    ).toEqual(['rename_column', 'add_column']);
    expect((await resolve(where, id, 'adopt')).status).toBe(200);
    expect(Object.keys(await shown(id))).toEqual(['id', 'remark', 'qty', 'extra']);
    for (const name of ON) {
      expect(await query(urls[name], `select id, remark, qty, extra from ${table}`)).toEqual([
        { id: 1, remark: 'c1', qty: 1, extra: null },
      ]);
      expect(await drift(name, table)).toEqual([]);
    }
  });

  test('ignored: it is no drift any more, changes go on, and the others stay as they are', async () => {
    const id = await create(`ignored_${where}`);
    const table = `ignored_${where}`;
    await query(urls[where], `alter table ${table} add column extra varchar(20)`);
    await query(urls[where], `alter table ${table} drop column code`);
    expect((await resolve(where, id, 'ignore')).status).toBe(200);
    expect(await drift(where, table)).toEqual([]);
    expect(Object.keys(await shown(id))).toEqual(['id', 'code', 'qty']);
    await done('/table/column', {
      table_id: id,
      columns: [
        { name: 'a', type: 'text' },
        { name: 'code', length: 50 },
        { name: 'qty', rename_to: 'amount' },
      ],
    });
    await done('/table/column', { table_id: id, column: { name: 'code', nullable: false, default: 'x' } });
    for (const name of ON) expect([name, await drift(name, table)]).toEqual([name, []]);
    expect(await query(urls[where], `select id, amount, extra, a from ${table}`)).toEqual([
      { id: 1, amount: 1, extra: null, a: null },
    ]);
    await query(urls[where], `alter table ${table} drop column amount`);
    expect(await drift(where, table)).toEqual([{ column: 'amount', expected: 'a column', found: 'no column' }]);
    expect((await resolve(where, id, 'restore')).status).toBe(200);
    for (const name of ON) expect([name, await drift(name, table)]).toEqual([name, []]);
    expect(Object.keys((await query(urls[where], `select * from ${table}`))[0]!)).toEqual(
      expect.arrayContaining(['id', 'code', 'amount', 'a']),
    );
  });

  test('a table that is gone: built again, or taken out of the database', async () => {
    const id = await create(`gone_${where}`);
    const table = `gone_${where}`;
    await query(urls[where], `drop table ${table}`);
    expect(await resolve(where, id, 'ignore')).toMatchObject({ status: 422, body: { code: 'unsupported_change' } });
    expect((await resolve(where, id, 'restore')).status).toBe(200);
    expect(await drift(where, table)).toEqual([]);
    expect(await query(urls[where], `select * from ${table}`)).toEqual([]);
    await query(urls[where], `drop table ${table}`);
    expect((await resolve(where, id, 'adopt')).body).toMatchObject({ table: { databases: others, status: 'active' } });
    await done('/table/column', { table_id: id, column: { name: 'a', type: 'text' } });
    const alone = await create(`alone_${where}`, [where]);
    await query(urls[where], `drop table alone_${where}`);
    expect((await resolve(where, alone, 'adopt')).body).toMatchObject({ table: { status: 'dropped', exists: false } });
    expect(await s.call('POST', '/table/restore', { table_id: alone }, WAIT)).toMatchObject({
      status: 409,
      body: { code: 'retention_expired' },
    });
    await create(`alone_${where}`, [where]);
  });

  test('what nobody can restore is refused, and nothing is touched; rows that would not survive reject it', async () => {
    const id = await create(`lossy_${where}`);
    const table = `lossy_${where}`;
    await query(urls[where], `alter table ${table} add column wide text`);
    await query(
      urls[where],
      where === 'shop'
        ? `alter table ${table} rename column qty to quantity`
        : where === 'crm'
          ? `alter table ${table} alter column code type text`
          : `alter table ${table} modify code longtext`,
    );
    await query(urls[where], `insert into ${table} (code) values ('${'x'.repeat(60)}')`);
    const before = await stateOf(urls, table);
    const answer = await resolve(where, id, 'restore');
    if (where !== 'shop') {
      expect(answer).toMatchObject({
        status: 422,
        body: { code: 'saga_rejected', saga: { error: { code: 'lossy_conversion', database: where } } },
      });
      expect(await stateOf(urls, table)).toEqual(before);
    } else expect(answer.status).toBe(200);
    await resolve(where, id, 'ignore');
    expect(await drift(where, table)).toEqual([]);
    expect(await s.call('POST', `/databases/${where}/drift/resolve`, { table_id: 'x', as: 'restore' })).toMatchObject({
      status: 404,
      body: { code: 'table_not_found' },
    });
    expect(
      await s.call('POST', `/databases/${where}/drift/resolve`, { table_id: id, as: 'forget', more: 1 }),
    ).toMatchObject({ status: 400, body: { errors: [{ path: 'as' }, { path: 'more' }] } });
    expect(await s.call('POST', '/databases/default/drift/resolve', { table_id: id, as: 'adopt' })).toMatchObject({
      status: 404,
      body: { code: 'table_not_found' },
    });
  });
});

const THEIRS: Record<string, { make: string[]; own: Record<string, string> }> = {
  crm: {
    make: [
      "create table legacy (id bigserial, tags text[] not null default '{}', code varchar(20) default 'n', " +
        'mood int4range, at timestamptz default now(), price numeric(8,2) unique, primary key (id, code))',
      'create index legacy_tags on legacy using gin (tags)',
      "insert into legacy (tags, code, price) values ('{a,b}', 'k', 1.5)",
    ],
    own: { tags: 'text[]', mood: 'int4range' },
  },
  shop: {
    make: [
      (
        'create table legacy (id integer primary key, tags money_bag not null default (1+1), code ' +
        "varchar(20) default 'n', at timestamp default current_timestamp, price decimal(8,2) unique) strict"
      ).replace(' strict', ''),
      'create index legacy_at on legacy (at)',
      "insert into legacy (tags, code, price) values ('{a,b}', 'k', 1.5)",
    ],
    own: { tags: 'money_bag' },
  },
  erp: {
    make: [
      "create table legacy (id int unsigned auto_increment, tags enum('Aa','bB') not null default 'bB', " +
        "code varchar(20) default 'n', price decimal(8,2) unique, seen timestamp default current_timestamp " +
        "on update current_timestamp, primary key (id)) comment 'theirs'",
      "insert into legacy (tags, code, price) values ('Aa', 'k', 1.5)",
    ],
    own: { tags: "enum('Aa','bB')", id: 'int(10) unsigned' },
  },
};

describe.each(ON)('adopted from %s', (where) => {
  /** The id of the table `legacy`, once it is adopted. */
  let legacy: string;

  test('a table that others made comes under management as it is', async () => {
    const url = urls[where];
    for (const sql of THEIRS[where]!.make) await query(url, sql);
    await query(url, 'create table other_legacy (id integer not null primary key, name varchar(10))');
    const before = await stateOf({ [where]: url }, 'legacy');
    const dry = await s.call('POST', `/databases/${where}/adopt?dry_run=true`, { tables: ['legacy'] });
    expect(dry.body['plan']).toMatchObject({
      blocked_by: null,
      steps: [{ database: where, operation: 'adopt', statements: [] }],
    });
    expect(await s.call('POST', `/databases/${where}/adopt`, { tables: ['nobody'] })).toMatchObject({
      status: 404,
      body: { code: 'table_not_found' },
    });
    const answer = await done(`/databases/${where}/adopt`, { tables: ['legacy'] });
    expect(answer).toMatchObject({
      table: { name: 'legacy', status: 'active', exists: true, databases: [where] },
      saga: { kind: 'database.adopt', status: 'completed', table_name: 'legacy' },
    });
    expect(await stateOf({ [where]: url }, 'legacy')).toEqual(before);
    legacy = answer['table'].table_id as string;
    const columns = await shown(legacy);
    expect(columns).toMatchObject({
      code: { type: 'string', length: 20, default: 'n' },
      price: { type: 'decimal', precision: 8, scale: 2, unique: true },
      id: { primary_key: true },
    });
    for (const [name, type] of Object.entries(THEIRS[where]!.own))
      expect(columns[name]).toMatchObject({ type: 'native', native: { type } });
    expect(await drift(where, 'legacy')).toEqual([]);
    expect(await s.call('POST', `/databases/${where}/adopt`, { tables: ['legacy'] })).toMatchObject({
      status: 409,
      body: { code: 'table_name_taken' },
    });
  });

  test("what is the engine's own of it stays so through every change, and what came of it can be undone", async () => {
    const {
      table: { version },
    } = await done('/table/column', {
      table_id: legacy,
      columns: [
        { name: 'note', type: 'text' },
        { name: 'price', precision: 10 },
        { name: 'code', rename_to: 'label' },
      ],
    });
    expect(await drift(where, 'legacy')).toEqual([]);
    for (const [name, type] of Object.entries(THEIRS[where]!.own))
      expect((await shown(legacy))[name]).toMatchObject({ type: 'native', native: { type } });
    expect(
      await s.call('POST', '/table/column', { table_id: legacy, column: { name: 'tags', type: 'text' } }),
    ).toMatchObject({ status: 422, body: { code: 'unsupported_change' } });
    expect(
      await s.call('POST', '/table/databases', { table_id: legacy, add: [where === 'shop' ? 'crm' : 'default'] }),
    ).toMatchObject({ status: 422, body: { code: 'unsupported_change' } });
    await done('/table/column', {
      table_id: legacy,
      columns: [{ name: 'tags', rename_to: 'labels' }, { name: 'note' }],
    });
    await done('/table/revert', { table_id: legacy, version });
    expect(await drift(where, 'legacy')).toEqual([]);
    await done('/table/column', { table_id: legacy, column: { name: 'tags' } });
    await done('/table/revert', { table_id: legacy, version });
    expect(await drift(where, 'legacy')).toEqual([]);
    await done('/table/delete', { table_id: legacy });
    await done('/table/restore', { table_id: legacy });
    expect(await drift(where, 'legacy')).toEqual([]);
    expect(await query(urls[where], 'select price from legacy')).toHaveLength(1);
  });

  test('all that others made, at once, leaves nothing that is not managed', async () => {
    const all = await done(`/databases/${where}/adopt`, { tables: 'all' });
    expect((all['tables'] as { name: string }[]).map((t) => t.name)).toContain('other_legacy');
    expect((await s.call('GET', `/databases/${where}/drift`)).body).toEqual({
      database: where,
      in_sync: true,
      drift: [],
    });
    expect((await done(`/databases/${where}/adopt`, { tables: 'all' }))['tables']).toEqual([]);
  });

  test('a table that changed between the look and its turn is not adopted', async () => {
    expect(await s.call('POST', `/databases/${where}/adopt`, { tables: [] })).toMatchObject({ status: 400 });
    expect(await s.call('POST', `/databases/${where}/adopt`, { tables: 'some' })).toMatchObject({ status: 400 });
    await query(urls[where], 'create table pair (id integer not null primary key, a varchar(5))');
    const both = await Promise.all(
      [1, 2].map(async () => s.call('POST', `/databases/${where}/adopt`, { tables: ['pair'] }, WAIT)),
    );
    expect(both.map((b) => b.status).sort()).toEqual([200, 409]);
  });
});

describe.each(ON)('a backup of %s', (where) => {
  test('taken half-way and restored is brought to what history says by what it lacks alone', async () => {
    const [a, b, c] = [await create(`first_${where}`), await create(`second_${where}`), await create(`third_${where}`)];
    await done('/table/column', { table_id: a, column: { name: 'half', type: 'string', length: 9, default: 'h' } });
    const backup = await copyDatabase(urls[where]);
    kept.push(backup);
    await done('/table/column', {
      table_id: a,
      columns: [{ name: 'late', type: 'decimal', default: '1.5' }, { name: 'half' }, { name: 'qty', type: 'bigint' }],
    });
    await done('/table/rename', { table_id: b, name: `renamed_${where}` });
    await done('/table/delete', { table_id: c });
    await create(`third_${where}`);
    await done('/table/delete', { table_id: b });
    await done('/table/restore', { table_id: b, as: `back_${where}` });
    const now = await stateOf({ [where]: urls[where] }, `first_${where}`);
    expect((await s.call('PUT', `/databases/${where}`, { url: backup.url })).status).toBe(200);
    urls[where] = backup.url;
    expect((await s.call('GET', `/databases/${where}/drift`)).body['in_sync']).toBe(false);
    const plan = (await s.call('POST', `/databases/${where}/catch-up?dry_run=true`)).body['plan'];
    expect(plan.steps.length).toBeGreaterThan(6);
    expect((await s.call('GET', `/databases/${where}/drift`)).body['in_sync']).toBe(false);
    // A change accepted after it waits for it.
    const answer = await s.call('POST', `/databases/${where}/catch-up`);
    expect(answer.status).toBe(202);
    await done('/table/column', { table_id: a, column: { name: 'after_all', type: 'date' } });
    const { saga } = (await s.call('GET', `/sagas/${answer.body['saga'].saga_id}`)).body as { saga: object };
    expect(saga).toMatchObject({
      kind: 'database.catch_up',
      status: 'completed',
      table_id: null,
      steps: expect.arrayContaining([expect.objectContaining({ phase: 'apply', status: 'succeeded' })]),
    });
    // Nothing but a purge is shown as what destroys.
    expect(
      (saga as { steps: { phase: string; operation: string }[] }).steps.filter(
        (step) => step.phase === 'finalize' && step.operation !== 'purge',
      ),
    ).toEqual([]);
    // Its lease is on the database, those before it were on the tables: their tokens do not fence it out.
    expect(
      (await allEvents(answer.body['saga'].saga_id as string)).filter((e) => e.data.error?.code === 'stale_token'),
    ).toEqual([]);
    expect((await s.call('GET', `/databases/${where}/drift`)).body).toEqual({
      database: where,
      in_sync: true,
      drift: [],
    });
    const again = await stateOf({ [where]: urls[where] }, `first_${where}`);
    expect(again[where]!.rows).toEqual(now[where]!.rows!.map((row) => ({ ...row, after_all: null })));
    // What was set aside meanwhile is set aside here under the same names: it comes back as anywhere else.
    await done('/table/restore', { table_id: c, as: `third_again_${where}` });
    expect(await query(urls[where], `select code from third_again_${where}`)).toEqual([{ code: 'c1' }]);
    const none = await s.call('POST', `/databases/${where}/catch-up`, {}, WAIT);
    expect(none.body).toMatchObject({ status: 'ok', tables: [], saga: { status: 'completed' } });
  });
});
