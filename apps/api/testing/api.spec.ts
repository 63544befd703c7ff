import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { COLUMN_TYPES } from '#byodb';
import { freshMysql, freshPostgres, freshRedis, query, tcpProxy } from '../../../testing/fixtures.js';
import { refusing } from './refusing.js';
import { threeEngines, type Scene } from './scene.js';
import { service, WAIT, type Reply, type Service } from './service.js';

const on = ['default', 'crm', 'shop', 'erp'] as const;

describe('changes over several databases', () => {
  let scene: Scene<'crm' | 'erp' | 'shop'>;
  let s: Service;
  beforeAll(async () => {
    scene = await threeEngines(['crm', 'erp', 'shop']);
    ({ s } = scene);
  });
  afterAll(() => scene.close());

  const command = (path: string, body: object): Promise<Reply> => s.call('POST', path, body, WAIT);

  /** As they stand in the three databases, without what is set aside. */
  async function columnsOf(table: string): Promise<{ pg: string[]; sqlite: string[]; mysql: string[] }> {
    const { crm, shop, erp } = scene.urls;
    const named = async (url: string, sql: string): Promise<string[]> =>
      (await query<{ n: string }>(url, sql)).map(({ n }) => n).filter((n) => !n.startsWith('_saga_'));
    const inSchema = `from information_schema.columns where table_name = '${table}'`;
    return {
      pg: await named(crm, `select column_name as n ${inSchema} order by ordinal_position`),
      sqlite: await named(shop, `select name as n from pragma_table_info('${table}') order by cid`),
      mysql: await named(
        erp,
        `select column_name as n ${inSchema} and table_schema = database() order by ordinal_position`,
      ),
    };
  }
  const onAll = (columns: string[]): object => ({ pg: columns, sqlite: columns, mysql: columns });

  describe('a table of every type', () => {
    const names = COLUMN_TYPES.map((type) => `a_${type}`);
    const left = names.filter((name) => name !== 'a_float').map((name) => (name === 'a_text' ? 'note' : name));
    const changedNames = ['id', ...left, 'extra'];
    let id: string;

    test('is created and changed on all of them, and each looked at in the database itself', async () => {
      const made = await command('/table/create', {
        name: 'all_types',
        databases: on,
        columns: [
          { name: 'id', type: 'bigint', primary_key: true, generated: true },
          ...COLUMN_TYPES.map((type) => ({ name: `a_${type}`, type })),
        ],
      });
      expect(made.body).toMatchObject({
        status: 'ok',
        table: { status: 'active', exists: true, synced: true, version: 2 },
        saga: { status: 'completed' },
      });
      expect(made.status).toBe(200);
      id = made.body['table'].table_id as string;
      expect((await columnsOf('all_types')).pg).toEqual(['id', ...names]);
      await query(scene.urls.crm, `insert into all_types (a_integer, a_string, a_text) values (7, '42', 'x')`);

      const changed = await command('/table/column', {
        table_id: id,
        columns: [
          { name: 'a_string', type: 'integer' },
          { name: 'a_integer', type: 'bigint', nullable: false, default: '5' },
          { name: 'a_text', rename_to: 'note' },
          { name: 'a_float' },
          { name: 'extra', type: 'string', length: 40, unique: true },
        ],
      });
      expect(changed.body).toMatchObject({ status: 'ok', saga: { kind: 'columns.change', status: 'completed' } });
      expect(await columnsOf('all_types')).toEqual(onAll(changedNames));
      expect(Object.keys(changed.body['table'].columns)).toEqual(changedNames);
      expect(await query(scene.urls.crm, 'select a_string, note from all_types')).toEqual([
        { a_string: 42, note: 'x' },
      ]);
    });

    test('is renamed and dropped on all of them, and its name is free then', async () => {
      expect((await command('/table/rename', { table_id: id, name: 'renamed' })).body).toMatchObject({
        table: { name: 'renamed' },
      });
      expect(await columnsOf('renamed')).toEqual(onAll(changedNames));
      expect((await command('/table/delete', { table_id: id })).body).toMatchObject({
        table: { status: 'dropped', exists: false },
      });
      expect(await columnsOf('renamed')).toEqual(onAll([]));
      // The second delete: refused, and it brings nothing back.
      const second = await command('/table/delete', { table_id: id });
      expect([second.status, second.body['code']]).toEqual([409, 'table_dropped']);
      expect((await s.call('GET', `/tables/${id}`)).body).toMatchObject({
        table: { exists: false, status: 'dropped' },
      });
      const again = await command('/table/create', { name: 'renamed', databases: on });
      expect(again.status).toBe(200);
    });
  });

  test('a name taken by somebody else is found before anything is touched, and that table is unharmed', async () => {
    await query(scene.urls.crm, 'create table theirs (precious text)');
    await query(scene.urls.crm, `insert into theirs values ('kept')`);
    const made = await command('/table/create', { name: 'theirs', databases: on });
    expect([made.status, made.body['code']]).toEqual([422, 'saga_rejected']);
    expect(made.body['saga']).toMatchObject({
      status: 'rejected',
      error: { code: 'table_name_taken', database: 'crm' },
    });
    expect((await columnsOf('theirs')).sqlite).toEqual([]);
    const failed = await command('/table/delete', { table_id: made.body['saga'].table_id });
    expect([failed.status, failed.body['code']]).toEqual([409, 'table_failed']);
    expect(await query(scene.urls.crm, 'select precious from theirs')).toEqual([{ precious: 'kept' }]);
  });

  // A database that refuses the statement when it comes: an event trigger that prepare cannot foresee.
  test('a database that refuses when the statement comes makes every other one go back, rows and all', async () => {
    const id = await scene.create('orders', {
      databases: on,
      columns: [
        { name: 'id', type: 'integer', primary_key: true, generated: true },
        { name: 'code', type: 'string' },
      ],
    });
    await query(scene.urls.shop, `insert into orders (code) values ('007')`);
    await query(scene.urls.crm, `insert into orders (code) values ('12')`);
    await query(scene.urls.erp, `insert into orders (code) values ('013')`);
    const relent = await refusing(scene.urls.crm, 'ALTER TABLE', 'CREATE TABLE');
    const before = (await s.call('POST', '/table/show', { table_id: id })).body['table'];
    for (const [path, change] of [
      ['/table/column', { column: { name: 'added', type: 'text' } }],
      ['/table/column', { column: { name: 'code', rename_to: 'label' } }],
      ['/table/column', { column: { name: 'code' } }],
      [
        '/table/column',
        { column: { name: 'code', type: 'string', length: 100, nullable: false, default: 'none', unique: true } },
      ],
      ['/table/rename', { name: 'orders2' }],
      ['/table/delete', {}],
    ] as const) {
      const answer = await command(path, { table_id: id, ...change });
      expect([path, answer.status, answer.body['code']]).toEqual([path, 422, 'saga_compensated']);
      expect(answer.body['saga'].error).toMatchObject({
        database: 'crm',
        message: expect.stringContaining('not today'),
      });
      for (const step of answer.body['saga'].steps.filter(({ status }: { status: string }) => status === 'compensated'))
        expect(step.fingerprint_after).toBe(step.fingerprint_before);
      const { columns, name, exists } = (await s.call('GET', `/tables/${id}`)).body['table'];
      expect({ columns, name, exists }).toEqual({ columns: before.columns, name: 'orders', exists: true });
      expect(await columnsOf('orders')).toEqual(onAll(['id', 'code']));
      expect(await query(scene.urls.shop, 'select id, code from orders')).toEqual([{ id: 1, code: '007' }]);
      expect(await query(scene.urls.erp, 'select id, code from orders')).toEqual([{ id: 1, code: '013' }]);
    }
    const created = await command('/table/create', { name: 'never', databases: on });
    expect(created.body['code']).toBe('saga_compensated');
    expect(await columnsOf('never')).toEqual(onAll([]));
    await relent();
    const history = (await s.call('GET', `/tables/${id}`)).body['table'];
    expect(history.last_error).toMatchObject({ database: 'crm' });
    expect(
      (await command('/table/column', { table_id: id, column: { name: 'added', type: 'text' } })).body,
    ).toMatchObject({ table: { last_error: null } });
  });

  test('the add that lost to another one leaves the real column alone', async () => {
    const id = (await command('/table/create', { name: 'lost_add', databases: on })).body['table'].table_id as string;
    await query(scene.urls.crm, 'alter table lost_add add column mail text');
    const added = await command('/table/column', { table_id: id, column: { name: 'mail', type: 'text' } });
    expect(added.body['saga'].error.code).toBe('drift_detected');
    expect((await columnsOf('lost_add')).pg).toContain('mail');
    expect((await s.call('GET', `/tables/${id}`)).body['table'].columns).not.toHaveProperty('mail');
  });

  test('values that would not survive refuse the change, with their count', async () => {
    const id = await scene.create('lossy', {
      databases: on,
      columns: [
        { name: 'id', type: 'integer', primary_key: true },
        { name: 'v', type: 'text' },
      ],
    });
    await query(scene.urls.crm, `insert into lossy values (1, 'abc'), (2, '5')`);
    const changed = await command('/table/column', { table_id: id, column: { name: 'v', type: 'integer' } });
    expect(changed.body['saga'].error).toMatchObject({
      code: 'lossy_conversion',
      details: { count: 1, example: { id: '1' } },
    });
  });

  test('two commands sent without waiting run in order, and a rename frees the old name at once', async () => {
    const id = (await s.call('POST', '/table/create', { name: 'in_order', databases: on })).body['table']
      .table_id as string;
    expect((await s.call('POST', '/table/column', { table_id: id, column: { name: 'b', type: 'text' } })).status).toBe(
      202,
    );
    expect(
      (await s.call('POST', '/table/column', { table_id: id, column: { name: 'b', rename_to: 'c' } })).status,
    ).toBe(202);
    const longer = { name: 'c', type: 'string', length: 30 };
    const last = await command('/table/column', { table_id: id, column: longer });
    expect(last.body).toMatchObject({ table: { columns: { c: { type: 'string', length: 30 } }, pending_changes: [] } });
  });

  test('two creates of one name at the same instant give one table and one 409', async () => {
    const both = await Promise.all([1, 2].map(async () => command('/table/create', { name: 'twins', databases: on })));
    expect(both.map((b) => b.status).sort()).toEqual([200, 409]);
    expect(both.find((b) => b.status === 409)!.body['code']).toBe('table_name_taken');
    expect((await columnsOf('twins')).pg).toEqual(['id', 'name', 'created_at', 'updated_at']);
  });

  test('50 requests with one Idempotency-Key at once make one saga; another body is refused', async () => {
    const headers = { 'Idempotency-Key': randomUUID() };
    const all = await Promise.all(
      Array.from({ length: 50 }, async () => s.call('POST', '/table/create', { name: 'keyed' }, headers)),
    );
    expect(new Set(all.map((a) => a.body['saga'].saga_id)).size).toBe(1);
    expect(all.filter((a) => a.headers.get('idempotent-replayed') === 'true')).toHaveLength(49);
    // The twins of a command that can be done once only are no less the first one's: refused by nothing that it did
    // itself.
    const id = (await command('/table/create', { name: 'keyed_twice' })).body['table'].table_id as string;
    const twins = { 'Idempotency-Key': randomUUID(), 'If-Match': '"2"' };
    const deletes = await Promise.all(
      Array.from({ length: 20 }, async () => s.call('POST', '/table/delete', { table_id: id }, twins)),
    );
    expect(new Set(deletes.map((a) => `${a.status} ${a.body['saga']?.saga_id as string}`)).size).toBe(1);
    const other = await s.call('POST', '/table/create', { name: 'keyed2' }, headers);
    expect([other.status, other.body['code']]).toEqual([422, 'idempotency_key_reused']);
  });

  test('a dry run shows what would be done, says what would block it, and changes nothing', async () => {
    const plan = (await s.call('POST', '/table/create?dry_run=true', { name: 'dry', databases: on })).body['plan'];
    expect(plan).toMatchObject({ based_on: { version: 0, pending: 0 }, blocked_by: null });
    expect(plan.steps).toHaveLength(4);
    expect((await s.call('GET', '/tables?name=dry')).body['tables']).toEqual([]);
    await query(scene.urls.crm, 'create table dry (a int)');
    expect(
      (await s.call('POST', '/table/create?dry_run=true', { name: 'dry', databases: on })).body['plan'].blocked_by,
    ).toMatchObject({ code: 'table_name_taken', database: 'crm' });
  });
});

