import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import {
  freshMysql,
  freshPostgres,
  freshRedis,
  freshSqlite,
  query,
  tcpProxy,
  type Fresh,
} from '../../../testing/fixtures.js';
import { service, WAIT } from './service.js';

type Service = Awaited<ReturnType<typeof service>>;

async function three(): Promise<{ s: Service; pg: Fresh; file: Fresh; my: Fresh; drop(): Promise<void> }> {
  const [s, pg, file, my] = [await service(), await freshPostgres(), await freshSqlite(), await freshMysql()];
  expect((await s.call('POST', '/databases', { name: 'erp', url: my.url })).status).toBe(201);
  expect((await s.call('POST', '/databases', { name: 'crm', url: pg.url })).status).toBe(201);
  expect((await s.call('POST', '/databases', { name: 'shop', url: file.url })).status).toBe(201);
  return {
    s,
    pg,
    file,
    my,
    async drop() {
      await s.stop();
      await pg.drop();
      await file.drop();
      await my.drop();
    },
  };
}

const on = ['default', 'crm', 'shop', 'erp'];

describe('changes over several databases', () => {
  let env: Awaited<ReturnType<typeof three>>;
  beforeAll(async () => {
    env = await three();
  });
  afterAll(async () => {
    await env.drop();
  });

  const columnsOf = async (table: string): Promise<{ pg: string[]; sqlite: string[]; mysql: string[] }> => ({
    mysql: (
      await query<{ n: string }>(
        env.my.url,
        'select column_name as n from information_schema.columns where table_schema = database() and ' +
          `table_name = '${table}' order by ordinal_position`,
      )
    )
      .map((r) => r.n)
      .filter((n) => !n.startsWith('_saga_')),
    pg: (
      await query<{ n: string }>(
        env.pg.url,
        `select column_name as n from information_schema.columns where table_name = '${table}' order by ` +
          'ordinal_position',
      )
    )
      .map((r) => r.n)
      .filter((n) => !n.startsWith('_saga_')),
    sqlite: (await query<{ name: string }>(env.file.url, `select name from pragma_table_info('${table}') order by cid`))
      .map((r) => r.name)
      .filter((n) => !n.startsWith('_saga_')),
  });

  test('every type is created, changed, renamed and dropped on all of them, and each looked at in the database itself', async () => {
    const types = [
      'smallint',
      'integer',
      'bigint',
      'decimal',
      'float',
      'double',
      'boolean',
      'string',
      'text',
      'uuid',
      'date',
      'time',
      'timestamp',
      'json',
      'binary',
    ];
    const made = await env.s.call(
      'POST',
      '/table/create',
      {
        name: 'all_types',
        databases: on,
        columns: [
          { name: 'id', type: 'bigint', primary_key: true, generated: true },
          ...types.map((type) => ({ name: `a_${type}`, type })),
        ],
      },
      WAIT,
    );
    expect(made.body).toMatchObject({
      status: 'ok',
      table: { status: 'active', exists: true, synced: true, version: 2 },
      saga: { status: 'completed' },
    });
    expect(made.status).toBe(200);
    const id = made.body['table'].table_id as string;
    expect((await columnsOf('all_types')).pg).toEqual(['id', ...types.map((t) => `a_${t}`)]);
    await query(env.pg.url, `insert into all_types (a_integer, a_string, a_text) values (7, '42', 'x')`);

    const changed = await env.s.call(
      'POST',
      '/table/column',
      {
        table_id: id,
        columns: [
          { name: 'a_string', type: 'integer' },
          { name: 'a_integer', type: 'bigint', nullable: false, default: '5' },
          { name: 'a_text', rename_to: 'note' },
          { name: 'a_float' },
          { name: 'extra', type: 'string', length: 40, unique: true },
        ],
      },
      WAIT,
    );
    expect(changed.body).toMatchObject({ status: 'ok', saga: { kind: 'columns.change', status: 'completed' } });
    const expected = [
      'id',
      ...types
        .map((t) => `a_${t}`)
        .filter((n) => n !== 'a_float')
        .map((n) => (n === 'a_text' ? 'note' : n)),
      'extra',
    ];
    expect(await columnsOf('all_types')).toEqual({ pg: expected, sqlite: expected, mysql: expected });
    expect(Object.keys(changed.body['table'].columns)).toEqual(expected);
    expect(await query(env.pg.url, 'select a_string, note from all_types')).toEqual([{ a_string: 42, note: 'x' }]);

    expect((await env.s.call('POST', '/table/rename', { table_id: id, name: 'renamed' }, WAIT)).body).toMatchObject({
      table: { name: 'renamed' },
    });
    expect(await columnsOf('renamed')).toEqual({ pg: expected, sqlite: expected, mysql: expected });
    expect((await env.s.call('POST', '/table/delete', { table_id: id }, WAIT)).body).toMatchObject({
      table: { status: 'dropped', exists: false },
    });
    expect(await columnsOf('renamed')).toEqual({ pg: [], sqlite: [], mysql: [] });
    // The second delete: refused, and it brings nothing back.
    const second = await env.s.call('POST', '/table/delete', { table_id: id }, WAIT);
    expect([second.status, second.body['code']]).toEqual([409, 'table_dropped']);
    expect((await env.s.call('GET', `/tables/${id}`)).body).toMatchObject({
      table: { exists: false, status: 'dropped' },
    });
    const again = await env.s.call('POST', '/table/create', { name: 'renamed', databases: on }, WAIT);
    expect(again.status).toBe(200);
  });

  test('a name taken by somebody else is found before anything is touched, and that table is unharmed', async () => {
    await query(env.pg.url, 'create table theirs (precious text)');
    await query(env.pg.url, `insert into theirs values ('kept')`);
    const made = await env.s.call('POST', '/table/create', { name: 'theirs', databases: on }, WAIT);
    expect([made.status, made.body['code']]).toEqual([422, 'saga_rejected']);
    expect(made.body['saga']).toMatchObject({
      status: 'rejected',
      error: { code: 'table_name_taken', database: 'crm' },
    });
    expect((await columnsOf('theirs')).sqlite).toEqual([]);
    const failed = await env.s.call('POST', '/table/delete', { table_id: made.body['saga'].table_id }, WAIT);
    expect([failed.status, failed.body['code']]).toEqual([409, 'table_failed']);
    expect(await query(env.pg.url, 'select precious from theirs')).toEqual([{ precious: 'kept' }]);
  });

  // A database that refuses the statement when it comes: an event trigger that prepare cannot foresee.
  test('a database that refuses when the statement comes makes every other one go back, rows and all', async () => {
    const made = await env.s.call(
      'POST',
      '/table/create',
      {
        name: 'orders',
        databases: on,
        columns: [
          { name: 'id', type: 'integer', primary_key: true, generated: true },
          { name: 'code', type: 'string' },
        ],
      },
      WAIT,
    );
    const id = made.body['table'].table_id as string;
    await query(env.file.url, `insert into orders (code) values ('007')`);
    await query(env.pg.url, `insert into orders (code) values ('12')`);
    await query(env.my.url, `insert into orders (code) values ('013')`);
    await query(
      env.pg.url,
      `create function refuse() returns event_trigger language plpgsql as $$ begin raise exception 'not today'; end $$`,
    );
    await query(
      env.pg.url,
      `create event trigger refuse on ddl_command_start when tag in ('ALTER TABLE', 'CREATE TABLE') ` +
        'execute function refuse()',
    );
    const before = (await env.s.call('POST', '/table/show', { table_id: id })).body['table'];
    for (const [path, body] of [
      ['/table/column', { table_id: id, column: { name: 'added', type: 'text' } }],
      ['/table/column', { table_id: id, column: { name: 'code', rename_to: 'label' } }],
      ['/table/column', { table_id: id, column: { name: 'code' } }],
      [
        '/table/column',
        {
          table_id: id,
          column: { name: 'code', type: 'string', length: 100, nullable: false, default: 'none', unique: true },
        },
      ],
      ['/table/rename', { table_id: id, name: 'orders2' }],
      ['/table/delete', { table_id: id }],
    ] as const) {
      const answer = await env.s.call('POST', path, body, WAIT);
      expect([path, answer.status, answer.body['code']]).toEqual([path, 422, 'saga_compensated']);
      expect(answer.body['saga'].error).toMatchObject({
        database: 'crm',
        message: expect.stringContaining('not today'),
      });
      for (const step of answer.body['saga'].steps.filter((s: { status: string }) => s.status === 'compensated'))
        expect(step.fingerprint_after).toBe(step.fingerprint_before);
      const { columns, name, exists } = (await env.s.call('GET', `/tables/${id}`)).body['table'];
      expect({ columns, name, exists }).toEqual({ columns: before.columns, name: 'orders', exists: true });
      expect(await columnsOf('orders')).toEqual({ pg: ['id', 'code'], sqlite: ['id', 'code'], mysql: ['id', 'code'] });
      expect(await query(env.file.url, 'select id, code from orders')).toEqual([{ id: 1, code: '007' }]);
      expect(await query(env.my.url, 'select id, code from orders')).toEqual([{ id: 1, code: '013' }]);
    }
    const created = await env.s.call('POST', '/table/create', { name: 'never', databases: on }, WAIT);
    expect(created.body['code']).toBe('saga_compensated');
    expect(await columnsOf('never')).toEqual({ pg: [], sqlite: [], mysql: [] });
    await query(env.pg.url, 'drop event trigger refuse');
    const history = (await env.s.call('GET', `/tables/${id}`)).body['table'];
    expect(history.last_error).toMatchObject({ database: 'crm' });
    expect(
      (await env.s.call('POST', '/table/column', { table_id: id, column: { name: 'added', type: 'text' } }, WAIT)).body,
    ).toMatchObject({ table: { last_error: null } });
  });

  test('the add that lost to another one leaves the real column alone', async () => {
    const id = (await env.s.call('POST', '/table/create', { name: 'lost_add', databases: on }, WAIT)).body['table']
      .table_id as string;
    await query(env.pg.url, 'alter table lost_add add column mail text');
    const added = await env.s.call(
      'POST',
      '/table/column',
      { table_id: id, column: { name: 'mail', type: 'text' } },
      WAIT,
    );
    expect(added.body['saga'].error.code).toBe('drift_detected');
    expect((await columnsOf('lost_add')).pg).toContain('mail');
    expect((await env.s.call('GET', `/tables/${id}`)).body['table'].columns).not.toHaveProperty('mail');
  });

  test('values that would not survive refuse the change, with their count', async () => {
    const id = (
      await env.s.call(
        'POST',
        '/table/create',
        {
          name: 'lossy',
          databases: on,
          columns: [
            { name: 'id', type: 'integer', primary_key: true },
            { name: 'v', type: 'text' },
          ],
        },
        WAIT,
      )
    ).body['table'].table_id as string;
    await query(env.pg.url, `insert into lossy values (1, 'abc'), (2, '5')`);
    const changed = await env.s.call(
      'POST',
      '/table/column',
      { table_id: id, column: { name: 'v', type: 'integer' } },
      WAIT,
    );
    expect(changed.body['saga'].error).toMatchObject({
      code: 'lossy_conversion',
      details: { count: 1, example: { id: '1' } },
    });
  });

  test('two commands sent without waiting run in order, and a rename frees the old name at once', async () => {
    const id = (await env.s.call('POST', '/table/create', { name: 'in_order', databases: on })).body['table']
      .table_id as string;
    expect(
      (await env.s.call('POST', '/table/column', { table_id: id, column: { name: 'b', type: 'text' } })).status,
    ).toBe(202);
    expect(
      (await env.s.call('POST', '/table/column', { table_id: id, column: { name: 'b', rename_to: 'c' } })).status,
    ).toBe(202);
    const last = await env.s.call(
      'POST',
      '/table/column',
      { table_id: id, column: { name: 'c', type: 'string', length: 30 } },
      WAIT,
    );
    expect(last.body).toMatchObject({ table: { columns: { c: { type: 'string', length: 30 } }, pending_changes: [] } });
  });

  test('two creates of one name at the same instant give one table and one 409', async () => {
    const both = await Promise.all(
      [1, 2].map(async () => env.s.call('POST', '/table/create', { name: 'twins', databases: on }, WAIT)),
    );
    expect(both.map((b) => b.status).sort()).toEqual([200, 409]);
    expect(both.find((b) => b.status === 409)!.body['code']).toBe('table_name_taken');
    expect((await columnsOf('twins')).pg).toEqual(['id', 'name', 'created_at', 'updated_at']);
  });

  test('50 requests with one Idempotency-Key at once make one saga; another body is refused', async () => {
    const headers = { 'Idempotency-Key': randomUUID() };
    const all = await Promise.all(
      Array.from({ length: 50 }, async () => env.s.call('POST', '/table/create', { name: 'keyed' }, headers)),
    );
    expect(new Set(all.map((a) => a.body['saga'].saga_id)).size).toBe(1);
    expect(all.filter((a) => a.headers.get('idempotent-replayed') === 'true')).toHaveLength(49);
    // The twins of a command that can be done once only are no less the first one's: refused by nothing that it did
    // itself.
    const id = (await env.s.call('POST', '/table/create', { name: 'keyed_twice' }, WAIT)).body['table']
      .table_id as string;
    const twins = { 'Idempotency-Key': randomUUID(), 'If-Match': '"2"' };
    const deletes = await Promise.all(
      Array.from({ length: 20 }, async () => env.s.call('POST', '/table/delete', { table_id: id }, twins)),
    );
    expect(new Set(deletes.map((a) => `${a.status} ${a.body['saga']?.saga_id as string}`)).size).toBe(1);
    const other = await env.s.call('POST', '/table/create', { name: 'keyed2' }, headers);
    expect([other.status, other.body['code']]).toEqual([422, 'idempotency_key_reused']);
  });

  test('a dry run shows what would be done, says what would block it, and changes nothing', async () => {
    const plan = (await env.s.call('POST', '/table/create?dry_run=true', { name: 'dry', databases: on })).body['plan'];
    expect(plan).toMatchObject({ based_on: { version: 0, pending: 0 }, blocked_by: null });
    expect(plan.steps).toHaveLength(4);
    expect((await env.s.call('GET', '/tables?name=dry')).body['tables']).toEqual([]);
    await query(env.pg.url, 'create table dry (a int)');
    expect(
      (await env.s.call('POST', '/table/create?dry_run=true', { name: 'dry', databases: on })).body['plan'].blocked_by,
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
