import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { spawnSync } from 'node:child_process';
import { link, mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freshMysql, freshPostgres, freshSqlite, query, tcpProxy, type Fresh } from '../../../testing/fixtures.js';
import { CORE_TABLES } from '#byodb';
import { service, WAIT, type Reply, type Service } from './service.js';
import { ROOT } from './commands.js';

// Whose a database is: told by what stands in it, whatever address leads there.

const ENGINES = ['postgres', 'mysql', 'sqlite'] as const;
const LEDGER = ['_saga_fences', '_saga_identity', '_saga_ledger'];
const FRESH = { postgres: freshPostgres, mysql: freshMysql, sqlite: freshSqlite };

async function tablesOf(url: string): Promise<string[]> {
  const sql = url.startsWith('sqlite:')
    ? `select name from sqlite_schema where type = 'table' order by name`
    : 'select table_name as name from information_schema.tables where table_schema = ' +
      `${url.startsWith('mysql') ? 'database()' : "'public'"} order by table_name`;
  return (await query(url, sql)).map((row) => String(row['name']));
}

const fileOf = (url: string): string => url.slice('sqlite:'.length);
const register = (s: Service, name: string, url: string, more: object = {}): Promise<Reply> =>
  s.call('POST', '/databases', { name, url, ...more });

/** Two services beside each other, and one whose core is on a server. */
let one: Service;
let other: Service;
const made: Fresh[] = [];
async function fresh(engine: (typeof ENGINES)[number]): Promise<Fresh> {
  const database = await FRESH[engine]();
  made.push(database);
  return database;
}

beforeAll(async () => {
  [one, other] = [await service(), await service()];
});
afterAll(async () => {
  await Promise.all([one.stop(), other.stop()]);
  await Promise.all(made.map((database) => database.drop()));
});

test('of many registrations that are recorded at the same instant one is taken, and the others are told what there is', async () => {
  const there = await fresh('sqlite');
  const core = new Sqlite(join(one.dir, 'core.db'));
  try {
    // All of them have looked, and find nothing, before the first one is recorded.
    core.exec('begin immediate');
    const all = Array.from({ length: 6 }, (_, i) => register(one, `instant_${i}`, there.url));
    await sleep(1500);
    core.exec('rollback');
    const answers = await Promise.all(all);
    const codes = answers.map(({ status, body }) => `${status} ${String(body['code'] ?? '')}`.trim()).sort();
    expect(codes).toEqual(['201', ...Array.from({ length: 5 }, () => '409 database_exists')]);
    const taken = answers.findIndex(({ status }) => status === 201);
    expect((await one.call('POST', `/databases/instant_${taken}/test`)).status).toBe(200);
  } finally {
    core.close();
  }
});

test('every version of the core has the tables that it is known by', async () => {
  const migrated = (
    await Promise.all(
      ['0001_events', '0002_read_models'].map((name) =>
        readFile(join(ROOT, 'migrations', `${name}.sqlite.sql`), 'utf8'),
      ),
    )
  ).join('');
  for (const table of CORE_TABLES) expect(migrated).toMatch(new RegExp(`create table (if not exists )?${table} \\(`));
});

