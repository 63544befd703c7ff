import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freshPostgres, freshSqlite, query, tcpProxy, type Fresh, type Proxy } from '../../../testing/fixtures.js';
import { service, WAIT, type Reply, type Service } from './service.js';

// Corners of the HTTP contract, each of which was once a 500, a silent nothing or a wrong answer.
let s: Service;
let pg: Fresh;
let file: Fresh;
let proxy: Proxy;

beforeAll(async () => {
  [s, pg, file] = [await service(), await freshPostgres(), await freshSqlite()];
  proxy = await tcpProxy(Number(new URL(pg.url).port));
  for (const [name, url] of [
    ['crm', proxy.url(pg.url)],
    ['shop', file.url],
  ])
    expect((await s.call('POST', '/databases', { name, url })).status).toBe(201);
});
afterAll(async () => {
  await proxy.resume();
  await s.stop();
  await proxy.close();
  await Promise.all([pg.drop(), file.drop()]);
});

const done = async (path: string, body: unknown): Promise<Reply['body']> => {
  const { status, body: answer } = await s.call('POST', path, body, WAIT);
  expect({ status, answer }).toMatchObject({ status: 200 });
  return answer;
};
const create = async (name: string, databases = ['default']): Promise<string> =>
  (
    await done('/table/create', {
      name,
      databases,
      columns: [
        { name: 'id', type: 'integer', primary_key: true, generated: true },
        { name: 'a', type: 'text' },
        { name: 'b', type: 'string', length: 20 },
      ],
    })
  )['table'].table_id as string;
/** While the PostgreSQL behind the proxy is away. */
async function away(work: () => Promise<void>): Promise<void> {
  proxy.refuse();
  proxy.cut();
  try {
    await work();
  } finally {
    await proxy.resume();
  }
}
async function settled(tableId: string): Promise<Reply['body']> {
  for (const until = Date.now() + 20_000; ; await sleep(50)) {
    const { table } = (await s.call('GET', `/tables/${tableId}`)).body as { table: Reply['body'] };
    if (table['synced'] === true || Date.now() > until) return table;
  }
}

describe('databases', () => {
  test('a refused login is a database that cannot be reached', async () => {
    const wrong = new URL(pg.url);
    [wrong.username, wrong.password] = ['nobody_here', 'wrong'];
    for (const [method, path, body] of [
      ['POST', '/databases', { name: 'wrong', url: wrong.href }],
      ['PUT', '/databases/crm', { url: wrong.href }],
    ] as const)
      expect(await s.call(method, path, body)).toMatchObject({ status: 422, body: { code: 'database_unreachable' } });
  });
  test('a schema is for PostgreSQL alone', async () => {
    expect(await s.call('POST', '/databases', { name: 'x', url: file.url, schema: 's' })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'schema' }] },
    });
  });
  test('the default one is registered as soon as it can be reached', async () => {
    const [late, own] = [await freshPostgres(), await tcpProxy(Number(new URL(pg.url).port))];
    own.refuse();
    const other = await service({ BYODB_URL: own.url(late.url), LOG_LEVEL: 'silent' });
    try {
      expect((await other.call('GET', '/databases/default')).status).toBe(404);
      await own.resume();
      for (
        const until = Date.now() + 10_000;
        (await other.call('GET', '/databases/default')).status === 404 && Date.now() < until;
      )
        await sleep(100);
      expect((await other.call('GET', '/databases/default')).body).toMatchObject({ database: { reachable: true } });
    } finally {
      await other.stop();
      await own.close();
      await late.drop();
    }
  });
  test('a new address is taken while a statement hangs at the former one', async () => {
    const own = await tcpProxy(Number(new URL(pg.url).port));
    const hung = await freshPostgres();
    expect((await s.call('POST', '/databases', { name: 'hung', url: own.url(hung.url) })).status).toBe(201);
    own.hold();
    const asked = s.call('POST', '/databases/hung/test');
    await sleep(200);
    const began = Date.now();
    expect((await s.call('PUT', '/databases/hung', { url: hung.url })).status).toBe(200);
    expect((await s.call('POST', '/databases/hung/test')).status).toBe(200);
    expect(Date.now() - began).toBeLessThan(4000);
    own.cut();
    await asked;
    expect((await s.call('DELETE', '/databases/hung')).status).toBe(204);
    await own.close();
    await hung.drop();
  });
  test('names with spaces are taken as they are, and two that differ by case cannot both be known', async () => {
    const odd = await freshPostgres();
    await query(odd.url, 'create table "order items" (id int primary key)');
    await query(odd.url, 'create table "order lines" (id int primary key)');
    await query(odd.url, 'create table "Pair" (id int primary key)');
    await query(odd.url, 'create table pair (id int primary key)');
    expect((await s.call('POST', '/databases', { name: 'odd', url: odd.url })).status).toBe(201);
    expect(await s.call('POST', '/databases/odd/adopt', { tables: ['pair', 'Pair'] })).toMatchObject({
      status: 409,
      body: { code: 'table_name_taken' },
    });
    const all = await s.call('POST', '/databases/odd/adopt?dry_run=true', { tables: 'all' });
    expect(all.body['skipped']).toMatchObject([{ name: 'pair', kind: 'table' }]);
    await done('/databases/odd/adopt', { tables: ['order items', 'order lines', 'pair'] });
    expect(await s.call('POST', '/databases/odd/adopt', { tables: ['order items'] })).toMatchObject({
      status: 409,
      body: { code: 'table_name_taken' },
    });
    const order = await create('order', ['odd']);
    const listed = (await s.call('GET', `/sagas?table_id=${order}`)).body['sagas'] as unknown[];
    expect(listed).toHaveLength(1);
    const [adopted] = (await s.call('GET', '/tables?database=odd&name=order%20items')).body['tables'] as {
      table_id: string;
    }[];
    expect((await s.call('GET', `/sagas?table_id=${adopted!.table_id}`)).body['sagas']).toMatchObject([
      { kind: 'database.adopt' },
    ]);
    expect((await s.call('GET', '/sagas?kind=nope')).status).toBe(400);
  });
});