test('a user without the right to create is registered, and its change is refused before anything was touched', async () => {
  const [s, pg] = [await service(), await freshPostgres()];
  const role = `limited_${randomUUID().slice(0, 8)}`;
  try {
    await query(pg.url, `create role ${role} login password 'pw'`);
    const url = new URL(pg.url);
    url.username = role;
    url.password = 'pw';
    expect((await s.call('POST', '/databases', { name: 'limited', url: url.href })).status).toBe(201);
    const made = await s.call('POST', '/table/create', { name: 'x', databases: ['default', 'limited'] }, WAIT);
    expect(made.body['saga']).toMatchObject({
      status: 'rejected',
      error: { code: 'permission_denied', database: 'limited' },
    });
  } finally {
    await s.stop();
    await pg.drop();
  }
});

test('a momentarily unreachable database delays a change and does not reject it', async () => {
  const [s, pg] = [await service(), await freshPostgres()];
  const proxy = await tcpProxy(Number(new URL(pg.url).port));
  try {
    expect((await s.call('POST', '/databases', { name: 'far', url: proxy.url(pg.url) })).status).toBe(201);
    proxy.refuse();
    proxy.cut();
    const id = (await s.call('POST', '/table/create', { name: 'patient', databases: ['default', 'far'] })).body['saga']
      .saga_id as string;
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect((await s.call('GET', `/sagas/${id}`)).body['saga']).toMatchObject({ status: 'running' });
    await proxy.resume();
    for (let i = 0; i < 200 && (await s.call('GET', `/sagas/${id}`)).body['saga'].status === 'running'; i++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await s.call('GET', `/sagas/${id}`)).body['saga']).toMatchObject({ status: 'completed' });
  } finally {
    await s.stop();
    await proxy.close();
    await pg.drop();
  }
});