describe("a core database is nobody's customer database", () => {
  test.each(ENGINES)("on %s: neither this service's own nor another's, by whatever address", async (engine) => {
    const core = await fresh(engine);
    const s = await service({ CORE_DATABASE_URL: core.url });
    try {
      const urls = [core.url];
      if (engine !== 'sqlite') {
        const aliased = new URL(core.url);
        aliased.hostname = aliased.hostname === '127.0.0.1' ? 'localhost' : '127.0.0.1';
        urls.push(aliased.href);
        const proxy = await tcpProxy(Number(new URL(core.url).port));
        urls.push(proxy.url(core.url));
        for (const url of urls) {
          expect(await register(s, 'thecore', url)).toMatchObject({ status: 409, body: { code: 'core_database' } });
          expect(await register(one, 'thecore', url)).toMatchObject({ status: 409, body: { code: 'core_database' } });
        }
        await proxy.close();
      } else {
        const [dir, file] = [one.dir, fileOf(core.url)];
        await link(file, join(dir, 'hard.db'));
        await symlink(file, join(dir, 'soft.db'));
        for (const path of [file, join(dir, 'hard.db'), join(dir, 'soft.db')])
          expect(await register(s, 'thecore', `sqlite:${path}`)).toMatchObject({
            status: 409,
            body: { code: 'core_database' },
          });
        // What a file with two names holds cannot be told while somebody writes to it.
        for (const path of [file, join(dir, 'hard.db')])
          expect(await register(one, 'thecore', `sqlite:${path}`)).toMatchObject({
            status: 400,
            body: { detail: expect.stringContaining('a hard link') },
          });
        await rm(join(dir, 'hard.db'));
        for (const path of [file, join(dir, 'soft.db')])
          expect(await register(one, 'thecore', `sqlite:${path}`)).toMatchObject({
            status: 409,
            body: { code: 'core_database' },
          });
      }
      // Nor a way in by the back door.
      const there = await fresh(engine);
      expect((await register(s, 'mine', there.url)).status).toBe(201);
      expect(await s.call('PUT', '/databases/mine', { url: core.url })).toMatchObject({
        status: 409,
        body: { code: 'core_database' },
      });
      expect((await s.call('GET', '/databases/mine')).body['database']).toMatchObject({ reachable: true });
      expect((await tablesOf(core.url)).filter((name) => name.startsWith('_saga_'))).toEqual([]);
    } finally {
      await s.stop();
    }
  });

  test("on PostgreSQL the schema that would be managed decides: another one of the same database is a customer's", async () => {
    const core = await fresh('postgres');
    await query(core.url, 'create schema shop');
    const s = await service({ CORE_DATABASE_URL: core.url });
    try {
      expect(await register(s, 'core', core.url, { schema: 'public' })).toMatchObject({
        status: 409,
        body: { code: 'core_database' },
      });
      expect((await register(s, 'shop', core.url, { schema: 'shop' })).status).toBe(201);
      expect(await s.call('POST', '/databases/shop/adopt', { tables: ['events'] })).toMatchObject({ status: 404 });
      expect((await s.call('GET', '/databases/shop')).body['database'].tables).toEqual([]);
      // A role whose search path leads to the core's schema has no better luck.
      const [role, url] = [`r_${basename(new URL(core.url).pathname)}`, new URL(core.url)];
      await query(core.url, `create role ${role} login superuser password 'x'`);
      await query(core.url, `alter role ${role} set search_path = public`);
      [url.username, url.password] = [role, 'x'];
      expect(await register(s, 'sneaky', url.href)).toMatchObject({ status: 409, body: { code: 'core_database' } });
      await query(core.url, `drop role ${role}`);
    } finally {
      await s.stop();
    }
  });

  test('one that takes the place of a registered file is not written to', async () => {
    const file = join(one.dir, 'swapped.db');
    expect((await register(one, 'swapped', `sqlite:${file}`)).status).toBe(201);
    for (const ending of ['', '-wal', '-shm']) await rm(file + ending, { force: true });
    await symlink(join(other.dir, 'core.db'), file);
    expect(await one.call('POST', '/databases/swapped/test')).toMatchObject({
      status: 409,
      body: { code: 'core_database' },
    });
    expect((await tablesOf(`sqlite:${other.dir}/core.db`)).filter((name) => name.startsWith('_saga_'))).toEqual([]);
  });
});