describe('behind a change that waits for its database', () => {
  test('a name that is reserved is refused, a rehearsal sees what is to come, and every pending change shows its saga', async () => {
    const [a, b] = [await create('moving_a', ['default', 'crm']), await create('moving_b', ['crm'])];
    await away(async () => {
      expect((await s.call('POST', '/table/databases', { table_id: a, remove: ['crm'], add: ['shop'] })).status).toBe(
        202,
      );
      expect((await s.call('POST', '/table/rename', { table_id: b, name: 'moved_b' })).status).toBe(202);
      expect(await s.call('POST', '/table/rename', { table_id: a, name: 'moved_b' })).toMatchObject({
        status: 409,
        body: { code: 'table_name_taken' },
      });
      const plan = await s.call('POST', '/table/column?dry_run=true', {
        table_id: a,
        column: { name: 'x', type: 'text' },
      });
      expect(plan).toMatchObject({ status: 200, body: { plan: { based_on: { pending: 1 }, blocked_by: null } } });
      expect(
        (plan.body['plan'].steps as { database: string; operation: string }[])
          .map((step) => [step.database, step.operation])
          .sort(),
      ).toEqual([
        ['default', 'add_column'],
        ['shop', 'add_column'],
      ]);
      const shown = (await s.call('GET', `/tables/${a}`)).body['table'].pending_changes as {
        saga_id: string;
        status: string;
      }[];
      expect(shown).toEqual([
        expect.objectContaining({ status: (await s.call('GET', `/sagas/${shown[0]!.saga_id}`)).body['saga'].status }),
      ]);
    });
    expect(await settled(a)).toMatchObject({ databases: ['default', 'shop'], last_error: null });
    expect(await settled(b)).toMatchObject({ name: 'moved_b', last_error: null });
  });
  test('a database is in use as long as something is set aside there, also while that is about to come back', async () => {
    const odd = await freshSqlite();
    expect((await s.call('POST', '/databases', { name: 'used', url: odd.url })).status).toBe(201);
    const id = await create('used', ['crm', 'used']);
    await done('/table/databases', { table_id: id, remove: ['used'] });
    await done('/table/column', { table_id: id, column: { name: 'b' } });
    await away(async () => {
      expect((await s.call('POST', '/table/revert', { table_id: id, version: 2 })).status).toBe(202);
      expect(await s.call('DELETE', '/databases/used')).toMatchObject({
        status: 409,
        body: { code: 'database_in_use' },
      });
    });
    await settled(id);
    expect((await s.call('DELETE', '/databases/used')).status).toBe(409);
    await odd.drop();
  });
  test('a column whose drop is on its way can be asked back', async () => {
    const id = await create('asked_back', ['default', 'crm']);
    await query(pg.url, "insert into asked_back (a, b) values ('x', 'kept')");
    await away(async () => {
      expect((await s.call('POST', '/table/column', { table_id: id, column: { name: 'b' } })).status).toBe(202);
      expect((await s.call('POST', '/table/revert', { table_id: id, version: 2 })).status).toBe(202);
    });
    expect(await settled(id)).toMatchObject({ last_error: null, columns: { b: { length: 20 } } });
    expect(await query(pg.url, 'select a, b from asked_back')).toEqual([{ a: 'x', b: 'kept' }]);
  });
});