test('an enqueue that fails is no failure of the change: with Redis away every change ends as it would with it', async () => {
  const redis = await freshRedis();
  const proxy = await tcpProxy(Number(new URL(redis.url).port));
  const s = await service({ REDIS_URL: proxy.url(redis.url), LOG_LEVEL: 'silent' });
  try {
    expect((await s.call('POST', '/table/create', { name: 'with_it' }, WAIT)).status).toBe(200);
    proxy.refuse();
    proxy.cut();
    const made = await s.call('POST', '/table/create', { name: 'without_it' }, WAIT);
    expect(made.body).toMatchObject({ status: 'ok', saga: { status: 'completed' } });
    expect(
      (
        await s.call(
          'POST',
          '/table/column',
          { table_id: made.body['table'].table_id, column: { name: 'a', type: 'text' } },
          WAIT,
        )
      ).status,
    ).toBe(200);
    expect((await s.call('GET', '/health/ready')).status).toBe(503);
    await proxy.resume();
    expect((await s.call('POST', '/table/delete', { table_id: made.body['table'].table_id }, WAIT)).status).toBe(200);
  } finally {
    await s.stop();
    await proxy.close();
    await redis.drop();
  }
});

describe.each([
  ['postgres', freshPostgres],
  ['mysql', freshMysql],
] as const)('core on %s', (_name, fresh) => {
  test('one create of two at the same instant wins, changes run in order, and a restart goes on', async () => {
    const core = await fresh();
    const first = await service({ CORE_DATABASE_URL: core.url });
    try {
      const both = await Promise.all(
        [1, 2].map(async () => first.call('POST', '/table/create', { name: 'twins' }, WAIT)),
      );
      expect(both.map((b) => b.status).sort()).toEqual([200, 409]);
      const id = both.find((b) => b.status === 200)!.body['table'].table_id as string;
      expect(
        (await first.call('POST', '/table/column', { table_id: id, column: { name: 'a', type: 'text' } }, WAIT)).status,
      ).toBe(200);
      await first.app.stop();
      const second = await service({ CORE_DATABASE_URL: core.url, DATA_DIR: first.dir });
      try {
        expect((await second.call('GET', `/tables/${id}`)).body['table'].columns).toHaveProperty('a');
        expect((await second.call('POST', '/table/delete', { table_id: id }, WAIT)).status).toBe(200);
      } finally {
        await second.stop();
      }
    } finally {
      await core.drop();
    }
  });
});
