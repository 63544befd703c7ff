import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freshMysql, freshPostgres, freshSqlite, query, type Fresh } from '../../../testing/fixtures.js';
import { service, WAIT, type Service } from './service.js';

const kept: Fresh[] = [];
afterAll(async () => {
  await Promise.all(kept.map((one) => one.drop()));
});

async function fresh(make: () => Promise<Fresh>): Promise<Fresh> {
  const one = await make();
  kept.push(one);
  return one;
}

describe('what an adoption of all leaves out', () => {
  let s: Service;
  beforeAll(async () => {
    s = await service();
  });
  afterAll(() => s.stop());

  test('p10, p3: all that can be known is adopted, and what is left is told with the reason', async () => {
    const crm = await fresh(freshPostgres);
    for (const sql of [
      'create table users (id int primary key)',
      'create table "Users" (id int primary key)',
      'create table empty_one ()',
      'create table good (id int primary key)',
      'create table ev (id int, at int not null) partition by range (at)',
      'create table ev_1 partition of ev for values from (0) to (10)',
      'create table kid (more int) inherits (good)',
    ])
      await query(crm.url, sql);
    await s.call('POST', '/databases', { name: 'crm', url: crm.url });
    const { status, body } = await s.call('POST', '/databases/crm/adopt', { tables: 'all' }, WAIT);
    expect([status, body['detail']]).toEqual([200, undefined]);
    expect(body['tables'].map((table: { name: string }) => table.name).sort()).toEqual(['Users', 'ev', 'good']);
    expect(body['skipped']).toEqual(
      expect.arrayContaining([
        { name: 'users', kind: 'table', reason: expect.stringMatching(/case of letters/) },
        { name: 'empty_one', kind: 'table', reason: 'it has no columns' },
        { name: 'ev_1', kind: 'partition', reason: 'it is a partition of ev, and follows that table' },
        { name: 'kid', kind: 'inherited table', reason: 'it inherits from good, and follows that table' },
      ]),
    );
    expect(body['skipped']).toHaveLength(4);
  });

  test('D16: one that cannot be reached still shows the tables that live there', async () => {
    const gone = await freshMysql();
    await s.call('POST', '/databases', { name: 'gone', url: gone.url });
    await s.call('POST', '/table/create', { name: 'stays', databases: ['gone'] }, WAIT);
    await gone.drop();
    const { body } = await s.call('GET', '/databases/gone');
    expect([body['database'].reachable, body['database'].tables]).toEqual([false, ['stays']]);
  });

  test('SQLite: virtual tables and what belongs to them are left out', async () => {
    const notes = await fresh(freshSqlite);
    for (const sql of [
      'create table notes (id integer primary key, words text)',
      "create virtual table notes_fts using fts5(words, content='notes', content_rowid='id')",
    ])
      await query(notes.url, sql);
    await s.call('POST', '/databases', { name: 'notes', url: notes.url });
    const { body } = await s.call('POST', '/databases/notes/adopt', { tables: 'all' }, WAIT);
    expect(body['tables'].map((table: { name: string }) => table.name)).toEqual(['notes']);
    expect(body['skipped']).toEqual(
      expect.arrayContaining([expect.objectContaining({ name: 'notes_fts', kind: 'virtual table' })]),
    );
  });
});