describe('tables', () => {
  test('a revert brings a column back empty where the table came after the drop', async () => {
    const id = await create('came_later');
    // As it was when it was dropped is not as it was then.
    await done('/table/column', { table_id: id, column: { name: 'a', rename_to: 'c', nullable: false, default: 'x' } });
    await done('/table/column', { table_id: id, column: { name: 'c' } });
    await done('/table/databases', { table_id: id, add: ['shop', 'crm'] });
    const { table } = await done('/table/revert', { table_id: id, version: 2 });
    expect(Object.keys(table.columns as object)).toEqual(['id', 'a', 'b']);
    // Last where it is new: no drift, there or later.
    expect(await query(file.url, "select name from pragma_table_info('came_later')")).toEqual([
      { name: 'id' },
      { name: 'b' },
      { name: 'a' },
    ]);
    for (const name of ['shop', 'crm'])
      expect((await s.call('GET', `/databases/${name}/drift`)).body['drift']).toEqual([]);
    expect(
      (await done('/table/column', { table_id: id, column: { name: 'a', rename_to: 'z' } }))['table'].last_error,
    ).toBeNull();
    for (const name of ['shop', 'crm'])
      expect((await s.call('GET', `/databases/${name}/drift`)).body['drift']).toEqual([]);
  });
  test('a key that was dropped before the table came to a database is not made there anew: refused, and nothing touched', async () => {
    const id = (
      await done('/table/create', {
        name: 'keyed',
        columns: [
          { name: 'code', type: 'string', primary_key: true },
          { name: 'a', type: 'text' },
        ],
      })
    )['table'].table_id as string;
    await done('/table/column', { table_id: id, column: { name: 'code' } });
    await done('/table/databases', { table_id: id, add: ['shop'] });
    expect((await s.call('POST', '/table/revert', { table_id: id, version: 2 }, WAIT)).body).toMatchObject({
      code: 'saga_rejected',
      saga: { error: { code: 'unsupported_change', database: 'shop' } },
    });
  });
  test('rows that stand in the way are counted, with the key of one', async () => {
    const id = await create('counted', ['crm', 'shop']);
    for (const at of [pg.url, file.url])
      await query(at, "insert into counted (a, b) values ('x', 'same'), ('y', 'same'), (null, 'own')");
    const conflict = async (column: object): Promise<unknown> =>
      (await s.call('POST', '/table/column', { table_id: id, column }, WAIT)).body['saga'].error;
    expect(await conflict({ name: 'b', unique: true })).toMatchObject({
      code: 'rows_conflict',
      details: { count: 2, example: { id: expect.stringMatching(/^[12]$/) } },
    });
    expect(await conflict({ name: 'a', nullable: false })).toMatchObject({
      code: 'rows_conflict',
      details: { count: 1, example: { id: '3' } },
    });
    expect(await conflict({ name: 'c', type: 'integer', unique: true, default: 1 })).toMatchObject({
      code: 'rows_conflict',
      details: { count: 3, example: { id: expect.any(String) } },
    });
  });
  test('If-Match on a replay is about the table that is played', async () => {
    const id = await create('played');
    const body = { table_id: id, database: 'shop', as: 'played_again' };
    expect((await s.call('POST', '/table/replay', body, { 'If-Match': '"1"' })).status).toBe(412);
    expect((await s.call('POST', '/table/replay', body, { 'If-Match': '"2"', ...WAIT })).status).toBe(200);
  });
  test('before the creation there is no version, wherever it is asked for', async () => {
    const id = await create('versions');
    for (const path of ['show', 'replay', 'revert'])
      expect(await s.call('POST', `/table/${path}`, { table_id: id, version: 0 })).toMatchObject({
        status: 404,
        body: { code: 'version_not_found' },
      });
  });
  test('numbers as defaults of decimals are what was written, or refused', async () => {
    const asked = async (value: string): Promise<Reply> =>
      s.call(
        'POST',
        '/table/create',
        `{"name": "exact_${Math.random().toString(36).slice(2)}", "columns": [{"name": "d", "type": ` +
          `"decimal", "precision": 38, "scale": 10, "default": ${value}}]}`,
        WAIT,
      );
    expect((await asked('0.0000001')).body['table'].columns.d.default).toBe('0.0000001');
    expect((await asked('-1.5e3')).body['table'].columns.d.default).toBe('-1500');
    expect(await asked('12345678901234567890.12')).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
  });
  test('a replayed key that failed says so again, with where to look', async () => {
    const id = await create('fails');
    const ask = async (): Promise<Reply> =>
      s.call(
        'POST',
        '/table/column',
        { table_id: id, column: { name: 'a', unique: true } },
        { ...WAIT, 'Idempotency-Key': 'fails' },
      );
    await query(`sqlite:${s.dir}/byodb.db`, "insert into fails (a) values ('x'), ('x')");
    const [first, again] = [await ask(), await ask()];
    for (const reply of [first, again])
      expect([reply.status, reply.headers.get('location')]).toEqual([422, `/sagas/${reply.body['saga'].saga_id}`]);
    expect([first.headers.get('idempotent-replayed'), again.headers.get('idempotent-replayed')]).toEqual([
      null,
      'true',
    ]);
  });
  test("a saga's events come in pages", async () => {
    const { saga } = (await done('/table/create', { name: 'paged' })) as { saga: { saga_id: string } };
    const all = (await s.call('GET', `/sagas/${saga.saga_id}/events`)).body as {
      events: unknown[];
      next_cursor: unknown;
    };
    expect(all.next_cursor).toBeNull();
    const first = (await s.call('GET', `/sagas/${saga.saga_id}/events?limit=2`)).body as typeof all;
    const rest = (await s.call('GET', `/sagas/${saga.saga_id}/events?cursor=${String(first.next_cursor)}`))
      .body as typeof all;
    expect([...first.events, ...rest.events]).toEqual(all.events);
    expect((await s.call('GET', `/sagas/${saga.saga_id}/events?limit=abc`)).status).toBe(400);
  });
});

