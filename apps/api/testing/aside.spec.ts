import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { query } from '../../../testing/fixtures.js';
import { threeEngines, type Scene } from './scene.js';
import { WAIT, type Reply, type Service } from './service.js';

const ON = ['crm', 'erp', 'shop'] as const;
const columns = [
  { name: 'id', type: 'integer', primary_key: true, generated: true },
  { name: 'code', type: 'string', length: 40 },
  { name: 'n', type: 'text' },
];

let scene: Scene<(typeof ON)[number]>;
let s: Service;
beforeAll(async () => {
  scene = await threeEngines(ON);
  ({ s } = scene);
});
afterAll(() => scene.close());

const done = (path: string, body: object): Promise<Reply['body']> => scene.done(path, body);
const post = (path: string, body: object, headers: Record<string, string> = WAIT): Promise<Reply> =>
  s.call('POST', path, body, headers);
const asides = async (path: string): Promise<Record<string, unknown>[]> =>
  (await s.call('GET', `${path}/aside`)).body['aside'] as Record<string, unknown>[];

const create = (name: string): Promise<string> =>
  scene.create(name, { columns, rows: ['1', '2', '3'].map((n) => ({ code: `c${n}`, n })) });
/** How much is set aside in each database. */
const leftOnEach = (): Promise<number[]> => Promise.all(Object.values(scene.urls).map(left));

/** Tables and columns in a database whose names tell that they are set aside. */
async function left(url: string): Promise<number> {
  const tables = url.startsWith('sqlite')
    ? `select name as n from sqlite_schema where type = 'table'`
    : 'select table_name as n from information_schema.tables where table_schema = ' +
      `${url.startsWith('postgres') ? 'current_schema()' : 'database()'}`;
  const all = url.startsWith('sqlite')
    ? `select c.name as n from sqlite_schema t join pragma_table_info(t.name) c where t.type = 'table'`
    : 'select column_name as n from information_schema.columns where table_schema = ' +
      `${url.startsWith('postgres') ? 'current_schema()' : 'database()'}`;
  return [...(await query<{ n: string }>(url, tables)), ...(await query<{ n: string }>(url, all))].filter(({ n }) =>
    /^_saga_[0-9a-f]{32}/.test(n),
  ).length;
}

describe('what is kept', () => {
  test('lists columns, former values and tables by the names that their owner gave them, with their rows', async () => {
    const id = await create('kept');
    await done('/table/column', { table_id: id, column: { name: 'n', type: 'integer' } });
    await done('/table/column', { table_id: id, column: { name: 'code' } });
    await done('/table/rename', { table_id: id, name: 'kept_on' });
    const two = await asides(`/tables/${id}`);
    expect(two.map((one) => [one['database'], one['what'], one['name'], one['rows']]).sort()).toEqual(
      ON.flatMap((on) => [
        [on, 'column', 'code', 3],
        [on, 'values', 'n', 3],
      ]),
    );
    await done('/table/delete', { table_id: id });
    const three = await asides(`/tables/${id}`);
    expect(three.map((one) => [one['database'], one['what'], one['name'], one['rows']]).sort()).toEqual(
      ON.flatMap((on) => [
        [on, 'column', 'code', 3],
        [on, 'table', 'kept_on', 3],
        [on, 'values', 'n', 3],
      ]),
    );
    for (const one of three) {
      expect(one['table_id']).toBe(id);
      expect(Date.parse(String(one['reversible_until']))).toBeGreaterThan(Date.parse(String(one['kept_since'])));
      expect((await s.call('GET', `/sagas/${String(one['saga_id'])}`)).status).toBe(200);
    }
    expect((await asides('/databases/crm')).filter((one) => one['table_id'] === id)).toHaveLength(3);
    const first = (await s.call('GET', `/tables/${id}/aside?limit=4`)).body;
    const second = (await s.call('GET', `/tables/${id}/aside?limit=50&cursor=${first['next_cursor']}`)).body;
    expect([...first['aside'], ...second['aside']]).toEqual(three);
    expect(second['next_cursor']).toBeNull();
    // What came back is not kept any more.
    await done('/table/restore', { table_id: id });
    expect((await asides(`/tables/${id}`)).map((one) => one['what'])).not.toContain('table');
  });

  test('an unknown table and an unknown database are 404, and a table with nothing kept has an empty list', async () => {
    expect((await s.call('GET', '/tables/no-such/aside')).body['code']).toBe('table_not_found');
    expect((await s.call('GET', '/databases/no-such/aside')).body['code']).toBe('database_not_found');
    const id = await create('nothing_kept');
    expect((await s.call('GET', `/tables/${id}/aside`)).body).toEqual({ aside: [], next_cursor: null });
  });
});