test("a SQLite file is none of the service's own, and no device, folder or by-file of another", async () => {
  const { dir } = one;
  await symlink(join(dir, 'core.db-journal'), join(dir, 'later.db'));
  await symlink(join(dir, 'credentials.key'), join(dir, 'key.db'));
  await mkdir(join(dir, 'folder'));
  await symlink(dir, join(dir, 'folder', 'up'));
  const own = [
    'core.db',
    'core.db-wal',
    'core.db-shm',
    'core.db-journal',
    'credentials.key',
    'later.db',
    'key.db',
    'folder/up/core.db',
    'folder/../core.db',
  ];
  for (const file of own)
    expect([file, await register(one, 'own', `sqlite:${dir}/${file}`)]).toMatchObject([
      file,
      { status: 409, body: { code: 'core_database' } },
    ]);
  spawnSync('mkfifo', [join(dir, 'pipe')]);
  for (const file of [`${dir}/folder`, `${dir}/pipe`, '/dev/null', '/dev/zero', `${dir}/byodb.db-wal`]) {
    expect([file, await register(one, 'own', `sqlite:${file}`)]).toMatchObject([
      file,
      { status: 400, body: { code: 'validation_failed' } },
    ]);
  }
  expect(await readFile(join(dir, 'credentials.key'), 'utf8')).toMatch(/^[0-9a-f]{64}$/);
});

