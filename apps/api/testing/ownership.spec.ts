import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { freshMysql, freshPostgres, freshSqlite, query, type Fresh } from '../../../testing/fixtures.js';
import { service, WAIT, type Service } from './service.js';

const kept: Fresh[] = [];
afterAll(async () => { await Promise.all(kept.map((one) => one.drop())); });

async function fresh(make: () => Promise<Fresh>): Promise<Fresh> {
  const one = await make();
  kept.push(one);
  return one;
}

describe('D3: a core database is nobody\'s database', () => {
  test.each([['postgres', freshPostgres], ['mysql', freshMysql]] as const)('on %s, under whatever address', async (_engine, make) => {
    const core = await fresh(make);
    const s = await service({ CORE_DATABASE_URL: core.url });
    try {
      for (const url of [core.url, core.url.replace('127.0.0.1', 'localhost')]) {
        const { status, body } = await s.call('POST', '/databases', { name: 'thecore', url });
        expect([url, status, body['code']]).toEqual([url, 409, 'core_database']);
      }
      const changed = await s.call('PUT', '/databases/default', { url: core.url });
      expect([changed.status, changed.body['code']]).toEqual([409, 'core_database']);
    } finally {
      await s.stop();
    }
    const ours = core.url.startsWith('postgres') ? 'select tablename as name from pg_tables' : 'select table_name as name from information_schema.tables where table_schema = database()';
    expect((await query<{ name: string }>(core.url, ours)).filter(({ name }) => name.startsWith('_saga_'))).toEqual([]);
  });

  test('on SQLite, by its path and by a link to it, also of another service', async () => {
    const s = await service();
    const other = await service();
    try {
      await symlink(join(s.dir, 'core.db'), join(s.dir, 'link.db'));
      for (const file of [join(s.dir, 'core.db'), join(s.dir, 'link.db'), join(other.dir, 'core.db')]) {
        const { status, body } = await s.call('POST', '/databases', { name: 'thecore', url: `sqlite:${file}` });
        expect([file, status, body['code']]).toEqual([file, 409, 'core_database']);
      }
    } finally {
      await s.stop();
      await other.stop();
    }
  });
});

describe('a registered database', () => {
  let s: Service;
  beforeAll(async () => { s = await service(); });
  afterAll(() => s.stop());

  test('D12: a refused change of its address leaves nothing behind in the other database', async () => {
    const [first, second] = [await fresh(freshPostgres), await fresh(freshPostgres)];
    await s.call('POST', '/databases', { name: 'dead', url: first.url });
    await s.call('POST', '/table/create', { name: 'living', databases: ['dead'] }, WAIT);
    const refused = await s.call('PUT', '/databases/dead', { url: second.url });
    expect([refused.status, refused.body['code']]).toEqual([409, 'database_mismatch']);
    expect(await query(second.url, 'select tablename from pg_tables where tablename like \'%saga%\'')).toEqual([]);
  });

  test('p10, p3: all that can be known is adopted, and what is left is told with the reason', async () => {
    const crm = await fresh(freshPostgres);
    for (const sql of ['create table users (id int primary key)', 'create table "Users" (id int primary key)', 'create table empty_one ()', 'create table good (id int primary key)',
      'create table ev (id int, at int not null) partition by range (at)', 'create table ev_1 partition of ev for values from (0) to (10)', 'create table kid (more int) inherits (good)']) await query(crm.url, sql);
    await s.call('POST', '/databases', { name: 'crm', url: crm.url });
    const { status, body } = await s.call('POST', '/databases/crm/adopt', { tables: 'all' }, WAIT);
    expect([status, body['detail']]).toEqual([200, undefined]);
    expect(body['tables'].map((table: { name: string }) => table.name).sort()).toEqual(['Users', 'ev', 'good']);
    expect(body['skipped']).toEqual(expect.arrayContaining([
      { name: 'users', kind: 'table', reason: expect.stringMatching(/case of letters/) }, { name: 'empty_one', kind: 'table', reason: 'it has no columns' },
      { name: 'ev_1', kind: 'partition', reason: 'it is a partition of ev, and changes with it' }, { name: 'kid', kind: 'child table', reason: 'it inherits from good, and changes with it' },
    ]));
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
    for (const sql of ['create table notes (id integer primary key, words text)', 'create virtual table notes_fts using fts5(words, content=\'notes\', content_rowid=\'id\')']) await query(notes.url, sql);
    await s.call('POST', '/databases', { name: 'notes', url: notes.url });
    const { body } = await s.call('POST', '/databases/notes/adopt', { tables: 'all' }, WAIT);
    expect(body['tables'].map((table: { name: string }) => table.name)).toEqual(['notes']);
    expect(body['skipped']).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'notes_fts', kind: 'virtual table' })]));
  });
});