describe('purged before its time', () => {
  const reason = 'asked for by its owner';

  test('one part alone, then the rest, and then there is nothing', async () => {
    const id = await create('parts');
    const before = await leftOnEach();
    await done('/table/column', { table_id: id, column: { name: 'n', type: 'integer' } });
    const dropped = await done('/table/column', { table_id: id, column: { name: 'code' } });
    const saga_id = String(dropped['saga'].saga_id);
    expect((await post('/table/purge', { table_id: id })).status).toBe(400);
    const dry = (await post('/table/purge?dry_run=true', { table_id: id, saga_id, reason })).body;
    expect(dry['plan']).toMatchObject({ reversible: false, blocked_by: null });
    expect(dry['plan'].steps.map((step: { operation: string }) => step.operation)).toEqual(['purge', 'purge', 'purge']);
    const head = (await s.call('GET', `/tables/${id}`)).headers.get('etag')!;
    expect((await post('/table/purge', { table_id: id, saga_id, reason }, { ...WAIT, 'If-Match': '"1"' })).status).toBe(
      412,
    );
    const key = { 'Idempotency-Key': 'purge-once', 'If-Match': head };
    const first = await post('/table/purge', { table_id: id, saga_id, reason }, key);
    expect(first.status).toBe(202);
    const again = await post('/table/purge', { table_id: id, saga_id, reason }, { ...key, ...WAIT });
    expect([
      again.status,
      again.headers.get('idempotent-replayed'),
      again.body['saga'].saga_id,
      again.body['saga'].kind,
    ]).toEqual([200, 'true', first.body['saga'].saga_id, 'table.purge']);
    expect((await asides(`/tables/${id}`)).map((one) => one['what'])).toEqual(['values', 'values', 'values']);
    const request = (await s.call('GET', `/tables/${id}/history`)).body['events'].find(
      (e: { type: string }) => e.type === 'PurgeRequested',
    );
    expect(request).toMatchObject({ data: { of: [saga_id], reason }, summary: expect.stringContaining(reason) });
    // The column cannot come back any more.
    expect((await post('/table/revert', { table_id: id, version: 2 })).body['code']).toBe('retention_expired');
    await done('/table/purge', { table_id: id, reason });
    expect(await asides(`/tables/${id}`)).toEqual([]);
    expect(await leftOnEach()).toEqual(before);
    expect((await post('/table/purge', { table_id: id, reason })).body).toMatchObject({
      status: 409,
      code: 'retention_expired',
    });
  });

  test('a dropped table goes with all of it; a restore that is on its way is not robbed of it', async () => {
    const id = await create('whole');
    const before = await leftOnEach();
    await done('/table/column', { table_id: id, column: { name: 'code' } });
    await done('/table/delete', { table_id: id });
    const [restore, purge] = [
      await post('/table/restore', { table_id: id }, {}),
      await post('/table/purge', { table_id: id, reason }),
    ];
    expect([restore.status, purge.status]).toEqual([202, expect.any(Number)]);
    await s.call('POST', '/table/rename', { table_id: id, name: 'whole_again' }, WAIT);
    // Refused while it was on its way, or what it left was purged after it.
    expect([200, 409]).toContain(purge.status);
    expect(await query(scene.urls.crm, 'select n from whole_again order by id')).toEqual([
      { n: '1' },
      { n: '2' },
      { n: '3' },
    ]);
    await done('/table/delete', { table_id: id });
    await done('/table/purge', { table_id: id, reason });
    expect((await post('/table/restore', { table_id: id })).body['code']).toBe('retention_expired');
    expect(await leftOnEach()).toEqual(before);
    expect((await s.call('GET', `/tables/${id}`)).body['table']).toMatchObject({ status: 'dropped', exists: false });
  });
});

