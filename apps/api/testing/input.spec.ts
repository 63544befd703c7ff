import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freshPostgres } from '../../../testing/fixtures.js';
import { service, WAIT } from './service.js';

let s: Awaited<ReturnType<typeof service>>;
let id: string;
beforeAll(async () => {
  s = await service();
  id = (await s.call('POST', '/table/create', { name: 'customers' }, WAIT)).body['table'].table_id as string;
});
afterAll(async () => {
  await s.stop();
});

test.each([
  ['/table/create', {}, ['name']],
  ['/table/create', { name: '' }, ['name']],
  ['/table/create', { name: 'x'.repeat(49) }, ['name']],
  ['/table/create', { name: 'pg_x', more: 1 }, ['name', 'more']],
  ['/table/create', { name: 'integer; DROP TABLE accounts; --' }, ['name']],
  ['/table/create', { name: 't', columns: [] }, ['columns']],
  [
    '/table/create',
    { name: 't', columns: [{ name: 'a', type: 'integer; DROP TABLE accounts; --' }] },
    ['columns.0.type'],
  ],
  [
    '/table/create',
    {
      name: 't',
      columns: [
        { name: 'a', type: 'integer', length: 5 },
        { name: 'b', type: 'date', default: 'soon' },
      ],
    },
    ['columns.0.length', 'columns.1.default'],
  ],
  [
    '/table/create',
    {
      name: 't',
      columns: [
        { name: 'a', type: 'text' },
        { name: 'A', type: 'text' },
      ],
    },
    ['columns.1.name'],
  ],
  ['/table/column', { table_id: 'x', column: { name: 'a', type: null } }, ['column.type']],
  ['/databases', { name: 'x', url: 'postgres://u:secret@h/db?sslkey=/etc/passwd' }, ['url']],
  [
    '/databases',
    { name: 'x', engine: 'postgres', connection: { host: '/var/run', user: 'u', database: 'd' } },
    ['host'],
  ],
])('%s %j is a 400 that lists every problem', async (path, body, paths) => {
  const answer = await s.call('POST', path, body);
  expect([answer.status, answer.body['code']]).toEqual([400, 'validation_failed']);
  expect(answer.body['errors'].map((e: { path: string }) => e.path)).toEqual(expect.arrayContaining(paths));
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  expect(answer.headers.get('x-request-id')).toBe(answer.body['request_id']);
});

test('the other refusals have their status and code, and leave no event', async () => {
  const version = (await s.call('GET', `/tables/${id}`)).headers.get('etag');
  const seen = async (...args: Parameters<typeof s.call>): Promise<[number, string]> => {
    const answer = await s.call(...args);
    return [answer.status, answer.body['code'] as string];
  };
  expect(await seen('POST', '/table/create', '{"name": ')).toEqual([400, 'invalid_json']);
  expect(await seen('POST', '/table/create', 'name=x', { 'Content-Type': 'text/plain' })).toEqual([
    415,
    'unsupported_media_type',
  ]);
  expect(await seen('POST', '/table/create', { name: 'x'.repeat(2_000_000) })).toEqual([413, 'payload_too_large']);
  expect(await seen('POST', '/table/show', { table_id: 'nope' })).toEqual([404, 'table_not_found']);
  expect(await seen('GET', '/sagas/nope')).toEqual([404, 'saga_not_found']);
  expect(await seen('GET', '/nowhere')).toEqual([404, 'not_found']);
  expect(await seen('POST', '/table/create', { name: 'y', databases: ['nope'] })).toEqual([404, 'database_not_found']);
  expect(await seen('POST', '/table/create', { name: 'CUSTOMERS' })).toEqual([409, 'table_name_taken']);
  expect(await seen('POST', '/table/column', { table_id: id, column: { name: 'ghost' } })).toEqual([
    404,
    'column_not_found',
  ]);
  expect(await seen('POST', '/table/column', { table_id: id, column: { name: 'id', primary_key: false } })).toEqual([
    422,
    'unsupported_change',
  ]);
  expect(await seen('POST', '/table/rename', { table_id: id, name: 'z' }, { 'If-Match': '"99"' })).toEqual([
    412,
    'version_conflict',
  ]);
  expect(await seen('POST', '/databases', { name: 'far', url: 'postgres://u:secret@127.0.0.1:1/db' })).toEqual([
    422,
    'database_unreachable',
  ]);
  expect((await s.call('GET', `/tables/${id}`)).headers.get('etag')).toBe(version);
});

test('an address or a body with U+0000, or one that is no UTF-8, is a problem like any other', async () => {
  for (const path of ['/sagas?table_id=%00', '/sagas?kind=%00'])
    expect([path, (await s.call('GET', path)).status, (await s.call('GET', path)).body['code']]).toEqual([
      path,
      400,
      'validation_failed',
    ]);
  for (const path of ['/tables/%00', '/databases/a%00b'])
    expect([path, (await s.call('GET', path)).status, (await s.call('GET', path)).body['code']]).toEqual([
      path,
      404,
      'not_found',
    ]);
  const broken = await s.call('GET', '/sagas/%ff');
  expect([broken.status, broken.body['code'], broken.headers.get('content-type')]).toEqual([
    404,
    'not_found',
    expect.stringContaining('application/problem+json'),
  ]);
  const body = await s.call('POST', '/table/show', { table_id: 'a\0' });
  expect([body.status, body.body['errors']]).toEqual([
    400,
    [{ path: 'table_id', message: 'must not hold the character U+0000' }],
  ]);
});

test('a dropped column is gone from reads: no ghost', async () => {
  await s.call('POST', '/table/column', { table_id: id, column: { name: 'mail', type: 'text' } }, WAIT);
  const dropped = await s.call('POST', '/table/column', { table_id: id, column: { name: 'mail' } }, WAIT);
  expect(dropped.body['saga'].reversible_until).not.toBeNull();
  expect(Object.keys(dropped.body['table'].columns)).toEqual(['id', 'name', 'created_at', 'updated_at']);
});

test('credentials appear in no answer, and one database is registered once', async () => {
  const pg = await freshPostgres();
  try {
    const made = await s.call('POST', '/databases', { name: 'crm', url: pg.url });
    expect(made.status).toBe(201);
    const password = decodeURIComponent(new URL(pg.url).password);
    if (password !== '')
      expect(JSON.stringify([made.body, (await s.call('GET', '/databases')).body])).not.toContain(password);
    expect((await s.call('POST', '/databases', { name: 'again', url: pg.url })).body['code']).toBe('database_exists');
    expect((await s.call('POST', '/databases/crm/test')).status).toBe(200);
    expect((await s.call('DELETE', '/databases/crm')).status).toBe(204);
    expect((await s.call('GET', '/databases/crm')).status).toBe(404);
  } finally {
    await pg.drop();
  }
});
