import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { service, WAIT, type Service } from './service.js';

let s: Service;
let saga: string;
beforeAll(async () => {
  s = await service();
  const { body } = await s.call('POST', '/table/create', { name: 'customers' }, WAIT);
  saga = body['saga'].saga_id;
});
afterAll(() => s.stop());

/** Two things are wrong with each of these requests. The one that is told has always been this one. */
test.each([
  ['a header before the body', 'POST', '/table/rename', { nope: 1 }, { 'If-Match': 'abc' }, 400, 'If-Match'],
  ['a query before the body', 'POST', '/table/rename?x=1', { nope: 1 }, {}, 400, 'x'],
  ['a query before a header', 'POST', '/table/rename?x=1', {}, { 'If-Match': 'abc' }, 400, 'x'],
  ['a header before the database', 'POST', '/databases/none/adopt', {}, { 'If-Match': 'abc' }, 400, 'If-Match'],
  ['the body before the database', 'POST', '/databases/none/adopt', {}, {}, 400, 'tables'],
  ['the body before the database that is lost', 'POST', '/databases/none/forget', {}, {}, 400, 'reason'],
  ['a database before the body', 'PUT', '/databases/none', { nope: 1 }, {}, 404, null],
  ['a query before the database', 'PUT', '/databases/none?x=1', { nope: 1 }, {}, 400, 'x'],
  ['a saga before the body', 'POST', '/sagas/none/retry', { nope: 1 }, {}, 404, null],
  ['a query before the saga', 'POST', '/sagas/none/retry?x=1', { nope: 1 }, {}, 400, 'x'],
  ['the body before the step', 'POST', '/sagas/:saga/resolve', { step_id: 'none' }, {}, 400, 'as'],
  ['a query of a page before the table', 'GET', '/tables/none/history?limit=0', undefined, {}, 400, 'limit'],
  ['the body before the query of a replay', 'POST', '/table/replay?x=1', {}, {}, 400, 'table_id'],
])('%s', async (_name, method, path, body, headers, status, place) => {
  const reply = await s.call(method, path.replace(':saga', saga), body, headers as Record<string, string>);
  expect(reply.status).toBe(status);
  expect(reply.headers.get('content-type')).toContain('application/problem+json');
  if (place !== null) expect(reply.body['errors'][0].path).toBe(place);
});

test('a replay that only reads looks at no query and at no header of a command', async () => {
  const { body } = await s.call('GET', '/tables');
  const { table_id } = body['tables'][0];
  expect((await s.call('POST', '/table/replay?x=1', { table_id }, { 'If-Match': 'abc' })).status).toBe(200);
  expect((await s.call('POST', '/table/replay?x=1', { table_id, database: 'default' })).status).toBe(400);
});
