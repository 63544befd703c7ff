import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { query, type Fresh } from '../../../testing/fixtures.js';
import { onThreeEngines, WAIT, type Reply, type Service } from './service.js';

const ON = ['crm', 'erp', 'shop'];
let s: Service;
let fresh: Fresh[];
let end: () => Promise<void>;
beforeAll(async () => { ({ s, fresh, end } = await onThreeEngines(ON)); });
afterAll(() => end());

async function done(path: string, body: object): Promise<Reply['body']> {
  const answer = await s.call('POST', path, body, WAIT);
  expect([path, answer.status, answer.body['detail']]).toEqual([path, 200, undefined]);
  return answer.body;
}

async function create(name: string, columns: object[]): Promise<string> {
  return String((await done('/table/create', { name, databases: ON, columns })).table.table_id);
}

/** The same statement by the owner of each database. */
async function everywhere(sql: string): Promise<object[][]> {
  return Promise.all(fresh.map((one) => query(one.url, sql)));
}

async function shown(id: string): Promise<object> {
  return (await s.call('GET', `/tables/${id}`)).body['table'].columns;
}

const drop = (table_id: string, name: string): Promise<object> => done('/table/column', { table_id, column: { name } });
const revert = (table_id: string, version: number): Promise<object> => done('/table/revert', { table_id, version });

describe('x1: a column of a key of several columns comes back with its values and the key', () => {
  const KEY = [{ name: 'actor_id', type: 'integer', primary_key: true }, { name: 'film_id', type: 'integer', primary_key: true }, { name: 'note', type: 'string' }];

  test.each([['film_id'], ['actor_id'], ['film_id', 'actor_id'], ['actor_id', 'film_id']])('%s %s', async (...gone) => {
    const table = `link_${gone.join('_')}`;
    const id = await create(table, KEY);
    await everywhere(`insert into ${table} values (1, 1, 'a'), (1, 2, 'b'), (2, 1, 'c')`);
    const before = await shown(id);
    for (const name of gone) await drop(id, name);
    await everywhere(`update ${table} set note = 'd' where note = 'c'`);
    await revert(id, 2);
    expect(await shown(id)).toEqual(before);
    const rows = [{ actor_id: 1, film_id: 1, note: 'a' }, { actor_id: 1, film_id: 2, note: 'b' }, { actor_id: 2, film_id: 1, note: 'd' }];
    expect(await everywhere(`select actor_id, film_id, note from ${table} order by note`)).toEqual([rows, rows, rows]);
    for (const one of fresh) await expect(query(one.url, `insert into ${table} (actor_id, film_id) values (1, 2)`)).rejects.toMatchObject({ message: expect.stringMatching(/duplicate|unique/i) });
  });

  test('rows that were written without it are told', async () => {
    const id = await create('link_rows', KEY);
    await drop(id, 'film_id');
    await query(fresh[1]!.url, 'insert into link_rows (actor_id, note) values (5, \'new\')');
    const answer = await s.call('POST', '/table/revert', { table_id: id, version: 2 }, WAIT);
    expect([answer.status, answer.body['code'], answer.body['saga'].error.code, answer.body['saga'].error.database]).toEqual([422, 'saga_rejected', 'rows_conflict', 'erp']);
  });
});

test('names that went round in a ring go back', async () => {
  const id = await create('ring', [{ name: 'id', type: 'integer', primary_key: true }, { name: 'a', type: 'string' }, { name: 'b', type: 'string' }, { name: 'c', type: 'string' }]);
  await everywhere('insert into ring (id, a, b, c) values (1, \'a\', \'b\', \'c\')');
  for (const [name, rename_to] of [['a', 'x'], ['b', 'a'], ['c', 'b'], ['x', 'c']]) await done('/table/column', { table_id: id, column: { name, rename_to } });
  await revert(id, 2);
  expect(await everywhere('select a, b, c from ring')).toEqual(ON.map(() => [{ a: 'a', b: 'b', c: 'c' }]));
});