test('every problem of a body is told at once', async () => {
  const { body } = await s.call('POST', '/table/create', {
    name: '1x',
    more: 1,
    columns: [{ name: 'a', type: 'text' }, { name: 'A', type: 'nonsense' }, 7],
  });
  expect((body['errors'] as { path: string }[]).map((e) => e.path).sort()).toEqual([
    'columns.1.name',
    'columns.1.type',
    'columns.2',
    'more',
    'name',
  ]);
});

describe('what HTTP brings', () => {
  test('a rehearsal of what cannot be rehearsed is refused, and nothing is done', async () => {
    for (const [method, path, body] of [
      ['DELETE', '/databases/shop', undefined],
      ['POST', '/databases/shop/test', undefined],
      ['PUT', '/databases/shop', { url: file.url }],
      ['POST', '/projections/tables/rebuild', undefined],
    ] as const) {
      expect(await s.call(method, `${path}?dry_run=true`, body)).toMatchObject({
        status: 400,
        body: { code: 'validation_failed', errors: [{ path: 'dry_run' }] },
      });
    }
    expect((await s.call('GET', '/databases/shop')).status).toBe(200);
  });
  test('a body as deep as it is long is refused', async () => {
    const deep = `{"name": ${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
    for (const headers of [{}, { 'Idempotency-Key': 'deep' }] as Record<string, string>[])
      expect(await s.call('POST', '/table/create', deep, headers)).toMatchObject({
        status: 400,
        body: { code: 'validation_failed' },
      });
  });
  test('a body that is not there may be called JSON', async () => {
    expect(
      (await s.call('POST', '/databases/shop/test', undefined, { 'Content-Type': 'application/json' })).status,
    ).toBe(200);
    expect(await s.call('POST', '/table/create', undefined, { 'Content-Type': 'application/json' })).toMatchObject({
      status: 400,
      body: { code: 'validation_failed' },
    });
  });
  test('what is no request is answered as a problem too', async () => {
    const { hostname, port } = new URL(s.app.url);
    const say = (text: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect(Number(port), hostname, () => {
          socket.write(text);
        });
        let heard = '';
        socket
          .on('data', (data) => {
            heard += data.toString();
          })
          .on('close', () => {
            resolve(heard);
          })
          .on('error', reject);
      });
    for (const [text, status] of [
      ['hello?\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ] as const) {
      const heard = await say(text);
      expect(heard).toMatch(
        new RegExp(`^HTTP/1.1 ${status} [^]*content-type: application/problem\\+json\r\n[^]*x-request-id: `, 'i'),
      );
      expect(JSON.parse(heard.split('\r\n\r\n')[1]!)).toMatchObject({ status, request_id: expect.any(String) });
    }
  });
  test('Prefer is read as the standard has it', async () => {
    expect(
      (await s.call('POST', '/table/create', { name: 'preferred' }, { Prefer: 'respond-async, Wait="20"' })).status,
    ).toBe(200);
  });
  test('an id of any length is an id that nobody has', async () => {
    expect((await s.call('GET', `/tables/${'x'.repeat(300)}`)).body).toMatchObject({ code: 'table_not_found' });
  });
});