describe('brought back to where it was removed', () => {
  test('add brings back what remove set aside, rows and all, and its entry ends', async () => {
    const id = await create('there');
    for (const [i, on] of ON.entries()) {
      await done('/table/databases', { table_id: id, remove: [on] });
      expect((await asides(`/databases/${on}`)).filter((one) => one['table_id'] === id)).toMatchObject([
        { what: 'table', name: 'there', rows: 3 },
      ]);
      const dry = (await post('/table/databases?dry_run=true', { table_id: id, add: [on] })).body['plan'];
      expect([dry.blocked_by, dry.steps.map((step: { operation: string }) => step.operation)]).toEqual([
        null,
        ['restore_table'],
      ]);
      const back = await done('/table/databases', { table_id: id, add: [on] });
      expect(back['table'].databases).toHaveLength(3);
      expect(await query(scene.urls[on], 'select n from there order by id')).toEqual([
        { n: '1' },
        { n: '2' },
        { n: '3' },
      ]);
      expect(await asides(`/tables/${id}`)).toEqual([]);
      expect(
        (await s.call('GET', `/databases/${on}/drift`)).body['drift'].filter(
          (d: { table_id: string }) => d.table_id === id,
        ),
      ).toEqual([]);
      await done('/table/column', { table_id: id, column: { name: `more_${i}`, type: 'integer' } });
    }
  });

  test('under the name that the table has by now', async () => {
    const id = await create('named');
    await done('/table/databases', { table_id: id, remove: ['crm'] });
    await done('/table/rename', { table_id: id, name: 'named_anew' });
    await done('/table/databases', { table_id: id, add: ['crm'] });
    expect(await query(scene.urls.crm, 'select n from named_anew order by id')).toHaveLength(3);
  });

  test('other columns than then: refused, at once and in its turn, until they are the same or the rows are purged', async () => {
    const id = await create('changed');
    const removed = await done('/table/databases', { table_id: id, remove: ['crm'] });
    await done('/table/column', { table_id: id, column: { name: 'added', type: 'text' } });
    const refused = await post('/table/databases', { table_id: id, add: ['crm'] });
    expect([refused.status, refused.body['code'], refused.body['detail']]).toEqual([
      422,
      'unsupported_change',
      expect.stringMatching(/columns of changed are not what they were/),
    ]);
    expect((await s.call('GET', `/tables/${id}`)).body['table'].databases).toEqual(['erp', 'shop']);
    await done('/table/column', { table_id: id, column: { name: 'added' } });
    await done('/table/databases', { table_id: id, add: ['crm'] });
    expect(await query(scene.urls.crm, 'select n from changed')).toHaveLength(3);
    // Asked for in one go, it is judged when its turn comes.
    await post('/table/databases', { table_id: id, remove: ['crm'] }, {});
    await post('/table/column', { table_id: id, column: { name: 'later', type: 'text' } }, {});
    const inTurn = await post('/table/databases', { table_id: id, add: ['crm'] });
    expect([inTurn.status, inTurn.body['saga']?.error.code ?? inTurn.body['code']]).toEqual([
      422,
      'unsupported_change',
    ]);
    const last = (await asides('/databases/crm')).find((one) => one['table_id'] === id)!;
    expect(last['saga_id']).not.toBe(removed['saga'].saga_id);
    await done('/table/purge', { table_id: id, saga_id: last['saga_id'], reason: 'to build it empty' });
    await done('/table/databases', { table_id: id, add: ['crm'] });
    expect(await query(scene.urls.crm, 'select later from changed')).toEqual([]);
  });
});