describe.each(ENGINES)('two services and one database on %s', (engine) => {
  test('the second is told whose it is; the first frees it by removing it', async () => {
    const there = await fresh(engine);
    expect((await register(one, `shared_${engine}`, there.url)).status).toBe(201);
    const refused = await register(other, 'shared', there.url);
    expect(refused).toMatchObject({
      status: 409,
      body: {
        code: 'managed_elsewhere',
        managed_by: { core_id: expect.stringMatching(/^[0-9a-f-]{36}$/), since: expect.stringMatching(/^\d{4}-.*Z$/) },
        hint: expect.any(String),
      },
    });
    expect(await other.call('GET', '/databases/shared')).toMatchObject({ status: 404 });
    expect((await one.call('DELETE', `/databases/shared_${engine}`)).status).toBe(204);
    expect(await tablesOf(there.url)).toEqual([]);
    expect((await register(other, `shared_${engine}`, there.url)).status).toBe(201);
  });

  test('it is taken over by a word that names the other service; that one meets a database that is not its own', async () => {
    const there = await fresh(engine);
    const name = `taken_${engine}`;
    await register(one, name, there.url);
    const { table } = (await one.call('POST', '/table/create', { name: 'orders', databases: [name] }, WAIT)).body;
    const { managed_by } = (await register(other, name, there.url)).body;
    const wrong = { core_id: '01999999-0000-7000-8000-000000000000', reason: 'no idea' };
    expect(await register(other, name, there.url, { take_over: wrong })).toMatchObject({
      status: 409,
      body: { code: 'managed_elsewhere' },
    });
    expect(await register(other, name, there.url, { take_over: { core_id: managed_by.core_id } })).toMatchObject({
      status: 400,
    });
    const taken = { core_id: managed_by.core_id as string, reason: 'the old service burnt down' };
    const { database } = (await register(other, name, there.url, { take_over: taken })).body;
    const events = (await other.call('GET', `/events?stream=database-${database.database_id as string}`)).body[
      'events'
    ];
    expect(events).toMatchObject([{ type: 'DatabaseRegistered', data: { taken_over: taken } }]);
    // The former one touches nothing there any more.
    expect(await one.call('POST', `/databases/${name}/test`)).toMatchObject({
      status: 409,
      body: { code: 'managed_elsewhere' },
    });
    expect(await one.call('POST', '/table/rename', { table_id: table.table_id, name: 'bills' }, WAIT)).toMatchObject({
      status: 422,
      body: { code: 'saga_rejected', saga: { error: { code: 'managed_elsewhere' } } },
    });
    expect((await other.call('POST', `/databases/${name}/adopt`, { tables: ['orders'] }, WAIT)).status).toBe(200);
    expect(await register(other, `${name}_again`, there.url, { take_over: taken })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'take_over.core_id' }] },
    });
  });

  test("a ledger of an earlier version is the first one's that uses it", async () => {
    const there = await fresh(engine);
    await register(one, `old_${engine}`, there.url);
    const column = engine === 'mysql' ? 'database_id' : 'id';
    const [row] = await query(there.url, `select ${column} as id from _saga_identity`);
    await query(there.url, 'drop table _saga_identity');
    await query(
      there.url,
      engine === 'mysql'
        ? 'create table _saga_identity (one tinyint not null primary key, database_id varchar(64) not null)'
        : engine === 'postgres'
          ? 'create table _saga_identity (only_row boolean primary key default true check (only_row), id text not null)'
          : 'create table _saga_identity (only_row integer not null primary key check (only_row = 1), id text ' +
            'not null)',
    );
    await query(
      there.url,
      `insert into _saga_identity values (${engine === 'postgres' ? 'true' : '1'}, '${String(row!['id'])}')`,
    );
    expect((await one.call('POST', `/databases/old_${engine}/test`)).status).toBe(200);
    expect(await register(other, `old_${engine}`, there.url)).toMatchObject({
      status: 409,
      body: { code: 'managed_elsewhere' },
    });
  });

  test('what is refused leaves nothing behind, and what is removed neither', async () => {
    const [there, elsewhere] = [await fresh(engine), await fresh(engine)];
    if (engine === 'sqlite') await query(elsewhere.url, 'create table theirs (id integer)');
    await register(one, `used_${engine}`, there.url);
    await one.call('POST', '/table/create', { name: 'kept', databases: [`used_${engine}`] }, WAIT);
    const before = await tablesOf(elsewhere.url);
    expect(await one.call('PUT', `/databases/used_${engine}`, { url: elsewhere.url })).toMatchObject({
      status: 409,
      body: { code: 'database_mismatch' },
    });
    expect(await register(one, `used_${engine}`, elsewhere.url)).toMatchObject({
      status: 409,
      body: { code: 'database_exists' },
    });
    expect(await register(one, 'again', there.url)).toMatchObject({ status: 409, body: { code: 'database_exists' } });
    expect(await tablesOf(elsewhere.url)).toEqual(before);
    // Of many at once one is registered, and nothing of the others stays in its way.
    const many = await Promise.all(
      Array.from({ length: 4 }, (_, i) => register(one, `many_${engine}_${i}`, elsewhere.url)),
    );
    expect(many.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    const name = `many_${engine}_${many.findIndex(({ status }) => status === 201)}`;
    expect((await one.call('POST', `/databases/${name}/test`)).status).toBe(200);
    expect((await tablesOf(elsewhere.url)).filter((table) => table.startsWith('_saga_'))).toEqual(LEDGER);
    // To another database, while nothing lives in the former one: that one is left as it was.
    const third = await fresh(engine);
    expect((await one.call('PUT', `/databases/${name}`, { url: third.url })).status).toBe(200);
    expect(await tablesOf(elsewhere.url)).toEqual(before);
    expect((await one.call('DELETE', `/databases/${name}`)).status).toBe(204);
    expect((await tablesOf(third.url)).filter((table) => table.startsWith('_saga_'))).toEqual([]);
  });

  test('an identity that no service wrote is said to be one', async () => {
    for (const odd of ['with blank', 'line\nbreak', 'größe', 'x'.repeat(60)]) {
      const there = await fresh(engine);
      await register(one, 'odd', there.url);
      await query(there.url, `update _saga_identity set ${engine === 'mysql' ? 'database_id' : 'id'} = '${odd}'`);
      await one.call('DELETE', '/databases/odd');
      const again = await register(one, 'odd', there.url);
      expect([again.status, again.body['code']]).toEqual([409, 'database_mismatch']);
      expect(again.body['detail']).toContain(JSON.stringify(odd));
    }
  });
});

test('a copy of a core is a core too, also one of an earlier version', async () => {
  const copy = join(one.dir, 'copy.db');
  await query(`sqlite:${other.dir}/core.db`, `vacuum into '${copy}'`);
  await query(`sqlite:${copy}`, 'drop table core_identity');
  expect(await register(one, 'copy', `sqlite:${copy}`)).toMatchObject({ status: 409, body: { code: 'core_database' } });
});
