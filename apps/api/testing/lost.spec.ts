import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freshMysql, freshPostgres, query, tcpProxy, type Fresh, type Proxy } from '../../../testing/fixtures.js';
import { service, WAIT, type Reply, type Service } from './service.js';

// D9: a database is gone for good, and from every state of its tables there is a way on.

let s: Service;
let crm: Fresh, erp: Fresh;
let hole: Proxy;
beforeAll(async () => {
  s = await service({ CHANGE_DEADLINE_SECONDS: '60', LOG_LEVEL: 'fatal' });
  [crm, erp] = [await freshPostgres(), await freshMysql()];
  hole = await tcpProxy(Number(new URL(erp.url).port));
});
afterAll(async () => {
  await s.stop();
  await hole.close();
  await Promise.all([crm.drop(), erp.drop()]);
});

const reason = 'the disk is gone';
const COLUMNS = [
  { name: 'id', type: 'integer', primary_key: true },
  { name: 'note', type: 'string' },
];

async function register(name: string): Promise<void> {
  await hole.resume();
  expect((await s.call('POST', '/databases', { name, url: hole.url(erp.url) })).status).toBe(201);
}

/** From now on nothing that is sent there is answered. */
function swallow(): void {
  hole.hold();
  hole.cut();
}

async function create(name: string, databases: string[]): Promise<string> {
  const { status, body } = await s.call('POST', '/table/create', { name, databases, columns: COLUMNS }, WAIT);
  expect([status, body['detail']]).toEqual([200, undefined]);
  return String(body['table'].table_id);
}

async function ended(saga: { saga_id: string }): Promise<{ status: string; error: { code: string } | null }> {
  for (let i = 0; i < 400; i++) {
    const { saga: now } = (await s.call('GET', `/sagas/${saga.saga_id}`)).body;
    if (!['pending', 'running', 'compensating'].includes(String(now.status))) return now;
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
  throw new Error(`it has not ended: ${JSON.stringify((await s.call('GET', `/sagas/${saga.saga_id}`)).body)}`);
}

const shown = async (id: string): Promise<Reply['body']> => (await s.call('GET', `/tables/${id}`)).body['table'];

test('one table is let go there: what waited ends, the rest is changed and lives on', async () => {
  await register('dead');
  const id = await create('orders', ['default', 'dead']);
  const before = await s.call('POST', '/table/column', { table_id: id, column: { name: 'kept', type: 'text' } }, WAIT);
  expect(before.status).toBe(200);
  swallow();
  const waits = (await s.call('POST', '/table/column', { table_id: id, column: { name: 'more', type: 'text' } })).body[
    'saga'
  ];
  expect((await s.call('POST', '/table/databases', { table_id: id, remove: ['dead'], lost: true })).body['code']).toBe(
    'validation_failed',
  );
  const lost = await s.call('POST', '/table/databases', { table_id: id, remove: ['dead'], lost: true, reason }, WAIT);
  expect([lost.status, lost.body['table']?.databases]).toEqual([200, ['default']]);
  expect(await ended(waits)).toMatchObject({
    status: expect.stringMatching(/^(rejected|compensated)$/),
    error: { code: 'aborted' },
  });
  expect(
    (await s.call('POST', '/table/column', { table_id: id, column: { name: 'after', type: 'text' } }, WAIT)).body[
      'table'
    ].columns,
  ).toHaveProperty('after');
  expect((await s.call('DELETE', '/databases/dead')).status).toBe(204);
});

test('the whole database is given up: its tables go on elsewhere, or end, and its name is free', async () => {
  expect((await s.call('POST', '/databases', { name: 'crm', url: crm.url })).status).toBe(201);
  await register('gone');
  const [both, alone, dropped] = [
    await create('both', ['crm', 'gone']),
    await create('alone', ['gone']),
    await create('dropped', ['crm', 'gone']),
  ];
  expect((await s.call('POST', '/table/delete', { table_id: dropped }, WAIT)).status).toBe(200);
  swallow();
  const waits = (await s.call('POST', '/table/column', { table_id: both, column: { name: 'more', type: 'text' } }))
    .body['saga'];
  expect((await s.call('DELETE', '/databases/gone')).body['code']).toBe('database_in_use');
  expect((await s.call('POST', '/databases/gone/forget', { reason })).body['code']).toBe('validation_failed');
  const began = Date.now();
  const { status, body } = await s.call('POST', '/databases/gone/forget', { reason, lost: true });
  expect([
    status,
    body['database'].name,
    body['sagas'].map((saga: { table: { name: string } }) => saga.table.name).sort(),
  ]).toEqual([202, 'gone', ['alone', 'both', 'dropped']]);
  expect(Date.now() - began).toBeLessThan(5000);
  for (const saga of body['sagas']) expect(await ended(saga)).toMatchObject({ status: 'completed' });
  expect(await ended(waits)).toMatchObject({ error: { code: 'aborted' } });
  expect(await shown(both)).toMatchObject({ status: 'active', databases: ['crm'] });
  expect(await shown(alone)).toMatchObject({ status: 'dropped', exists: false });
  expect((await s.call('GET', '/databases/gone')).status).toBe(404);
  expect(
    (await s.call('POST', '/table/column', { table_id: both, column: { name: 'after', type: 'text' } }, WAIT)).status,
  ).toBe(200);
  // What was kept elsewhere comes back there.
  expect((await s.call('POST', '/table/restore', { table_id: dropped }, WAIT)).body['table']).toMatchObject({
    status: 'active',
    databases: ['crm'],
  });
  expect(await query(crm.url, 'select count(*) as n from dropped')).toEqual([{ n: '0' }]);
  const history = (await s.call('GET', `/tables/${both}/history`)).body['events'] as { summary: string }[];
  expect(history.some(({ summary }) => summary.includes(reason))).toBe(true);

  // It comes back after all: what was let go there is told, and is nobody's until somebody says so.
  await register('gone_again');
  const back = (await s.call('GET', '/databases/gone_again')).body['database'];
  expect((back.let_go as { name: string }[]).map(({ name }) => name).sort()).toEqual(
    expect.arrayContaining(['alone', 'both']),
  );
  expect((await s.call('GET', '/databases/gone_again/drift')).body['drift']).toEqual(
    expect.arrayContaining(
      ['alone', 'both'].map((table) => expect.objectContaining({ kind: 'added', table, table_id: null })),
    ),
  );
  const taken = await s.call('POST', '/databases/gone_again/adopt', { tables: ['alone'] }, WAIT);
  expect([taken.status, taken.body['detail']]).toEqual([200, undefined]);
});
